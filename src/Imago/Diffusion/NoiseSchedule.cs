using System.Collections;

namespace Imago.Diffusion;

/// <summary>The levels that a sampler visits, noisiest first; immutable. Usually the last one is clean.</summary>
public sealed class NoiseSchedule : IReadOnlyList<NoiseLevel>
{
    private readonly NoiseLevel[] levels;
    private readonly NoiseLevel[]? arrivals;

    /// <summary>Takes the levels as they are.</summary>
    /// <param name="levels">At least two.</param>
    /// <param name="process">The process they belong to; needed by the methods that evaluate between the levels (<c>dpm2</c>, <c>dpmpp_sde</c>, churn, …).</param>
    /// <exception cref="ArgumentException">There are fewer than two levels, or one is not a number.</exception>
    public NoiseSchedule(IEnumerable<NoiseLevel> levels, NoiseProcess? process = null)
    {
        Process = process;
        this.levels = [.. levels];
        if (this.levels.Length < 2) throw new ArgumentException($"A schedule has {this.levels.Length} levels; it needs at least two: one to start from and one to arrive at.", nameof(levels));
        var broken = Array.FindIndex(this.levels, level => double.IsNaN(level.Alpha + level.Sigma + level.Time));
        if (broken >= 0) throw new ArgumentException($"Level {broken} of the schedule is {this.levels[broken]}, which is not a number.", nameof(levels));
    }

    private NoiseSchedule((NoiseLevel From, NoiseLevel To)[] steps, NoiseProcess? process)
        : this([.. steps.Select(step => step.From), .. steps.Select(step => step.To).TakeLast(1)], process) => arrivals = [.. steps.Select(step => step.To)];

    /// <summary>
    /// A schedule whose steps need not start where the one before arrived: the sample is carried over as it is. Some published methods step to a level and go on from a
    /// neighbouring one; pictures equal to theirs need the same.
    /// </summary>
    /// <param name="steps">Where each step starts and where it arrives; at least one.</param>
    /// <param name="process">The process they belong to.</param>
    public static NoiseSchedule OfSteps(IEnumerable<(NoiseLevel From, NoiseLevel To)> steps, NoiseProcess? process = null) => new([.. steps], process);

    /// <summary>Where a step arrives: usually the next level.</summary>
    /// <param name="step">Its number, from 0.</param>
    public NoiseLevel To(int step) => arrivals is null ? levels[step + 1] : arrivals[step];

    /// <summary>The schedule without its first steps, for a run that starts from a picture.</summary>
    /// <param name="steps">How many to leave out; at least one must remain.</param>
    public NoiseSchedule StartingAfter(int steps) => steps >= 0 && steps < Steps
        ? OfSteps(Enumerable.Range(steps, Steps - steps).Select(i => (levels[i], To(i))), Process)
        : throw new ArgumentOutOfRangeException(nameof(steps), steps, $"The schedule has {Steps} steps, of which at least one must remain.");

    /// <summary>The first steps of the schedule alone, for a run that hands over to another model.</summary>
    /// <param name="steps">How many to keep, at least one.</param>
    public NoiseSchedule EndingAfter(int steps) => steps > 0 && steps <= Steps
        ? OfSteps(Enumerable.Range(0, steps).Select(i => (levels[i], To(i))), Process)
        : throw new ArgumentOutOfRangeException(nameof(steps), steps, $"The schedule has {Steps} steps, of which at least one is kept.");

    /// <summary>The process that the levels belong to, if it is known.</summary>
    public NoiseProcess? Process { get; }

    /// <summary>The process's level with a given σ/α, which need not be one of the schedule's.</summary>
    /// <param name="ratio">σ/α, positive.</param>
    /// <exception cref="InvalidOperationException">The schedule does not know its process.</exception>
    public NoiseLevel AtRatio(double ratio) => Process is { } process
        ? process.AtRatio(ratio)
        : throw new InvalidOperationException($"This method evaluates between the schedule's levels (at σ/α = {ratio:g6}), but the schedule does not know its process; construct it with one: new NoiseSchedule(levels, process).");

    /// <summary>Steps from level to level.</summary>
    public int Steps => levels.Length - 1;

    /// <inheritdoc/>
    public int Count => levels.Length;

    /// <inheritdoc/>
    public NoiseLevel this[int index] => levels[index];

    /// <inheritdoc/>
    public IEnumerator<NoiseLevel> GetEnumerator() => ((IEnumerable<NoiseLevel>)levels).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => levels.GetEnumerator();
}

using System.Collections;

namespace Imago.Diffusion;

/// <summary>The levels that a sampler visits, noisiest first; immutable. Usually the last one is clean.</summary>
public sealed class NoiseSchedule : IReadOnlyList<NoiseLevel>
{
    private readonly NoiseLevel[] levels;

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

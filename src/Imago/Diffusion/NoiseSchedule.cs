using System.Collections;

namespace Imago.Diffusion;

/// <summary>The levels that a sampler visits, noisiest first; immutable. Usually the last one is clean.</summary>
public sealed class NoiseSchedule : IReadOnlyList<NoiseLevel>
{
    private readonly NoiseLevel[] levels;

    /// <summary>Takes the levels as they are.</summary>
    /// <param name="levels">At least two.</param>
    /// <exception cref="ArgumentException">There are fewer than two levels, or one is not a number.</exception>
    public NoiseSchedule(IEnumerable<NoiseLevel> levels)
    {
        this.levels = [.. levels];
        if (this.levels.Length < 2) throw new ArgumentException($"A schedule has {this.levels.Length} levels; it needs at least two: one to start from and one to arrive at.", nameof(levels));
        var broken = Array.FindIndex(this.levels, level => double.IsNaN(level.Alpha + level.Sigma + level.Time));
        if (broken >= 0) throw new ArgumentException($"Level {broken} of the schedule is {this.levels[broken]}, which is not a number.", nameof(levels));
    }

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

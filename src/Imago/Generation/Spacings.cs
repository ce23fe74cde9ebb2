using Imago.Diffusion;

namespace Imago.Generation;

/// <summary>Which levels a run visits, by name.</summary>
public static class Spacings
{
    /// <summary>Name → the levels of n steps of a process, noisiest first, without the clean one at the end.</summary>
    public static IReadOnlyDictionary<string, Func<NoiseProcess, int, IEnumerable<NoiseLevel>>> All { get; } = new SortedDictionary<string, Func<NoiseProcess, int, IEnumerable<NoiseLevel>>>(StringComparer.Ordinal)
    {
        ["even"] = (process, steps) => Enumerable.Range(0, steps).Select(i => process.AtShare(1 - (double)i / steps)),
        ["karras"] = (process, steps) => ByAmount(process, (from, to) => Ramps.Karras(from, to, steps)),
        ["exponential"] = (process, steps) => ByAmount(process, (from, to) => Ramps.Exponential(from, to, steps)),
        ["beta"] = (process, steps) => ByAmount(process, (from, to) => Ramps.Beta(from, to, steps)),
    };

    /// <summary>The schedule of a run, from the noisiest level to a clean one.</summary>
    /// <param name="process">The process.</param>
    /// <param name="name">Name of the spacing.</param>
    /// <param name="steps">n, at least 1.</param>
    /// <exception cref="ArgumentException">There is no such spacing; the message lists those there are.</exception>
    public static NoiseSchedule Schedule(NoiseProcess process, string name, int steps)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(steps, 1);
        if (!All.TryGetValue(name, out var spacing)) throw new ArgumentException($"There is no spacing '{name}'; the spacings are {string.Join(", ", All.Keys)}.", nameof(name));
        return new NoiseSchedule([.. spacing(process, steps), process.AtRatio(0) with { Alpha = 1, Sigma = 0 }], process);
    }

    private static IEnumerable<NoiseLevel> ByAmount(NoiseProcess process, Func<double, double, double[]> ramp)
    {
        var (noisiest, cleanest) = (process.Amount(process.AtShare(1)), process.Amount(process.AtShare(1.0 / process.TrainingSteps)));
        return ramp(noisiest, cleanest).Select(process.AtAmount);
    }
}

using static TorchSharp.torch;

namespace Imago.Diffusion;

/// <summary>What guidance remembers during one run of a sampler: where in its schedule a level lies, and the momentum of differences. Make one for each run.</summary>
/// <param name="schedule">The levels that the sampler visits.</param>
public sealed class GuidanceRun(NoiseSchedule schedule) : IDisposable
{
    private Tensor? accumulated;

    /// <summary>Steps of the run.</summary>
    public int Steps => schedule.Steps;

    /// <summary>The number of the step that a level belongs to, from 0: the last that starts from as much noise or more. A method may ask for levels between two of the schedule.</summary>
    public int StepOf(NoiseLevel level)
    {
        var visited = schedule.Take(Steps).ToList();
        var exact = visited.IndexOf(level);
        return exact >= 0 ? exact : Math.Max(0, visited.FindLastIndex(start => start.Ratio >= level.Ratio));
    }

    /// <summary>What the network is told about the level that a step leaves.</summary>
    internal double TimeOf(int step) => schedule[step].Time;

    /// <summary>d̄ ← d + β d̄ (Sadat et al. 2024, Eq. 9); the first is d.</summary>
    internal Tensor Accumulate(Tensor difference, double beta)
    {
        var sum = (accumulated is null ? difference : difference + beta * accumulated).detach();
        accumulated?.Dispose();
        accumulated = sum.clone().DetachFromDisposeScope();
        return sum;
    }

    /// <inheritdoc/>
    public void Dispose() => accumulated?.Dispose();
}

/// <summary>The steps at which guidance is on, as shares of the run (Kynkäänniemi et al. 2024 show that the first and the last are better without).</summary>
/// <param name="Start">From this share of the steps …</param>
/// <param name="Stop">… up to this, without it.</param>
public readonly record struct GuidanceInterval(double Start, double Stop)
{
    /// <summary>All steps.</summary>
    public static GuidanceInterval Whole { get; } = new(0, 1);

    /// <summary>The steps of a schedule that leave levels with low &lt; σ/α ≤ high, as Kynkäänniemi et al. 2024 give their intervals.</summary>
    /// <param name="schedule">The levels of the run, noisiest first.</param>
    /// <param name="low">Guidance is off at this σ/α and below.</param>
    /// <param name="high">Guidance is off above this σ/α.</param>
    public static GuidanceInterval OfNoise(NoiseSchedule schedule, double low, double high)
    {
        var starts = schedule.Take(schedule.Steps).ToList();
        var (above, inside) = (starts.Count(level => level.Ratio > high), starts.Count(level => level.Ratio <= high && level.Ratio > low));
        return new((above + 0.5) / schedule.Steps, (above + inside + 0.5) / schedule.Steps);        // the halves keep ⌊share × n⌋ exact
    }

    /// <summary>⌊start n⌋ ≤ step &lt; ⌊stop n⌋.</summary>
    /// <param name="step">From 0.</param>
    /// <param name="steps">n.</param>
    public bool Contains(int step, int steps) => (int)(Start * steps) <= step && step < (int)(Stop * steps);

    /// <summary>⌊start n⌋ &lt; step &lt; ⌊stop n⌋: perturbations never act in the very first step.</summary>
    /// <inheritdoc cref="Contains"/>
    public bool ContainsInside(int step, int steps) => (int)(Start * steps) < step && step < (int)(Stop * steps);

    /// <summary>start n &lt; step &lt; stop n, unrounded, as Stable Diffusion 3's own skip-layer guidance counts.</summary>
    /// <inheritdoc cref="Contains"/>
    public bool ContainsUnrounded(int step, int steps) => step > Start * steps && step < Stop * steps;
}

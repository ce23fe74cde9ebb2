namespace Imago.Diffusion;

/// <summary>How a wish for a part of the steps becomes positions among them: as the pipelines of diffusers count, which differ by family.</summary>
public static class PartialRuns
{
    /// <summary>The first step of image-to-image with Stable Diffusion and SDXL: n − ⌊n·strength⌋.</summary>
    /// <param name="steps">n.</param>
    /// <param name="strength">How much of the noise is put on the picture, in [0, 1].</param>
    /// <returns>The number of steps left out; n leaves none.</returns>
    public static int Start(int steps, double strength) => steps - (int)Math.Min(steps * RequireStrength(strength), steps);

    /// <summary>The first step of image-to-image with Stable Diffusion 3: ⌊n − n·strength⌋.</summary>
    /// <param name="steps">n.</param>
    /// <param name="strength">How much of the noise is put on the picture, in [0, 1].</param>
    public static int StartOfFlow(int steps, double strength) => (int)Math.Max(steps - Math.Min(steps * RequireStrength(strength), steps), 0);

    /// <summary>The timestep at which a run hands over to a refiner: T − fraction·T, rounded.</summary>
    /// <param name="fraction">Which part of the noise the first model removes.</param>
    /// <param name="training">T.</param>
    public static int HandOver(double fraction, int training = 1000) => (int)Math.Round(training - fraction * training);

    /// <summary>How many evaluations the first model makes: those at the hand-over or noisier.</summary>
    /// <param name="timesteps">The timesteps of all evaluations, noisiest first.</param>
    /// <param name="fraction">Which part of the noise the first model removes.</param>
    /// <param name="training">T.</param>
    public static int EvaluationsBefore(IEnumerable<double> timesteps, double fraction, int training = 1000) =>
        timesteps.Count(t => t >= HandOver(fraction, training));

    /// <summary>The position of the refiner's first evaluation. A method with two evaluations a step never starts in the middle of one.</summary>
    /// <param name="timesteps">The timesteps of all evaluations, noisiest first.</param>
    /// <param name="fraction">Which part of the noise the first model has removed.</param>
    /// <param name="evaluationsPerStep">1, or 2 for Heun and its like.</param>
    /// <param name="training">T.</param>
    public static int StartAfter(IReadOnlyList<double> timesteps, double fraction, int evaluationsPerStep = 1, int training = 1000)
    {
        var left = timesteps.Count(t => t < HandOver(fraction, training));
        if (evaluationsPerStep == 2 && left % 2 == 0) left++;
        return timesteps.Count - left;
    }

    private static double RequireStrength(double strength) => strength is >= 0 and <= 1
        ? strength
        : throw new ArgumentOutOfRangeException(nameof(strength), strength, "A strength lies in [0, 1].");
}

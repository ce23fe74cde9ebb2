namespace Imago.Diffusion;

/// <summary>Tables of variances of discrete variance-preserving processes, in double precision. x_t = √(1 − β_t) x_{t−1} + √β_t ε.</summary>
public static class Betas
{
    /// <summary>No step may remove more than this share of the variance where a schedule is given by its ᾱ.</summary>
    private const double LargestBeta = 0.999;

    /// <summary>The variances of a schedule.</summary>
    /// <param name="schedule">How they grow.</param>
    /// <param name="steps">T: how many there are.</param>
    /// <param name="start">β₁, the least noisy step's.</param>
    /// <param name="end">β_T, the noisiest step's.</param>
    /// <returns>T numbers in (0, 1].</returns>
    /// <exception cref="ArgumentOutOfRangeException">T is not positive, an end is outside [0, 1], or there is no such schedule.</exception>
    public static double[] Of(BetaSchedule schedule, int steps = 1000, double start = 1e-4, double end = 0.02)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(steps, 1);
        if (!(start is >= 0 and <= 1)) throw new ArgumentOutOfRangeException(nameof(start), start, "A variance β lies in [0, 1].");
        if (!(end is >= 0 and <= 1)) throw new ArgumentOutOfRangeException(nameof(end), end, "A variance β lies in [0, 1].");
        return schedule switch
        {
            BetaSchedule.Linear => Ramps.Linear(start, end, steps),
            BetaSchedule.ScaledLinear => [.. Ramps.Linear(Math.Sqrt(start), Math.Sqrt(end), steps).Select(root => root * root)],
            BetaSchedule.Sigmoid => [.. Ramps.Linear(-6, 6, steps).Select(x => (end - start) / (1 + Math.Exp(-x)) + start)],
            BetaSchedule.Cosine => FromAlphaBar(t => Square(Math.Cos((t + 0.008) / 1.008 * Math.PI / 2)), steps),
            BetaSchedule.Exp => FromAlphaBar(t => Math.Exp(-12 * t), steps),
            BetaSchedule.Laplace => FromAlphaBar(LaplaceRoot, steps),
            _ => throw new ArgumentOutOfRangeException(nameof(schedule), schedule, "There is no such schedule of variances."),
        };
    }

    /// <summary>ᾱ_t = ∏_{s ≤ t} (1 − β_s): the share of the variance that is still the image's.</summary>
    /// <param name="betas">The variances, least noisy first.</param>
    public static double[] AlphaBars(IEnumerable<double> betas)
    {
        var alphaBar = 1.0;
        return [.. betas.Select(beta => alphaBar *= 1 - beta)];
    }

    /// <summary>β_t = 1 − ᾱ_t/ᾱ_{t−1}, with ᾱ = 1 before the first step.</summary>
    /// <param name="alphaBars">The products, least noisy first.</param>
    public static double[] FromAlphaBars(IReadOnlyList<double> alphaBars) =>
        [.. alphaBars.Select((alphaBar, t) => 1 - alphaBar / (t == 0 ? 1 : alphaBars[t - 1]))];

    /// <summary>Moves and scales √ᾱ so that the last step keeps nothing of the image and the first is as it was (Lin et al. 2024, Algorithm 1).</summary>
    /// <param name="betas">The variances, least noisy first; at least two, of which not all are 0.</param>
    /// <returns>The variances whose ᾱ ends at 0: the last is 1.</returns>
    public static double[] ZeroTerminalSnr(IReadOnlyList<double> betas)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(betas.Count, 2, nameof(betas));
        var roots = AlphaBars(betas).Select(Math.Sqrt).ToArray();
        var (first, last) = (roots[0], roots[^1]);
        if (first == last) throw new ArgumentException("The variances are all 0 after the first, so there is no signal-to-noise ratio to rescale.", nameof(betas));
        var scale = first / (first - last);
        return FromAlphaBars([.. roots.Select(root => Square((root - last) * scale))]);
    }

    /// <summary>β_t = min(1 − f((t+1)/T)/f(t/T), 0.999).</summary>
    private static double[] FromAlphaBar(Func<double, double> f, int steps) =>
        [.. Enumerable.Range(0, steps).Select(t => Math.Min(1 - f((t + 1) / (double)steps) / f(t / (double)steps), LargestBeta))];

    private static double LaplaceRoot(double t)
    {
        var lambda = (t <= 0.5 ? -0.5 : 0.5) * Math.Log(1 - 2 * Math.Abs(0.5 - t) + 1e-6);
        var snr = Math.Exp(lambda);
        return Math.Sqrt(snr / (1 + snr));
    }

    private static double Square(double x) => x * x;
}

namespace Imago.Diffusion;

/// <summary>
/// Discrete variance-preserving diffusion (Ho et al. 2020): x_t = √ᾱ_t x₀ + √(1 − ᾱ_t) ε for t = 0 … T − 1, and between these times by interpolation of
/// ln(σ/α). The network is told t.
/// </summary>
public sealed record VariancePreserving : NoiseProcess
{
    private readonly double[] alphaBars;
    private readonly double[] logRatios;

    /// <summary>The process of a schedule of variances.</summary>
    /// <param name="schedule">How β grows.</param>
    /// <param name="steps">T.</param>
    /// <param name="start">β₁.</param>
    /// <param name="end">β_T.</param>
    /// <param name="zeroTerminalSnr">Whether the noisiest level is moved to pure noise (Lin et al. 2024).</param>
    public VariancePreserving(BetaSchedule schedule, int steps = 1000, double start = 1e-4, double end = 0.02, bool zeroTerminalSnr = false)
        : this(Diffusion.Betas.AlphaBars(zeroTerminalSnr ? Diffusion.Betas.ZeroTerminalSnr(Diffusion.Betas.Of(schedule, steps, start, end)) : Diffusion.Betas.Of(schedule, steps, start, end)))
    {
    }

    /// <summary>The process of a table of products ᾱ.</summary>
    /// <param name="alphaBars">ᾱ_t, least noisy first: falling, in (0, 1); the last may be 0.</param>
    /// <exception cref="ArgumentException">There is none, or they do not fall, or one is outside.</exception>
    public VariancePreserving(IEnumerable<double> alphaBars)
    {
        this.alphaBars = [.. alphaBars];
        if (this.alphaBars.Length == 0) throw new ArgumentException("A process has at least one level; the table of ᾱ is empty.", nameof(alphaBars));
        for (int t = 0; t < this.alphaBars.Length; t++)
        {
            var (value, before) = (this.alphaBars[t], t == 0 ? 1 : this.alphaBars[t - 1]);
            if (!(value >= 0 && value < before)) throw new ArgumentException($"ᾱ falls from below 1 to 0 at the least; ᾱ at time {t} is {value} after {before}.", nameof(alphaBars));
        }
        logRatios = [.. this.alphaBars.Select(alphaBar => 0.5 * (Math.Log(1 - alphaBar) - Math.Log(alphaBar)))];
    }

    /// <summary>The process of given variances.</summary>
    /// <param name="betas">β_t, least noisy first, in (0, 1]; only the last may be 1.</param>
    public static VariancePreserving FromBetas(IEnumerable<double> betas) => new(Diffusion.Betas.AlphaBars(betas));

    /// <summary>Stable Diffusion's process: β from 0.00085 to 0.012, √β evenly.</summary>
    public static VariancePreserving StableDiffusion { get; } = new(BetaSchedule.ScaledLinear, 1000, 0.00085, 0.012);

    /// <summary>ᾱ_t, least noisy first.</summary>
    public IReadOnlyList<double> AlphaBars => alphaBars;

    /// <summary>β_t = 1 − ᾱ_t/ᾱ_{t−1}.</summary>
    public IReadOnlyList<double> Betas => Diffusion.Betas.FromAlphaBars(alphaBars);

    /// <inheritdoc/>
    public override int TrainingSteps => alphaBars.Length;

    /// <inheritdoc/>
    public override double CleanestTime => 0;

    /// <inheritdoc/>
    public override double NoisiestTime => alphaBars.Length - 1;

    /// <inheritdoc/>
    public override NoiseLevel At(double time)
    {
        RequireTime(time);
        var low = (int)time;
        if (time == low) return new(Math.Sqrt(alphaBars[low]), Math.Sqrt(1 - alphaBars[low]), time);
        return double.IsFinite(logRatios[low + 1])
            ? FromRatio(Math.Exp(Interpolation.At(logRatios, time)), time)
            : FromAlpha(Math.Sqrt(alphaBars[low]) * (low + 1 - time), time);                  // towards pure noise α falls evenly
    }

    /// <inheritdoc/>
    public override NoiseLevel AtRatio(double ratio)
    {
        RequireRatio(ratio);
        return double.IsPositiveInfinity(ratio) ? new(0, 1, NoisiestTime) : FromRatio(ratio, TimeOf(ratio));
    }

    /// <inheritdoc/>
    public override NoiseLevel AtShare(double share)
    {
        RequireShare(share);
        return At(Math.Clamp(Math.Round(share * TrainingSteps) - 1, CleanestTime, NoisiestTime));
    }

    /// <summary>The whole time whose level is nearest in ln(σ/α).</summary>
    /// <param name="ratio">σ/α, positive.</param>
    public int NearestTime(double ratio) => Enumerable.Range(0, logRatios.Length).MinBy(t => Math.Abs(Math.Log(ratio) - logRatios[t]));

    private double TimeOf(double ratio)
    {
        if (ratio == 0 || alphaBars.Length == 1) return 0;
        if (double.IsFinite(logRatios[^1])) return Interpolation.IndexOf(logRatios, Math.Log(ratio));
        var (alpha, last) = (1 / Math.Sqrt(1 + ratio * ratio), Math.Sqrt(alphaBars[^2]));
        return alpha < last ? NoisiestTime - alpha / last : Interpolation.IndexOf(new ArraySegment<double>(logRatios, 0, logRatios.Length - 1), Math.Log(ratio));
    }

    private static NoiseLevel FromRatio(double ratio, double time)
    {
        var alpha = 1 / Math.Sqrt(1 + ratio * ratio);
        return new(alpha, ratio * alpha, time);
    }

    private static NoiseLevel FromAlpha(double alpha, double time) => new(alpha, Math.Sqrt(1 - alpha * alpha), time);
}

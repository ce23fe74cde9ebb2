namespace Imago.Diffusion;

/// <summary>
/// Continuous variance-preserving diffusion (Song et al. 2021): σ/α = √(e^(½ β_d t² + β_min t) − 1), t in [ε, 1]. The network is told (M − 1) t.
/// </summary>
/// <param name="BetaD">β_d: how much β grows.</param>
/// <param name="BetaMin">β_min: β at t = 0.</param>
/// <param name="Epsilon">ε: the time of the cleanest level.</param>
/// <param name="Steps">M.</param>
public sealed record VariancePreservingSde(double BetaD = 19.9, double BetaMin = 0.1, double Epsilon = 1e-3, int Steps = 1000) : NoiseProcess
{
    /// <inheritdoc/>
    public override int TrainingSteps => Steps;

    /// <inheritdoc/>
    public override double CleanestTime => (Steps - 1) * Epsilon;

    /// <inheritdoc/>
    public override double NoisiestTime => Steps - 1;

    /// <inheritdoc/>
    public override NoiseLevel At(double time)
    {
        RequireTime(time);
        return FromRatio(Sigma(time / (Steps - 1)), time);
    }

    /// <inheritdoc/>
    public override NoiseLevel AtRatio(double ratio)
    {
        RequireRatio(ratio);
        return double.IsPositiveInfinity(ratio) ? new(0, 1, NoisiestTime) : FromRatio(ratio, (Steps - 1) * TimeOf(ratio));
    }

    /// <inheritdoc/>
    public override NoiseLevel AtShare(double share)
    {
        RequireShare(share);
        return At(Math.Clamp(share * (Steps - 1), CleanestTime, NoisiestTime));
    }

    /// <summary>σ(t) in the scale x₀ + σ ε.</summary>
    /// <param name="t">t in [0, 1].</param>
    public double Sigma(double t) => Math.Sqrt(Math.Exp(0.5 * BetaD * t * t + BetaMin * t) - 1);

    /// <summary>t(σ) = (√(β_min² + 2 β_d ln(1 + σ²)) − β_min)/β_d.</summary>
    /// <param name="sigma">σ in the scale x₀ + σ ε.</param>
    public double TimeOf(double sigma) => (Math.Sqrt(BetaMin * BetaMin + 2 * BetaD * Math.Log(1 + sigma * sigma)) - BetaMin) / BetaD;

    private static NoiseLevel FromRatio(double ratio, double time)
    {
        var alpha = 1 / Math.Sqrt(1 + ratio * ratio);
        return new(alpha, ratio * alpha, time);
    }
}

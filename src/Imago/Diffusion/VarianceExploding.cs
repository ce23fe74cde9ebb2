namespace Imago.Diffusion;

/// <summary>Variance-exploding diffusion, x = x₀ + σ ε, as Karras et al. 2022 train it: the network is told ¼ ln σ.</summary>
/// <param name="SigmaMin">The least σ of training, positive.</param>
/// <param name="SigmaMax">The largest, above <paramref name="SigmaMin"/>.</param>
public sealed record VarianceExploding(double SigmaMin = 0.002, double SigmaMax = 80) : NoiseProcess
{
    /// <inheritdoc cref="VarianceExploding" path="/param[@name='SigmaMin']"/>
    public double SigmaMin { get; } = SigmaMin > 0 ? SigmaMin : throw new ArgumentOutOfRangeException(nameof(SigmaMin), SigmaMin, "The least noise is positive.");

    /// <inheritdoc cref="VarianceExploding" path="/param[@name='SigmaMax']"/>
    public double SigmaMax { get; } = SigmaMax > SigmaMin && double.IsFinite(SigmaMax)
        ? SigmaMax
        : throw new ArgumentOutOfRangeException(nameof(SigmaMax), SigmaMax, $"The most noise is finite and above the least, {SigmaMin}.");

    /// <inheritdoc/>
    public override double CleanestTime => TimeOf(SigmaMin);

    /// <inheritdoc/>
    public override double NoisiestTime => TimeOf(SigmaMax);

    /// <inheritdoc/>
    public override NoiseLevel At(double time)
    {
        RequireTime(time);
        return new(1, Math.Exp(4 * time), time);
    }

    /// <inheritdoc/>
    public override NoiseLevel AtRatio(double ratio)
    {
        RequireRatio(ratio);
        if (double.IsPositiveInfinity(ratio)) throw new ArgumentOutOfRangeException(nameof(ratio), ratio, "This process never becomes pure noise.");
        return new(1, ratio, ratio == 0 ? CleanestTime : TimeOf(ratio));
    }

    private static double TimeOf(double sigma) => Math.Log(sigma) / 4;
}

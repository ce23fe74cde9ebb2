namespace Imago.Diffusion;

/// <summary>
/// Continuous variance-preserving diffusion along a quarter of a circle: α = cos(πt/2), σ = sin(πt/2), t in [ε, 1 − ε] (Salimans and Ho 2022; Kingma et al. 2021).
/// The network is told t.
/// </summary>
/// <param name="Margin">ε: how far training stays from the clean image and from pure noise, in (0, ½).</param>
public sealed record CosineAngle(double Margin = 1e-3) : NoiseProcess
{
    /// <inheritdoc cref="CosineAngle" path="/param[@name='Margin']"/>
    public double Margin { get; init; } = Margin is > 0 and < 0.5 ? Margin : throw new ArgumentOutOfRangeException(nameof(Margin), Margin, "The margin lies between 0 and ½.");

    /// <inheritdoc/>
    public override double CleanestTime => Margin;

    /// <inheritdoc/>
    public override double NoisiestTime => 1 - Margin;

    /// <inheritdoc/>
    public override NoiseLevel At(double time)
    {
        RequireTime(time);
        return new(Math.Cos(Math.PI / 2 * time), Math.Sin(Math.PI / 2 * time), time);
    }

    /// <inheritdoc/>
    public override NoiseLevel AtRatio(double ratio)
    {
        RequireRatio(ratio);
        if (double.IsPositiveInfinity(ratio)) return new(0, 1, 1);
        var alpha = 1 / Math.Sqrt(1 + ratio * ratio);
        return new(alpha, ratio * alpha, 2 / Math.PI * Math.Atan(ratio));
    }
}

using static TorchSharp.torch;

namespace Imago.Diffusion;

/// <summary>
/// A density over time as a share s of the process's training steps: 0 at its clean end, 1 at its noisy end, rounded up to one of the T levels that the process
/// trains at. For rectified flow s is σ before the shift.
/// </summary>
public abstract record FractionDensity : TimeDensity
{
    /// <inheritdoc/>
    public override NoiseLevel Level(NoiseProcess process, double value) =>
        process.AtShare(Math.Clamp(Math.Ceiling(value * process.TrainingSteps), 1, process.TrainingSteps) / process.TrainingSteps);
}

/// <summary>s = u: every time alike (Ho et al. 2020; Liu et al. 2022).</summary>
public sealed record UniformTimes : FractionDensity
{
    /// <inheritdoc/>
    public override Tensor Quantile(Tensor u) => u.clone();
}

/// <summary>logit s ~ N(mean, std²): mostly the middle (Esser et al. 2024, Eq. 19). diffusers' training scripts count s from the noisy end, so that their mean has the other sign.</summary>
public sealed record LogitNormalTimes : FractionDensity
{
    /// <summary>m; positive for more noise.</summary>
    public double Mean { get; init; }

    /// <summary>The standard deviation of logit s.</summary>
    public double Std { get; init; } = 1;

    /// <summary>s of a standard normal number.</summary>
    public Tensor OfNormal(Tensor z) => (Mean + Std * z).sigmoid();

    /// <inheritdoc/>
    public override Tensor Quantile(Tensor u) => OfNormal(NormalQuantile(u));

    /// <inheritdoc/>
    public override void Validate() => Require(Std > 0, "std", Std, "positive");
}

/// <summary>s = 1 − u − scale (cos²(πu/2) − 1 + u): uniform with more (scale &gt; 0) or less weight in the middle (Esser et al. 2024, Eq. 20); it falls with u.</summary>
public sealed record ModeTimes : FractionDensity
{
    /// <summary>In [−1, 2/(π − 2)], where the function is monotonic.</summary>
    public double Scale { get; init; } = 1.29;

    /// <inheritdoc/>
    public override Tensor Quantile(Tensor u) => 1 - u - Scale * ((Math.PI / 2 * u).cos().square() - 1 + u);

    /// <inheritdoc/>
    public override void Validate() => Require(Scale >= -1 && Scale <= 2 / (Math.PI - 2), "scale", Scale, "in [−1, 1.75]");
}

/// <summary>s = 1 − 1/(tan(πu/2) + 1): the levels that a cosine process spends its time at (Esser et al. 2024, Eq. 21).</summary>
public sealed record CosMapTimes : FractionDensity
{
    /// <inheritdoc/>
    public override Tensor Quantile(Tensor u) => 1 - 1 / ((Math.PI / 2 * u).tan() + 1);
}

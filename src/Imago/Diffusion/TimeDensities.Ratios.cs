using static TorchSharp.torch;

namespace Imago.Diffusion;

/// <summary>A density over σ/α, the noise level in variance-exploding units.</summary>
public abstract record RatioDensity : TimeDensity
{
    /// <inheritdoc/>
    public override NoiseLevel Level(NoiseProcess process, double value) => process.AtRatio(value);

    private protected static void RequireRange(double min, double max) => Require(min > 0 && max > min, "min_value", min, $"positive and below max_value, {max}");
}

/// <summary>ln σ ~ N(P_mean, P_std²) (Karras et al. 2022, Table 1).</summary>
public sealed record LogNormalRatios : RatioDensity
{
    /// <summary>P_mean, the mean of ln σ.</summary>
    public double Mean { get; init; } = -1.2;

    /// <summary>P_std, the standard deviation of ln σ.</summary>
    public double Std { get; init; } = 1.2;

    /// <summary>σ of a standard normal number.</summary>
    public Tensor OfNormal(Tensor z) => (Mean + Std * z).exp();

    /// <summary>The tails beyond 10⁻⁷ are cut off, as k-diffusion does.</summary>
    /// <inheritdoc/>
    public override Tensor Quantile(Tensor u) => OfNormal(NormalQuantile(u * (1 - 2e-7) + 1e-7));

    /// <inheritdoc/>
    public override void Validate() => Require(Std > 0, "std", Std, "positive");
}

/// <summary>ln σ is logistic, cut to a range (k-diffusion, <c>rand_log_logistic</c>).</summary>
public sealed record LogLogisticRatios : RatioDensity
{
    /// <summary>The median of ln σ before the range cuts it.</summary>
    public double Mean { get; init; }

    /// <summary>The logistic's scale.</summary>
    public double Scale { get; init; } = 1;

    /// <summary>The smallest σ.</summary>
    public double MinValue { get; init; } = 0.002;

    /// <summary>The largest σ.</summary>
    public double MaxValue { get; init; } = 80;

    /// <inheritdoc/>
    public override Tensor Quantile(Tensor u)
    {
        var (low, high) = (Cdf(MinValue), Cdf(MaxValue));
        return (Mean + Scale * (low + u * (high - low)).logit()).exp();
    }

    /// <inheritdoc/>
    public override void Validate()
    {
        Require(Scale > 0, "scale", Scale, "positive");
        RequireRange(MinValue, MaxValue);
    }

    private double Cdf(double sigma) => 1 / (1 + Math.Exp(-(Math.Log(sigma) - Mean) / Scale));
}

/// <summary>ln σ is uniform over a range.</summary>
public sealed record LogUniformRatios : RatioDensity
{
    /// <summary>The smallest σ.</summary>
    public double MinValue { get; init; } = 0.002;

    /// <summary>The largest σ.</summary>
    public double MaxValue { get; init; } = 80;

    /// <inheritdoc/>
    public override Tensor Quantile(Tensor u) => (Math.Log(MinValue) + u * Math.Log(MaxValue / MinValue)).exp();

    /// <inheritdoc/>
    public override void Validate() => RequireRange(MinValue, MaxValue);
}

/// <summary>σ = σ_data tan φ, φ uniform: the levels of a cosine process (Salimans and Ho 2022, section 3), cut to a range.</summary>
public sealed record VelocityDiffusionRatios : RatioDensity
{
    /// <summary>Standard deviation of the data.</summary>
    public double SigmaData { get; init; } = 0.5;

    /// <summary>The smallest σ.</summary>
    public double MinValue { get; init; } = 0.002;

    /// <summary>The largest σ.</summary>
    public double MaxValue { get; init; } = 80;

    /// <inheritdoc/>
    public override Tensor Quantile(Tensor u)
    {
        var (low, high) = (Math.Atan(MinValue / SigmaData), Math.Atan(MaxValue / SigmaData));
        return SigmaData * (low + u * (high - low)).tan();
    }

    /// <inheritdoc/>
    public override void Validate()
    {
        Require(SigmaData > 0, "sigma_data", SigmaData, "positive");
        RequireRange(MinValue, MaxValue);
    }
}

/// <summary>
/// The cosine process shifted for the image's size and interpolated between two shifts (Hoogeboom, Heek and Salimans 2023, Eqs. 4–6): noise is added as for images of
/// <see cref="NoiseDLow"/> pixels at high noise and of <see cref="NoiseDHigh"/> at low. σ falls with u.
/// </summary>
public sealed record CosineInterpolatedRatios : RatioDensity
{
    /// <summary>The image's side in pixels.</summary>
    public double ImageD { get; init; } = 64;

    /// <summary>The side whose schedule holds at the noisy end.</summary>
    public double NoiseDLow { get; init; } = 32;

    /// <summary>The side whose schedule holds at the clean end.</summary>
    public double NoiseDHigh { get; init; } = 64;

    /// <summary>Standard deviation of the data.</summary>
    public double SigmaData { get; init; } = 0.5;

    /// <summary>The smallest σ.</summary>
    public double MinValue { get; init; } = 0.002;

    /// <summary>The largest σ.</summary>
    public double MaxValue { get; init; } = 80;

    /// <inheritdoc/>
    public override Tensor Quantile(Tensor u) => SigmaData * (-0.5 * LogSnr(u)).exp();

    /// <inheritdoc/>
    public override void Validate()
    {
        Require(SigmaData > 0, "sigma_data", SigmaData, "positive");
        foreach (var (key, side) in new[] { ("image_d", ImageD), ("noise_d_low", NoiseDLow), ("noise_d_high", NoiseDHigh) }) Require(side > 0, key, side, "positive");
        RequireRange(MinValue, MaxValue);
    }

    private Tensor LogSnr(Tensor u) => (1 - u) * Shifted(u, NoiseDLow) + u * Shifted(u, NoiseDHigh);

    /// <summary>−2 ln tan φ + shift, φ linear in u between the ends of the range as the shift sees them.</summary>
    private Tensor Shifted(Tensor u, double noiseD)
    {
        var shift = 2 * Math.Log(noiseD / ImageD);
        var noisy = Math.Atan(MaxValue / SigmaData * Math.Exp(shift / 2));
        var clean = Math.Atan(MinValue / SigmaData * Math.Exp(shift / 2));
        return -2 * (noisy + u * (clean - noisy)).tan().log() + shift;
    }
}

namespace Imago.Diffusion;

/// <summary>Variances of the noise that a step back adds.</summary>
public static class AncestralVariance
{
    private const double Least = 1e-20;

    /// <summary>1 − ᾱ_t/ᾱ_s: the noise that the process itself adds from s to t; β_t for neighbours.</summary>
    /// <param name="alphaBar">ᾱ_t, the noisier.</param>
    /// <param name="next">ᾱ_s.</param>
    /// <param name="precision">Whether the quotient is rounded as diffusers does, which for neighbours is seen in the difference.</param>
    public static double Large(double alphaBar, double next, TablePrecision precision = TablePrecision.Exact) =>
        1 - (precision == TablePrecision.AsPublished ? (float)(alphaBar / next) : alphaBar / next);

    /// <summary>(1 − ᾱ_s)/(1 − ᾱ_t) · (1 − ᾱ_t/ᾱ_s): the variance of the posterior (Ho et al. 2020, Eq. 7), at least 10⁻²⁰.</summary>
    /// <param name="alphaBar">ᾱ_t, the noisier.</param>
    /// <param name="next">ᾱ_s.</param>
    /// <param name="precision">As in <see cref="Large"/>.</param>
    public static double Small(double alphaBar, double next, TablePrecision precision = TablePrecision.Exact) => Math.Max(Deterministic(alphaBar, next, precision), Least);

    /// <summary>The same without a floor: DDIM's variance at η = 1 (Song et al. 2021, Eq. 16).</summary>
    /// <param name="alphaBar">ᾱ_t, the noisier.</param>
    /// <param name="next">ᾱ_s.</param>
    /// <param name="precision">As in <see cref="Large"/>.</param>
    public static double Deterministic(double alphaBar, double next, TablePrecision precision = TablePrecision.Exact) =>
        (1 - next) / (1 - alphaBar) * Large(alphaBar, next, precision);

    /// <summary>
    /// What diffusers' DDPM class calls the variance: for <see cref="VarianceType.FixedSmallLog"/> it is the standard deviation, for
    /// <see cref="VarianceType.FixedLargeLog"/> and <see cref="VarianceType.LearnedRange"/> the logarithm.
    /// </summary>
    /// <param name="type">The class's setting.</param>
    /// <param name="alphaBar">ᾱ_t, the noisier.</param>
    /// <param name="next">ᾱ_s.</param>
    /// <param name="predicted">The network's own output, where the setting needs it.</param>
    /// <param name="precision">As in <see cref="Large"/>.</param>
    public static double Of(VarianceType type, double alphaBar, double next, double predicted = 0, TablePrecision precision = TablePrecision.Exact) => type switch
    {
        VarianceType.FixedSmall => Small(alphaBar, next, precision),
        VarianceType.FixedSmallLog => Math.Sqrt(Small(alphaBar, next, precision)),
        VarianceType.FixedLarge => Large(alphaBar, next, precision),
        VarianceType.FixedLargeLog => Math.Log(Large(alphaBar, next, precision)),
        VarianceType.Learned => predicted,
        VarianceType.LearnedRange => (predicted + 1) / 2 * Math.Log(Large(alphaBar, next, precision)) + (1 - predicted) / 2 * Math.Log(Small(alphaBar, next, precision)),
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, "There is no such variance."),
    };
}

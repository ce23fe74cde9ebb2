using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Training;

/// <summary>A stored average: weights averaged by the profile tᵞ up to a time.</summary>
/// <param name="Time">Updates made: t.</param>
/// <param name="Exponent">γ.</param>
public readonly record struct EmaProfile(double Time, double Exponent);

/// <summary>
/// Averages of any length after the run (Karras et al. 2024, section 3): two averages with power-function profiles are kept and stored now and then; any other profile is
/// nearly a linear combination of the stored ones.
/// </summary>
public static class PostHocEma
{
    /// <summary>The width of γ = 0, a plain mean over the whole run: 1/√12.</summary>
    public const double LargestWidth = 0.28867513459481287;

    /// <summary>β = (1 − 1/t)^(γ + 1), the decay of update t = 1, 2, … (Eq. 2).</summary>
    public static double Decay(double t, double gamma) => Math.Pow(1 - 1 / t, gamma + 1);

    /// <summary>σ_rel = (γ + 1)^½ (γ + 2)⁻¹ (γ + 3)^(−½): the profile's standard deviation as a share of the run (Eq. 3).</summary>
    public static double RelativeWidth(double gamma) => Math.Sqrt(gamma + 1) / (gamma + 2) / Math.Sqrt(gamma + 3);

    /// <summary>γ of a width: the largest root of (γ + 2)²(γ + 3) σ² = γ + 1, found by bisection.</summary>
    /// <param name="relativeWidth">σ_rel in (0, <see cref="LargestWidth"/>].</param>
    /// <exception cref="ArgumentOutOfRangeException">It is outside.</exception>
    public static double Exponent(double relativeWidth)
    {
        if (relativeWidth is not (> 0 and <= LargestWidth)) throw new ArgumentOutOfRangeException(nameof(relativeWidth), relativeWidth, $"A profile's width is positive and at most {LargestWidth:g3}, a plain mean.");
        var (low, high) = (0.0, 1 / relativeWidth);        // σ_rel < 1/γ
        while (high - low > 1e-14 * high)
        {
            var middle = (low + high) / 2;
            if (middle == low || middle == high) break;
            (low, high) = RelativeWidth(middle) > relativeWidth ? (middle, high) : (low, middle);
        }
        return (low + high) / 2;
    }

    /// <summary>∫ p q dt of two profiles p = (γ + 1) tᵞ/T^(γ + 1) up to their times (appendix C).</summary>
    public static double Product(EmaProfile p, EmaProfile q)
    {
        var (shorter, longer) = p.Time <= q.Time ? (p, q) : (q, p);
        return (p.Exponent + 1) * (q.Exponent + 1) / (p.Exponent + q.Exponent + 1) / longer.Time * Math.Pow(shorter.Time / longer.Time, longer.Exponent);
    }

    /// <summary>The combination of stored averages whose profile is nearest to a wanted one, by least squares (Eq. 5): it solves A x = b with A_ij = ∫ pᵢ pⱼ, b_i = ∫ pᵢ p.</summary>
    /// <param name="stored">The averages at hand, each once.</param>
    /// <param name="wanted">The profile; its time is usually that of the last stored one.</param>
    /// <returns>The factor of each, summing to nearly 1.</returns>
    public static double[] Coefficients(IReadOnlyList<EmaProfile> stored, EmaProfile wanted)
    {
        using var scope = NewDisposeScope();
        var a = tensor(stored.SelectMany(p => stored.Select(q => Product(p, q))).ToArray(), float64).view(stored.Count, stored.Count);
        var b = tensor(stored.Select(p => Product(p, wanted)).ToArray(), float64);
        return [.. linalg.solve(a, b).data<double>()];
    }

    /// <summary>Σ xᵢ θᵢ for one parameter.</summary>
    /// <param name="averages">The stored averages of the parameter.</param>
    /// <param name="coefficients">The factor of each.</param>
    /// <returns>A fresh tensor of the parameter's type.</returns>
    public static Tensor Combine(IReadOnlyList<Tensor> averages, IReadOnlyList<double> coefficients)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var sum = averages.Zip(coefficients).Select(pair => pair.Second * pair.First.to(float64)).Aggregate((x, y) => x + y);
        return sum.to(averages[0].dtype).MoveToOuterDisposeScope();
    }
}

using Imago.Probability;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Metrics;

/// <summary>
/// The Fréchet distance of two Gaussians, d² = |μ₁ − μ₂|² + tr(Σ₁ + Σ₂ − 2(Σ₂^½ Σ₁ Σ₂^½)^½) (Dowson and Landau 1982, Eq. 4); of features of images it is the FID of
/// Heusel et al. 2017. In float64, by eigenvalues of symmetric matrices alone: real, never below 0, and defined for singular covariances too.
/// </summary>
public static class FrechetDistance
{
    private const double Asymmetry = 1e-6;

    /// <summary>The distance of two sets of features.</summary>
    /// <param name="first">At least two features.</param>
    /// <param name="second">At least two features, as long as those.</param>
    /// <exception cref="ArgumentException">Their dimensions differ.</exception>
    /// <exception cref="InvalidOperationException">A set has fewer than two features.</exception>
    public static double Between(FeatureStatistics first, FeatureStatistics second) => Between(first, second, FrechetConvention.Symmetric);

    /// <summary>The distance as a library estimates it.</summary>
    /// <param name="first">At least two features.</param>
    /// <param name="second">At least two features, as long as those.</param>
    /// <param name="convention">Whose estimates of mean and covariance.</param>
    /// <exception cref="ArgumentException">Their dimensions differ.</exception>
    /// <exception cref="InvalidOperationException">A set has too few features for a covariance.</exception>
    public static double Between(FeatureStatistics first, FeatureStatistics second, FrechetConvention convention)
    {
        ArgumentNullException.ThrowIfNull(first);
        ArgumentNullException.ThrowIfNull(second);
        ArgumentNullException.ThrowIfNull(convention);
        using var scope = NewDisposeScope();
        var ((mean1, covariance1), (mean2, covariance2)) = (convention.Of(first), convention.Of(second));
        return Between(mean1, covariance1, mean2, covariance2);
    }

    /// <summary>
    /// The distance of two sets of features that are all there, with centred rows A and B, each divided by √(N − 1):
    /// |μ₁ − μ₂|² + |A|² + |B|² − 2|ABᵀ|_*, since the singular values of ABᵀ are the roots of the eigenvalues of Σ₁Σ₂. It is exact where covariances are singular, and
    /// quick where one of the sets is small.
    /// </summary>
    /// <param name="first">[N, D], at least two rows.</param>
    /// <param name="second">[M, D], at least two rows.</param>
    /// <exception cref="ArgumentException">Shapes do not fit, a set has fewer than two features, or one of them is not a finite number.</exception>
    public static double OfFeatures(Tensor first, Tensor second)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        FeatureMatrix.CheckPair(first, second, fewest: 2);
        var (x, y) = (first.to(float64), second.to(float64));
        var (mean1, mean2) = (x.mean([0L]), y.mean([0L]));
        var (a, b) = ((x - mean1) / Math.Sqrt(x.shape[0] - 1), (y - mean2) / Math.Sqrt(y.shape[0] - 1));
        var cross = linalg.svdvals(a.matmul(b.t())).sum();
        return Math.Max(0, ((mean1 - mean2).square().sum() + a.square().sum() + b.square().sum() - 2 * cross).item<double>());
    }

    /// <summary>The distance of two Gaussians.</summary>
    /// <param name="mean1">μ₁, [D].</param>
    /// <param name="covariance1">Σ₁, symmetric, no eigenvalue below 0, [D, D].</param>
    /// <param name="mean2">μ₂, [D].</param>
    /// <param name="covariance2">Σ₂, likewise.</param>
    /// <exception cref="ArgumentException">Shapes do not fit, a covariance is not symmetric, or a number is not finite.</exception>
    public static double Between(Tensor mean1, Tensor covariance1, Tensor mean2, Tensor covariance2)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        Validate(mean1, covariance1, nameof(covariance1));
        Validate(mean2, covariance2, nameof(covariance2));
        if (mean1.shape[0] != mean2.shape[0]) throw new ArgumentException($"The first set has features of {mean1.shape[0]} numbers, the second of {mean2.shape[0]}; take both from the same network.", nameof(mean2));
        var squared = new MultivariateGaussian(mean1, covariance1).Wasserstein2Squared(new MultivariateGaussian(mean2, covariance2));
        return Math.Max(0, squared);
    }

    private static void Validate(Tensor mean, Tensor covariance, string name)
    {
        var dimension = mean.dim() == 1 ? mean.shape[0] : throw new ArgumentException($"A mean is [D]; got [{string.Join(", ", mean.shape)}].", name);
        if (!covariance.shape.AsSpan().SequenceEqual([dimension, dimension])) throw new ArgumentException($"The covariance of a mean of {dimension} numbers is [{dimension}, {dimension}]; got [{string.Join(", ", covariance.shape)}].", name);
        if (!mean.isfinite().all().item<bool>() || !covariance.isfinite().all().item<bool>()) throw new ArgumentException("Mean or covariance holds a number that is not finite.", name);
        var difference = (covariance - covariance.t()).abs().max().to(float64).item<double>();
        if (difference > Asymmetry * covariance.abs().max().to(float64).item<double>()) throw new ArgumentException("The covariance is not symmetric.", name);
    }
}

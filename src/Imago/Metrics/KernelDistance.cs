using Imago.Randomness;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Metrics;

/// <summary>The kernel of a kernel distance.</summary>
public abstract record FeatureKernel
{
    /// <summary>(γ x·y + c)^degree, γ = 1/D where none is given: KID's, of degree 3 with c = 1 (Bińkowski et al. 2018, section 4).</summary>
    /// <param name="Degree">The power.</param>
    /// <param name="Gamma">γ; null for 1/D.</param>
    /// <param name="Offset">c.</param>
    public sealed record Polynomial(int Degree = 3, double? Gamma = null, double Offset = 1) : FeatureKernel
    {
        internal override Tensor Of(Tensor x, Tensor y) => ((Gamma ?? 1.0 / x.shape[1]) * x.matmul(y.t()) + Offset).pow(Degree);
    }

    /// <summary>exp(−|x − y|²/2σ²).</summary>
    /// <param name="Sigma">σ.</param>
    public sealed record Gaussian(double Sigma = 10) : FeatureKernel
    {
        internal override Tensor Of(Tensor x, Tensor y) => (-Squared(x, y) / (2 * Sigma * Sigma)).exp();

        private static Tensor Squared(Tensor x, Tensor y) => x.square().sum(1, keepdim: true) + y.square().sum(1) - 2 * x.matmul(y.t());
    }

    /// <summary>k(xᵢ, yⱼ), [N, M], of features [N, D] and [M, D].</summary>
    internal abstract Tensor Of(Tensor x, Tensor y);
}

/// <summary>How the subsets of a kernel distance are drawn, each without replacement, from NumPy's legacy generator.</summary>
public enum SubsetDraws
{
    /// <summary>First from the first set, then from the second; both as large as asked for.</summary>
    TorchFidelity,

    /// <summary>First from the second set, then from the first; as large as the smaller set, if that is less than asked for.</summary>
    CleanFid,
}

/// <summary>How a kernel distance is estimated; the defaults are KID's.</summary>
public sealed record KernelDistanceOptions
{
    /// <summary>The kernel.</summary>
    public FeatureKernel Kernel { get; init; } = new FeatureKernel.Polynomial();

    /// <summary>Number of subsets.</summary>
    public int Subsets { get; init; } = 100;

    /// <summary>Features of each set in a subset.</summary>
    public int SubsetSize { get; init; } = 1000;

    /// <summary>Whose draws.</summary>
    public SubsetDraws Draws { get; init; }

    /// <summary>Seed of the draws; torch-fidelity's default is 2020, clean-fid does not seed.</summary>
    public uint Seed { get; init; } = 2020;
}

/// <summary>
/// The kernel distance of two sets of features: the unbiased estimate of the squared maximum mean discrepancy, averaged over random subsets. Of Inception features it is
/// the KID of Bińkowski et al. 2018. It may be slightly below 0.
/// </summary>
public static class KernelDistance
{
    /// <summary>Mean and standard deviation over the subsets.</summary>
    /// <param name="first">[N, D].</param>
    /// <param name="second">[M, D].</param>
    /// <param name="options">Kernel and subsets; null for KID's.</param>
    /// <param name="cancellationToken">Ends the work after the subset at hand.</param>
    /// <exception cref="ArgumentException">A set has fewer features than a subset, shapes do not fit, or a feature is not a finite number.</exception>
    public static Estimate Between(Tensor first, Tensor second, KernelDistanceOptions? options = null, CancellationToken cancellationToken = default) =>
        Estimate.Of(OfSubsets(first, second, options, cancellationToken));

    /// <summary>The distance of each subset.</summary>
    /// <inheritdoc cref="Between"/>
    public static IReadOnlyList<double> OfSubsets(Tensor first, Tensor second, KernelDistanceOptions? options = null, CancellationToken cancellationToken = default)
    {
        FeatureMatrix.CheckPair(first, second, fewest: 2);
        options ??= new KernelDistanceOptions();
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var (x, y) = (first.to(float64), second.to(float64));
        var distances = new List<double>();
        foreach (var (one, other) in Draw((int)x.shape[0], (int)y.shape[0], options))
        {
            cancellationToken.ThrowIfCancellationRequested();
            using var step = NewDisposeScope();
            distances.Add(Unbiased(options.Kernel, x.index_select(0, tensor(one)), y.index_select(0, tensor(other))));
        }
        return distances;
    }

    /// <summary>The rows of each set that each subset takes.</summary>
    /// <param name="count1">N.</param>
    /// <param name="count2">M.</param>
    /// <param name="options">How many, and whose draws.</param>
    /// <exception cref="ArgumentException">A set has fewer features than a subset.</exception>
    public static IEnumerable<(long[] First, long[] Second)> Draw(int count1, int count2, KernelDistanceOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        var fewer = Math.Min(count1, count2);
        if (options.Draws == SubsetDraws.TorchFidelity && options.SubsetSize > fewer)
            throw new ArgumentException($"A subset of {options.SubsetSize} cannot be drawn from {fewer} features; choose a subset size of at most {fewer}, or add pictures.", nameof(options));
        var size = Math.Min(fewer, options.SubsetSize);
        if (size < 2) throw new ArgumentException($"A subset of {size} has no distance; at least 2 features are needed.", nameof(options));
        return Subsets();

        IEnumerable<(long[] First, long[] Second)> Subsets()
        {
            var random = new NumpyRandom(options.Seed);
            for (var subset = 0; subset < options.Subsets; subset++)
            {
                var one = random.Choice(options.Draws == SubsetDraws.TorchFidelity ? count1 : count2, size, replace: false);
                var other = random.Choice(options.Draws == SubsetDraws.TorchFidelity ? count2 : count1, size, replace: false);
                yield return options.Draws == SubsetDraws.TorchFidelity ? (one, other) : (other, one);
            }
        }
    }

    /// <summary>MMD² = (ΣKxx − tr Kxx + ΣKyy − tr Kyy)/(m(m − 1)) − 2ΣKxy/m² (Gretton et al. 2012, Eq. 3, for sets of one size).</summary>
    private static double Unbiased(FeatureKernel kernel, Tensor x, Tensor y)
    {
        double m = x.shape[0];
        var (kxx, kyy, kxy) = (kernel.Of(x, x), kernel.Of(y, y), kernel.Of(x, y));
        var within = kxx.sum() - kxx.trace() + kyy.sum() - kyy.trace();
        return (within / (m * (m - 1)) - 2 * kxy.sum() / (m * m)).item<double>();
    }
}

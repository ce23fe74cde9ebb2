using static TorchSharp.torch;

namespace Imago.Probability;

/// <summary>The kernel of a maximum mean discrepancy.</summary>
public enum MmdKernel
{
    /// <summary>Σₛ sC/(sC + d²) over the scales s, C = 2·D·bandwidth²: heavy tails (Tolstikhin et al. 2018).</summary>
    InverseMultiquadratic,

    /// <summary>exp(−d²/C), C = 2·D·bandwidth².</summary>
    Gaussian,
}

/// <summary>Maximum mean discrepancy: how far a set of samples is from another, in the mean of a feature space (Gretton et al. 2012).</summary>
public static class MaximumMeanDiscrepancy
{
    /// <summary>The scales of the inverse multiquadratic kernel in Tolstikhin et al. 2018.</summary>
    public static IReadOnlyList<double> Scales { get; } = [0.1, 0.2, 0.5, 1, 2, 5, 10];

    /// <summary>k(aᵢ, bⱼ), [I, J].</summary>
    /// <param name="kernel">Which kernel.</param>
    /// <param name="a">[I, D].</param>
    /// <param name="b">[J, D].</param>
    /// <param name="bandwidth">The length scale; 1 suits latents of unit variance.</param>
    /// <param name="scales">Scales of the inverse multiquadratic kernel; null for <see cref="Scales"/>.</param>
    public static Tensor Kernel(MmdKernel kernel, Tensor a, Tensor b, double bandwidth = 1, IReadOnlyList<double>? scales = null)
    {
        var distance = (a.unsqueeze(1) - b.unsqueeze(0)).square().sum(2);
        var c = 2 * a.shape[1] * bandwidth * bandwidth;
        return kernel == MmdKernel.Gaussian
            ? (-distance / c).exp()
            : (scales ?? Scales).Select(s => s * c / (s * c + distance)).Aggregate((sum, term) => sum + term);
    }

    /// <summary>
    /// MMD² between two sets of equal size, scalar: without the diagonal within each set, with all pairs across (the estimator of Tolstikhin et al. 2018,
    /// algorithm 2). It may be slightly negative.
    /// </summary>
    /// <inheritdoc cref="Kernel" path="/param"/>
    public static Tensor Estimate(MmdKernel kernel, Tensor a, Tensor b, double bandwidth = 1, IReadOnlyList<double>? scales = null)
    {
        var n = a.shape[0];
        Tensor Within(Tensor k) => (k.sum() - k.diagonal().sum()) / (n * (n - 1));
        var aa = Kernel(kernel, a, a, bandwidth, scales);
        var bb = Kernel(kernel, b, b, bandwidth, scales);
        var ab = Kernel(kernel, a, b, bandwidth, scales);
        return Within(aa) + Within(bb) - 2 * ab.mean();
    }
}

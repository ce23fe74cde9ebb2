using static TorchSharp.torch;

namespace Imago.Metrics;

/// <summary>
/// How a library estimates the Gaussians whose Fréchet distance it calls FID. Libraries differ in the precision of the mean and in what the covariance is divided by;
/// the distance of the Gaussians is the same number for all, however they take the matrix root.
/// </summary>
/// <param name="Name">What it is called after: <c>torch_fidelity</c>.</param>
/// <param name="SinglePrecisionMean">Whether the mean is taken in float32, row after row.</param>
/// <param name="DividesByCount">Whether the covariance is divided by N instead of N − 1.</param>
public sealed record FrechetConvention(string Name, bool SinglePrecisionMean = false, bool DividesByCount = false)
{
    /// <summary>Everything in float64: the one to use.</summary>
    public static FrechetConvention Symmetric { get; } = new("symmetric_float64");

    /// <summary>torch-fidelity.</summary>
    public static FrechetConvention TorchFidelity { get; } = new("torch_fidelity", SinglePrecisionMean: true);

    /// <summary>pytorch-fid.</summary>
    public static FrechetConvention PytorchFid { get; } = new("pytorch_fid");

    /// <summary>clean-fid.</summary>
    public static FrechetConvention CleanFid { get; } = new("clean_fid", SinglePrecisionMean: true);

    /// <summary>The evaluator of guided-diffusion.</summary>
    public static FrechetConvention Adm { get; } = new("adm", SinglePrecisionMean: true);

    /// <summary>EDM's <c>fid.py</c>.</summary>
    public static FrechetConvention Edm { get; } = new("edm");

    /// <summary>StyleGAN2-ADA and StyleGAN3.</summary>
    public static FrechetConvention StyleGan2Ada { get; } = new("stylegan2_ada", DividesByCount: true);

    /// <summary>Every convention.</summary>
    public static IReadOnlyList<FrechetConvention> All { get; } = [Symmetric, TorchFidelity, PytorchFid, CleanFid, Adm, Edm, StyleGan2Ada];

    /// <summary>Mean [D] and covariance [D, D] of features, float64; the caller owns them.</summary>
    /// <exception cref="InvalidOperationException">There are too few features: fewer than two, or none where the covariance is divided by their count.</exception>
    internal (Tensor Mean, Tensor Covariance) Of(FeatureStatistics features) =>
        (SinglePrecisionMean ? features.SinglePrecisionMean : features.Mean, DividesByCount ? features.PopulationCovariance : features.Covariance);
}

using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Metrics;

/// <summary>What a library calls SSIM.</summary>
public sealed record SsimOptions
{
    /// <summary>Side of the window in pixels.</summary>
    public int WindowSide { get; init; } = 11;

    /// <summary>Standard deviation of the Gaussian window in pixels; null for a window of equal weights.</summary>
    public double? Sigma { get; init; } = 1.5;

    /// <summary>Whether variances are multiplied by n/(n − 1), with n pixels in the window.</summary>
    public bool SampleCovariance { get; init; }

    /// <summary>Whether windows reach over the border, where the image is mirrored without repeating its edge; otherwise only those inside count.</summary>
    public bool MirrorsBorder { get; init; }

    /// <summary>Whether the window's weights are rounded to float32.</summary>
    public bool SinglePrecisionWindow { get; init; }

    /// <summary>The definition of Wang et al. 2004; scikit-image's with <c>gaussian_weights</c>, <c>sigma=1.5</c> and <c>use_sample_covariance=False</c>.</summary>
    public static SsimOptions Gaussian { get; } = new();

    /// <summary>pytorch_msssim's: the same, with a window in float32.</summary>
    public static SsimOptions PytorchMsssim { get; } = new() { SinglePrecisionWindow = true };

    /// <summary>scikit-image's with <c>gaussian_weights</c> and nothing else: sample covariances.</summary>
    public static SsimOptions ScikitImageGaussian { get; } = new() { SampleCovariance = true };

    /// <summary>scikit-image's default: a window of 7×7 equal weights, sample covariances.</summary>
    public static SsimOptions ScikitImageUniform { get; } = new() { WindowSide = 7, Sigma = null, SampleCovariance = true };

    /// <summary>torchmetrics': mirrored borders, so that every pixel counts.</summary>
    public static SsimOptions Torchmetrics { get; } = new() { MirrorsBorder = true };
}

/// <summary>Structural similarity as several libraries compute it, and over several scales. Everything is in float64.</summary>
public static class StructuralSimilarity
{
    private const double K1 = 0.01, K2 = 0.03;
    private static readonly double[] ScaleWeights = [0.0448, 0.2856, 0.3001, 0.2363, 0.1333];

    /// <summary>The similarity at every window, [B, C, H', W'] (Wang et al. 2004, Eq. 13).</summary>
    /// <param name="image">[B, C, H, W].</param>
    /// <param name="reference">[B, C, H, W].</param>
    /// <param name="options">Window and border; null for <see cref="SsimOptions.Gaussian"/>.</param>
    /// <param name="peak">Width of the range of pixels: 1 for [0, 1], 255 for bytes.</param>
    /// <exception cref="ArgumentException">The shapes differ, or a side is shorter than the window.</exception>
    public static Tensor Map(Tensor image, Tensor reference, SsimOptions? options = null, double peak = 1) =>
        WrappedTensorDisposeScope(() => Maps(image, reference, options ?? SsimOptions.Gaussian, peak).Similarity);

    /// <summary>The mean over windows and channels of every image, [B], float64.</summary>
    /// <inheritdoc cref="Map"/>
    public static Tensor Of(Tensor image, Tensor reference, SsimOptions? options = null, double peak = 1) =>
        WrappedTensorDisposeScope(() => Map(image, reference, options, peak).flatten(1).mean([1L]));

    /// <summary>
    /// Multi-scale similarity of every image, [B], float64 (Wang et al. 2003, Eq. 7): Π cⱼ^wⱼ of the contrast and structure of four scales and the similarity of the
    /// fifth, negative ones taken as 0. With a window inside the image it is pytorch_msssim's (each channel by itself, then their mean; odd sides padded with zeros
    /// before halving), with mirrored borders torchmetrics' (means over channels first).
    /// </summary>
    /// <inheritdoc cref="Map"/>
    public static Tensor MultiScale(Tensor image, Tensor reference, SsimOptions? options = null, double peak = 1)
    {
        var rule = options ?? SsimOptions.Gaussian;
        Check(image, reference, 16 * (rule.WindowSide - 1) + (rule.MirrorsBorder ? 16 : 1));
        return WrappedTensorDisposeScope(() =>
        {
            var (x, y, product) = (image.to(float64), reference.to(float64), ones(1, 1, dtype: float64, device: image.device));
            for (var scale = 0; scale < ScaleWeights.Length; scale++)
            {
                var isLast = scale == ScaleWeights.Length - 1;
                var (similarity, contrast) = Maps(x, y, rule, peak);
                var factor = isLast ? similarity : rule.MirrorsBorder ? Inner(contrast, rule.WindowSide / 2) : contrast;
                var mean = rule.MirrorsBorder ? factor.flatten(1).mean([1L]).unsqueeze(1) : factor.mean([2L, 3L]);
                product = product * mean.clamp_min(0).pow(ScaleWeights[scale]);
                if (!isLast) (x, y) = (Halved(x, padsOdd: !rule.MirrorsBorder), Halved(y, padsOdd: !rule.MirrorsBorder));
            }
            return product.mean([1L]);
        });
    }

    private static (Tensor Similarity, Tensor Contrast) Maps(Tensor image, Tensor reference, SsimOptions options, double peak)
    {
        Check(image, reference, options.WindowSide);
        var (c1, c2) = (Math.Pow(K1 * peak, 2), Math.Pow(K2 * peak, 2));
        var (window, border) = (Window(options, image.device), options.MirrorsBorder ? options.WindowSide / 2 : 0);
        Tensor Bordered(Tensor t) => border == 0 ? t.to(float64) : nn.functional.pad(t.to(float64), [border, border, border, border], PaddingModes.Reflect);
        Tensor Mean(Tensor t) => t.unfold(2, options.WindowSide, 1).matmul(window).unfold(3, options.WindowSide, 1).matmul(window);
        var pixels = (double)options.WindowSide * options.WindowSide;
        var correction = options.SampleCovariance ? pixels / (pixels - 1) : 1;
        var (a, b) = (Bordered(image), Bordered(reference));
        var (meanA, meanB) = (Mean(a), Mean(b));
        var (varianceA, varianceB) = (correction * (Mean(a * a) - meanA.square()), correction * (Mean(b * b) - meanB.square()));
        var covariance = correction * (Mean(a * b) - meanA * meanB);
        var contrast = (2 * covariance + c2) / (varianceA + varianceB + c2);
        return ((2 * meanA * meanB + c1) / (meanA.square() + meanB.square() + c1) * contrast, contrast);
    }

    /// <summary>Weights of sum 1 along one axis.</summary>
    private static Tensor Window(SsimOptions options, Device device)
    {
        var t = arange(-(options.WindowSide / 2), options.WindowSide / 2 + 1, dtype: float64, device: device);
        var weights = options.Sigma is { } sigma ? (-0.5 * (t / sigma).square()).exp() : ones_like(t);
        if (!options.SinglePrecisionWindow) return weights / weights.sum();
        var rounded = weights.to(float32);
        return (rounded / rounded.sum()).to(float64);
    }

    private static Tensor Inner(Tensor map, int border) => map.narrow(2, border, map.shape[2] - 2 * border).narrow(3, border, map.shape[3] - 2 * border);

    private static Tensor Halved(Tensor x, bool padsOdd) => padsOdd
        ? nn.functional.avg_pool2d(x, [2, 2], padding: [x.shape[2] % 2, x.shape[3] % 2])
        : nn.functional.avg_pool2d(x, 2);

    private static void Check(Tensor image, Tensor reference, int shortest)
    {
        ArgumentNullException.ThrowIfNull(image);
        ArgumentNullException.ThrowIfNull(reference);
        if (image.dim() != 4 || !image.shape.AsSpan().SequenceEqual(reference.shape))
            throw new ArgumentException($"Images are [B, C, H, W], both alike; got [{string.Join(", ", image.shape)}] and [{string.Join(", ", reference.shape)}].", nameof(reference));
        if (image.shape[2] < shortest || image.shape[3] < shortest)
            throw new ArgumentException($"The images have {image.shape[3]}×{image.shape[2]} pixels; both sides must have at least {shortest}.", nameof(image));
    }
}

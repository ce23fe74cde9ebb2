using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Metrics;

/// <summary>How near an image is to another of the same size.</summary>
public static class ImageQuality
{
    private const int WindowSide = 11;

    /// <summary>Peak signal-to-noise ratio of every image, 10 log₁₀(peak²/MSE), [B], decibels; +∞ for equal images.</summary>
    /// <param name="image">[B, C, H, W].</param>
    /// <param name="reference">[B, C, H, W].</param>
    /// <param name="peak">Width of the range of pixels: 1 for [0, 1], 2 for [−1, 1], 255 for bytes.</param>
    public static Tensor Psnr(Tensor image, Tensor reference, double peak = 1) =>
        PsnrOfError((image - reference).square().flatten(1).mean([1]), peak);

    /// <summary>10 log₁₀(peak²/MSE) of mean squared errors of any shape, decibels.</summary>
    /// <param name="meanSquaredError">MSE.</param>
    /// <param name="peak">Width of the range of pixels.</param>
    public static Tensor PsnrOfError(Tensor meanSquaredError, double peak = 1) => 10 * (peak * peak / meanSquaredError).log10();

    /// <summary>
    /// Structural similarity of every image, [B], 1 for equal images (Wang et al. 2004, Eq. 13): a Gaussian window of 11×11 pixels with σ = 1.5, K₁ = 0.01,
    /// K₂ = 0.03, population covariances, mean over all windows that lie inside the image and over channels. It equals scikit-image's with
    /// <c>gaussian_weights=True, sigma=1.5, use_sample_covariance=False</c>.
    /// </summary>
    /// <param name="image">[B, C, H, W], both sides at least 11.</param>
    /// <param name="reference">[B, C, H, W].</param>
    /// <param name="peak">Width of the range of pixels: 1 for [0, 1].</param>
    /// <exception cref="ArgumentException">A side is shorter than the window.</exception>
    public static Tensor Ssim(Tensor image, Tensor reference, double peak = 1)
    {
        if (image.shape[2] < WindowSide || image.shape[3] < WindowSide)
            throw new ArgumentException($"SSIM needs images of at least {WindowSide}×{WindowSide} pixels; these have {image.shape[3]}×{image.shape[2]}.", nameof(image));
        using var scope = NewDisposeScope();
        var (c1, c2) = (0.01 * peak * (0.01 * peak), 0.03 * peak * (0.03 * peak));
        var (a, b) = (image.to(float64), reference.to(float64));
        var window = Window(a.device);
        Tensor Mean(Tensor t) => t.unfold(2, WindowSide, 1).matmul(window).unfold(3, WindowSide, 1).matmul(window);
        var (meanA, meanB) = (Mean(a), Mean(b));
        var (varianceA, varianceB) = (Mean(a * a) - meanA.square(), Mean(b * b) - meanB.square());
        var covariance = Mean(a * b) - meanA * meanB;
        var map = (2 * meanA * meanB + c1) * (2 * covariance + c2) / ((meanA.square() + meanB.square() + c1) * (varianceA + varianceB + c2));
        return map.flatten(1).mean([1]).to(image.dtype).MoveToOuterDisposeScope();
    }

    /// <summary>exp(−t²/(2·1.5²)), t = −5 … 5, of sum 1.</summary>
    private static Tensor Window(Device device)
    {
        var t = arange(-(WindowSide / 2), WindowSide / 2 + 1, dtype: float64, device: device);
        var weights = (-0.5 * (t / 1.5).square()).exp();
        return weights / weights.sum();
    }
}

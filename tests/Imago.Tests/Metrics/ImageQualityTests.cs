using Imago.Metrics;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Tests;

public class ImageQualityTests
{
    private static Tensor Picture(ulong seed) => rand([2, 3, 16, 20], float64, generator: new Generator(seed));

    [Fact]
    public void Psnr_OfAConstantError_IsItsDecibels()
    {
        using var scope = NewDisposeScope();
        var x = Picture(1);
        Assert.Equal(20, ImageQuality.Psnr(x + 0.1, x)[0].item<double>(), 1e-9);
        Assert.Equal(20, ImageQuality.Psnr(2 * x + 0.2, 2 * x, peak: 2)[1].item<double>(), 1e-9);
        Assert.Equal(double.PositiveInfinity, ImageQuality.Psnr(x, x)[0].item<double>());
    }

    [Fact]
    public void Ssim_OfEqualImages_IsOne()
    {
        using var scope = NewDisposeScope();
        Assert.InRange((ImageQuality.Ssim(Picture(1), Picture(1)) - 1).abs().max().item<double>(), 0, 1e-12);
    }

    [Fact]
    public void Ssim_IsSymmetricAndFallsWithNoise()
    {
        using var scope = NewDisposeScope();
        var (x, noise) = (Picture(1), Picture(2) - 0.5);
        var (little, much) = (ImageQuality.Ssim(x + 0.1 * noise, x), ImageQuality.Ssim(x + noise, x));
        Assert.True((little > much).all().item<bool>());
        Assert.True(little.allclose(ImageQuality.Ssim(x, x + 0.1 * noise)));
    }

    [Fact]
    public void Ssim_OfConstantImages_IsItsLuminanceTerm()
    {
        using var scope = NewDisposeScope();
        const double c1 = 0.0001;
        var value = ImageQuality.Ssim(full([1, 1, 11, 11], 0.2, float64), full([1, 1, 11, 11], 0.6, float64)).item<double>();
        Assert.Equal((2 * 0.2 * 0.6 + c1) / (0.2 * 0.2 + 0.6 * 0.6 + c1), value, 1e-9);
    }

    [Fact]
    public void Ssim_OfImagesSmallerThanItsWindow_IsRefused() =>
        Assert.Throws<ArgumentException>(() => ImageQuality.Ssim(zeros(1, 1, 10, 20), zeros(1, 1, 10, 20)));
}

using Imago.Metrics;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Tests;

public class StructuralSimilarityTests
{
    private static Tensor Picture(ulong seed, int height = 24, int width = 31) => rand([2, 3, height, width], float64, generator: new Generator(seed));

    public static TheoryData<bool, bool> Options => new() { { false, false }, { false, true }, { true, false } };

    private static SsimOptions Of(bool mirrors, bool sample) => new() { MirrorsBorder = mirrors, SampleCovariance = sample };

    [Theory]
    [MemberData(nameof(Options))]
    public void Similarity_OfEqualImages_IsOne_AndSymmetricElsewhere(bool mirrors, bool sample)
    {
        using var scope = NewDisposeScope();
        var (x, y, options) = (Picture(1), Picture(2), Of(mirrors, sample));
        Assert.True(StructuralSimilarity.Of(x, x, options).allclose(ones(2, float64)));
        Assert.True(StructuralSimilarity.Of(x, y, options).allclose(StructuralSimilarity.Of(y, x, options)));
        Assert.Equal(mirrors ? [2, 3, 24, 31] : [2, 3, 14, 21], StructuralSimilarity.Map(x, y, options).shape);
    }

    [Fact]
    public void Default_IsThatOfImageQuality_AndScalesWithThePeak()
    {
        using var scope = NewDisposeScope();
        var (x, y) = (Picture(1), Picture(2));
        Assert.True(StructuralSimilarity.Of(x, y).allclose(ImageQuality.Ssim(x, y), 1e-10, 1e-12));
        Assert.True(StructuralSimilarity.Of(x, y).allclose(StructuralSimilarity.Of(255 * x, 255 * y, peak: 255)));
    }

    /// <summary>One window over the whole image, by sums over its pixels.</summary>
    [Fact]
    public void UniformWindow_IsTheFormulaOfItsPixels()
    {
        using var scope = NewDisposeScope();
        var (x, y) = (Picture(1, 7, 7)[.., ..1], Picture(2, 7, 7)[.., ..1]);
        var (a, b) = (x[0].flatten(), y[0].flatten());
        double Mean(Tensor t) => t.mean().item<double>();
        double Covariance(Tensor s, Tensor t) => ((s - s.mean()) * (t - t.mean())).sum().item<double>() / 48;
        var (c1, c2) = (1e-4, 9e-4);
        var expected = (2 * Mean(a) * Mean(b) + c1) * (2 * Covariance(a, b) + c2) / ((Mean(a) * Mean(a) + Mean(b) * Mean(b) + c1) * (Covariance(a, a) + Covariance(b, b) + c2));
        Assert.Equal(expected, StructuralSimilarity.Of(x, y, SsimOptions.ScikitImageUniform)[0].item<double>(), 1e-10);
    }

    [Fact]
    public void MultiScale_OfEqualImages_IsOne_AndFallsWithNoise()
    {
        using var scope = NewDisposeScope();
        var (x, noise) = (Picture(1, 177, 180), Picture(2, 177, 180) - 0.5);
        foreach (var options in new[] { SsimOptions.Gaussian, SsimOptions.Torchmetrics })
        {
            Assert.True(StructuralSimilarity.MultiScale(x, x, options).allclose(ones(2, float64)));
            var (little, much) = (StructuralSimilarity.MultiScale(x, x + 0.1 * noise, options), StructuralSimilarity.MultiScale(x, x + noise, options));
            Assert.True((little > much).all().item<bool>() && (little < 1).all().item<bool>());
        }
    }

    [Fact]
    public void ImagesThatDoNotFit_AreRefused()
    {
        using var scope = NewDisposeScope();
        Assert.Contains("161", Assert.Throws<ArgumentException>(() => StructuralSimilarity.MultiScale(Picture(1, 160, 200), Picture(2, 160, 200))).Message, StringComparison.Ordinal);
        Assert.Contains("both alike", Assert.Throws<ArgumentException>(() => StructuralSimilarity.Of(Picture(1), Picture(2, 24, 30))).Message, StringComparison.Ordinal);
    }
}

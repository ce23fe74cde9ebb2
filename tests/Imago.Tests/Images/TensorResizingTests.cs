using Imago.Images;
using Imago.Metrics;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Tests;

public class TensorResizingTests
{
    /// <summary>A ramp read at i·in/out: on the ramp up to its last pixel, flat behind it.</summary>
    [Fact]
    public void TensorFlow1_OfARamp_ReadsWithoutHalfPixels()
    {
        using var scope = NewDisposeScope();
        var ramp = arange(4, dtype: float32).view(1, 1, 1, 4);
        Assert.Equal([0, 0.5f, 1, 1.5f, 2, 2.5f, 3, 3], TensorResizing.BilinearOfTensorFlow1(ramp, 8, 1).data<float>().ToArray());
        Assert.Equal([0, 2], TensorResizing.BilinearOfTensorFlow1(ramp, 2, 1).data<float>().ToArray());
    }

    [Fact]
    public void Bilinear_OfARamp_ReadsHalfPixels()
    {
        using var scope = NewDisposeScope();
        var ramp = arange(4, dtype: float32).view(1, 1, 1, 4);
        Assert.Equal([0.5f, 2.5f], TensorResizing.Resize(ramp, 2, 1, TensorFilter.Bilinear).data<float>().ToArray());
        Assert.Equal([0, 2], TensorResizing.Resize(ramp, 2, 1, TensorFilter.Nearest).data<float>().ToArray());
        Assert.Equal([1, 3], TensorResizing.Resize(ramp, 2, 1, TensorFilter.NearestExact).data<float>().ToArray());
        Assert.Equal([0.5f, 2.5f], TensorResizing.Resize(ramp, 2, 1, TensorFilter.Area).data<float>().ToArray());
    }

    [Fact]
    public void Planes_AreNotClipped_AndBytesAreThePlanesRounded()
    {
        using var scope = NewDisposeScope();
        float[] edge = [0, 0, 0, 255, 255, 255];
        var sharp = PlaneResampling.Resize(edge, 6, 1, 13, 1, ResampleFilter.Lanczos);
        Assert.True(sharp.Min() < 0 && sharp.Max() > 255);
        var bytes = Resampling.Resize(new PixelImage(6, 1, 1, [.. edge.Select(level => (byte)level)]), 13, 1, ResampleFilter.Lanczos).Pixels;
        Assert.All(sharp.Zip(bytes), pair => Assert.InRange(Math.Clamp(pair.First, 0, 255) - pair.Second, -0.51, 0.51));
    }

    [Fact]
    public void PillowThirteen_RunsColumnsFirstWhereTheHeightShrinksFar()
    {
        var image = TestImages.Numbered(1, 30, 44, 3).Image;
        var rowsFirst = Resampling.Resize(Resampling.Resize(image, 23, 44, ResampleFilter.Lanczos), 23, 12, ResampleFilter.Lanczos);
        var columnsFirst = Resampling.Resize(Resampling.Resize(image, 30, 12, ResampleFilter.Lanczos), 23, 12, ResampleFilter.Lanczos);
        Assert.Equal(rowsFirst.Pixels, Resampling.Resize(image, 23, 12, ResampleFilter.Lanczos).Pixels);
        Assert.Equal(columnsFirst.Pixels, Resampling.Resize(image, 23, 12, ResampleFilter.Lanczos, order: ResampleOrder.Pillow13).Pixels);
        Assert.NotEqual(rowsFirst.Pixels, columnsFirst.Pixels);
    }

    [Theory]
    [InlineData(InceptionResize.Clean, 72 / 128f)]
    [InlineData(InceptionResize.Tf1, 72 / 128f)]
    [InlineData(InceptionResize.Pytorch, 2 * 200 / 255f - 1)]
    [InlineData(InceptionResize.CleanLegacyPytorch, 2 * 200 / 255f - 1)]
    public void PicturesForInception_OfOneGrey_AreItsValue(InceptionResize mode, float value)
    {
        using var scope = NewDisposeScope();
        var prepared = InceptionPictures.Prepare(full([1, 3, 20, 31], 200, uint8), mode);
        Assert.Equal([1, 3, 299, 299], prepared.shape);
        Assert.True(prepared.allclose(full_like(prepared, value), 1e-5, 1e-5));
    }

    [Fact]
    public void GreyPictures_AreNoPicturesForInception() =>
        Assert.Contains("[B, 3, H, W]", Assert.Throws<ArgumentException>(() => InceptionPictures.Resize(zeros([1, 1, 8, 8], uint8), InceptionResize.Clean)).Message, StringComparison.Ordinal);

    [Fact]
    public void Quantisations_DifferBetweenLevels()
    {
        using var scope = NewDisposeScope();
        byte Of(Func<Tensor, Tensor> way, double level, double scale = 1, double shift = 0) => way(tensor(level * scale + shift)).item<byte>();
        Assert.Equal((100, 101), (Of(Quantisation.Truncated, 100.7), Of(Quantisation.Rounded, 100.7)));
        Assert.Equal((0, 255), (Of(Quantisation.Truncated, -3), Of(Quantisation.Rounded, 256.7)));
        Assert.Equal(100, Of(Quantisation.GuidedDiffusion, 100.7, 1 / 127.5, -1));
        Assert.Equal((101, 101), (Of(Quantisation.StyleGan, 100.7, 1 / 127.5, -1), Of(Quantisation.Diffusers, 100.7, 1 / 127.5, -1)));
        Assert.Equal(101, Of(Quantisation.Torchvision, 100.7, 1 / 255.0));
    }
}

using Imago.Images;
using TorchSharp;

namespace Imago.Tests;

public class PicturesTests
{
    [Theory]
    [InlineData(PixelRange.ZeroToOne)]
    [InlineData(PixelRange.MinusOneToOne)]
    public void FromTensor_OfToFloat_IsTheSamePicture(PixelRange range)
    {
        var image = new PixelImage(16, 16, 1, [.. Enumerable.Range(0, 256).Select(i => (byte)i)]);
        using var values = Pictures.ToFloat(image, range);
        var (low, high) = range == PixelRange.ZeroToOne ? (0f, 1f) : (-1f, 1f);
        Assert.Equal((low, high), (values.min().item<float>(), values.max().item<float>()));
        Assert.Equal(image.Pixels, Pictures.FromTensor(values, range).Pixels);
    }

    [Fact]
    public void ToBytes_IsPlanar_AndFromBytesInterleaves()
    {
        var image = new PixelImage(2, 1, 3, [1, 2, 3, 4, 5, 6]);
        using var bytes = Pictures.ToBytes(image);
        Assert.Equal([3, 1, 2], bytes.shape);
        Assert.Equal([1, 4, 2, 5, 3, 6], bytes.bytes.ToArray());
        Assert.Equal(image.Pixels, Pictures.FromBytes(bytes).Pixels);
    }

    [Fact]
    public void OutOfRangeValues_AreClamped_AndNaNIsBlack()
    {
        using var values = torch.tensor([-3f, 0.5f, 7f, float.NaN]).reshape(1, 2, 2);
        Assert.Equal([0, 128, 255, 0], Pictures.FromTensor(values, PixelRange.ZeroToOne).Pixels);
        Assert.Equal([0, 191, 255, 0], Pictures.FromTensor(values, PixelRange.MinusOneToOne).Pixels);
    }

    [Fact]
    public void Conversions_LeaveNoTensors()
    {
        using var batch = torch.rand(2, 3, 4, 4);
        var before = torch.Tensor.TotalCount;
        var pictures = Pictures.FromBatch(batch, PixelRange.ZeroToOne);
        Pictures.ToFloat(pictures[0], PixelRange.MinusOneToOne).Dispose();
        Assert.Equal(before, torch.Tensor.TotalCount);
    }

    [Fact]
    public void WrongShapesAndTypes_AreNamed()
    {
        using var five = torch.zeros(5, 2, 2);
        Assert.Contains("[5, 2, 2]", Assert.Throws<ArgumentException>(() => Pictures.FromTensor(five, PixelRange.ZeroToOne)).Message, StringComparison.Ordinal);
        Assert.Contains("uint8", Assert.Throws<ArgumentException>(() => Pictures.ToFloat(five, PixelRange.ZeroToOne)).Message, StringComparison.Ordinal);
    }
}

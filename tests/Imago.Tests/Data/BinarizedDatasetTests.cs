using Imago.Data;
using Imago.Images;

namespace Imago.Tests.Data;

public class BinarizedDatasetTests
{
    private sealed class Constant(byte level) : ImageDataset
    {
        public override string Name => "constant";

        public override int Count => 50;

        public override ImageItem Get(int index) => new() { Image = new PixelImage(20, 10, 1, [.. Enumerable.Repeat(level, 200)]) };
    }

    [Theory]
    [InlineData(0)]
    [InlineData(64)]
    [InlineData(200)]
    [InlineData(255)]
    public void Pixels_AreBlackOrWhite_WithTheGreyLevelAsProbability(byte level)
    {
        var binary = new BinarizedDataset(new Constant(level), seed: 1);
        var pixels = Enumerable.Range(0, binary.Count).SelectMany(i => binary.Get(i).Image.Pixels).ToList();
        Assert.All(pixels, pixel => Assert.True(pixel is 0 or 255));
        var p = level / 255.0;
        Assert.Equal(p, pixels.Average(pixel => pixel / 255.0), 4 * Math.Sqrt(p * (1 - p) / pixels.Count) + 1e-12);
    }

    [Fact]
    public void Binarisation_IsFixed_AndDependsOnSeedAndImage()
    {
        var binary = new BinarizedDataset(new Constant(128), seed: 1);
        Assert.Equal(binary.Get(3).Image.Pixels, binary.Get(3).Image.Pixels);
        Assert.NotEqual(binary.Get(3).Image.Pixels, binary.Get(4).Image.Pixels);
        Assert.NotEqual(binary.Get(3).Image.Pixels, new BinarizedDataset(new Constant(128), seed: 2).Get(3).Image.Pixels);
    }
}

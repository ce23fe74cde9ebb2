using Imago.Golden;
using Imago.Images;
using Imago.Weights;

namespace Imago.Tests;

public class ResamplingTests
{
    public static TheoryData<string> Filters => [.. ResampleFilter.All.Select(filter => filter.Name)];

    private static ResampleFilter Filter(string name) => ResampleFilter.All.Single(filter => filter.Name == name);

    [Theory]
    [MemberData(nameof(Filters))]
    public void Constant_StaysConstant(string filter)
    {
        var flat = new PixelImage(13, 9, 3, [.. Enumerable.Repeat((byte)173, 13 * 9 * 3)]);
        foreach (var (width, height) in ((int, int)[])[(5, 4), (26, 30), (13, 2), (1, 1)])
            Assert.All(Resampling.Resize(flat, width, height, Filter(filter)).Pixels, level => Assert.Equal(173, level));
    }

    [Theory]
    [MemberData(nameof(Filters))]
    public void SameSize_IsTheSamePicture(string filter)
    {
        var image = TestImages.Numbered(1, 7, 5, 3).Image;
        Assert.Equal(image.Pixels, Resampling.Resize(image, 7, 5, Filter(filter)).Pixels);
    }

    [Theory]
    [MemberData(nameof(Filters))]
    public void Mirror_CommutesWithResizing(string filter)
    {
        var image = TestImages.Numbered(1, 12, 7).Image;
        var first = Orientation.Apply(Resampling.Resize(image, 5, 4, Filter(filter)), 2).Pixels;
        var second = Resampling.Resize(Orientation.Apply(image, 2), 5, 4, Filter(filter)).Pixels;
        Assert.All(first.Zip(second), pair => Assert.InRange(pair.First - pair.Second, -1, 1));     // sums may round apart by one level
    }

    [Theory]
    [MemberData(nameof(Filters))]
    public void Weights_IntegrateToOne(string filter)
    {
        var (sum, step) = (0.0, 1e-4);
        for (var x = -4 + step / 2; x < 4; x += step) sum += Filter(filter).Weight(x) * step;
        Assert.Equal(1, sum, filter switch { "hamming" => 0.2, "lanczos" => 1e-2, _ => 1e-6 });     // a windowed sinc is normalised only when it is sampled
    }

    [Fact]
    public void Box_ByAWholeFactor_IsTheMean()
    {
        var halved = Resampling.Resize(new PixelImage(4, 2, 1, [0, 10, 100, 200, 20, 30, 100, 200]), 2, 1, ResampleFilter.Box);
        Assert.Equal([15, 150], halved.Pixels);
    }

    [Fact]
    public void HiddenColours_DoNotBleed()
    {
        var image = new PixelImage(2, 1, 4, [255, 0, 0, 255, 0, 255, 0, 0]);             // opaque red beside invisible green
        Assert.Equal([255, 0, 0, 128], Resampling.Resize(image, 1, 1, ResampleFilter.Box).Pixels);
    }

    [Fact]
    public void ResizeAndCrop_KeepsTheMiddleAndTheProportions()
    {
        var image = new PixelImage(8, 2, 1, [.. Enumerable.Range(0, 16).Select(i => (byte)(i % 8 is 3 or 4 ? 200 : 10))]);
        Assert.Equal([200, 200, 200, 200], Resampling.ResizeAndCrop(image, 2, 2, ResampleFilter.Box).Pixels);
    }

    [Fact]
    public void ARowOfAMillionPixels_ShrinksWithinItsOwnSize()
    {
        var row = new PixelImage(1_000_000, 1, 1, [.. Enumerable.Repeat((byte)90, 1_000_000)]);
        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.All(Resampling.Resize(row, 64, 64, ResampleFilter.Bicubic).Pixels, level => Assert.Equal(90, level));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 4_000_000);
    }

    [Fact]
    public void Resize_EqualsPillow()
    {
        var folder = Path.Combine(GoldenFolder.Find() ?? "", "metrics", "resize");
        Assert.SkipUnless(Directory.Exists(folder), "no reference numbers of resizing: set IMAGO_GOLDEN");
        using var inputs = Safetensors.Open(Path.Combine(folder, "inputs.safetensors"));
        using var outputs = Safetensors.Open(Path.Combine(folder, "outputs.safetensors"));
        var compared = 0;
        foreach (var tensor in outputs.Tensors.Where(tensor => tensor.Name.Contains(".pil_uint8.", StringComparison.Ordinal) && tensor.Shape.Count == 3))
        {
            var (image, filter) = (tensor.Name.Split('.')[0], tensor.Name.Split('.')[^1]);
            if (!inputs.Contains(image) || ResampleFilter.All.FirstOrDefault(known => known.Name == filter) is not { } kernel) continue;
            // Pillow 13 may run the vertical pass first; Imago keeps the order of all earlier versions, which the file holds as well.
            var older = tensor.Name.Replace("pil_uint8", "pil_uint8_horizontal_first", StringComparison.Ordinal);
            using var source = inputs.Read(image);
            using var want = outputs.Read(outputs.Contains(older) ? older : tensor.Name);
            var picture = new PixelImage((int)source.shape[1], (int)source.shape[0], (int)source.shape[2], source.bytes.ToArray());
            Assert.Equal(want.bytes.ToArray(), Resampling.Resize(picture, (int)want.shape[1], (int)want.shape[0], kernel).Pixels);
            compared++;
        }
        Assert.True(compared > 0);
    }
}

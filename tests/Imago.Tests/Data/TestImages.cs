using Imago.Data;
using Imago.Images;

namespace Imago.Tests;

/// <summary>Small data sets whose images tell their index.</summary>
internal static class TestImages
{
    /// <summary>Image i has pixel values (i, x, y, …): no two are equal, and a flip or crop shows.</summary>
    internal static ImageItem Numbered(int index, int width = 6, int height = 6, int channels = 1) => new()
    {
        Image = new PixelImage(width, height, channels, [.. Enumerable.Range(0, width * height * channels).Select(at => (byte)(at == 0 ? index : (at * 7 + index * 3) % 251))]),
        Label = index % 3,
        Attributes = [index / 10.0],
        Caption = index % 2 == 0 ? $"image {index}" : null,
    };

    internal static MemoryDataset Set(int count, int width = 6, int height = 6, int channels = 1) => new(
        "numbered", [.. Enumerable.Range(0, count).Select(index => Numbered(index, width, height, channels))],
        ["a", "b", "c"], [new ImageAttribute("tenth", 0, count / 10.0, [], "a tenth of the index")]);
}

/// <summary>A set some of whose images are broken, and which counts how often it is read.</summary>
internal sealed class FaultyDataset(ImageDataset source, params int[] broken) : ImageDataset
{
    private int _reads;

    internal int Reads => _reads;

    public override string Name => "faulty";

    public override int Count => source.Count;

    public override IReadOnlyList<string> ClassNames => source.ClassNames;

    public override IReadOnlyList<ImageAttribute> Attributes => source.Attributes;

    public override ImageItem Get(int index)
    {
        Interlocked.Increment(ref _reads);
        return broken.Contains(index) ? throw new DataException($"image {index} is damaged") : source.Get(index);
    }
}

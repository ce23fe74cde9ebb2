using Imago.Images;
using SkiaSharp;

namespace Imago.Tests;

public class GifFileTests
{
    private static List<byte[]> Frames(byte[] file)
    {
        using var data = SKData.CreateCopy(file);
        using var codec = SKCodec.Create(data);
        var frames = new List<byte[]>();
        for (var i = 0; i < Math.Max(1, codec.FrameCount); i++)
        {
            using var bitmap = new SKBitmap(new SKImageInfo(codec.Info.Width, codec.Info.Height, SKColorType.Rgba8888, SKAlphaType.Unpremul, null));
            Assert.Equal(SKCodecResult.Success, codec.GetPixels(bitmap.Info, bitmap.GetPixels(), new SKCodecOptions(i)));
            frames.Add([.. bitmap.Bytes.Chunk(4).SelectMany(pixel => pixel[..3])]);
        }
        return frames;
    }

    [Fact]
    public void FewColours_AreKeptExactly_InEveryFrame()
    {
        List<PixelImage> frames = [.. Enumerable.Range(0, 4).Select(i => new PixelImage(40, 30, 3, [.. Enumerable.Range(0, 3600).Select(k => (byte)(k * (i + 3) % 4 * 60))]))];
        Assert.Equal(frames.Select(frame => frame.Pixels), Frames(GifFile.Encode(frames, 10)));
    }

    [Fact]
    public void LongRuns_AndFullCodeTables_DecodeToWhatWasWritten()
    {
        var random = new Random(5);
        var noise = new PixelImage(200, 150, 1, [.. Enumerable.Range(0, 30_000).Select(_ => (byte)random.Next(256))]);        // fills the table of codes many times
        var flat = new PixelImage(200, 150, 1, new byte[30_000]);
        Assert.Equal([ColourConversion.ToColour(noise).Pixels, ColourConversion.ToColour(flat).Pixels], Frames(GifFile.Encode([noise, flat], 5)));
    }

    [Fact]
    public void ManyColours_AreDitheredNearTheOriginal()
    {
        var smooth = new PixelImage(64, 64, 3, [.. Enumerable.Range(0, 64 * 64).SelectMany(i => (byte[])[(byte)(i % 64 * 4), (byte)(i / 64 * 4), (byte)(255 - i % 64 * 2)])]);
        var read = Frames(GifFile.Encode([smooth], 5)).Single();
        Assert.InRange(smooth.Pixels.Zip(read, (a, b) => Math.Abs(a - b)).Average(), 0, 10);
        Assert.InRange(read.Chunk(3).Select(pixel => (pixel[0], pixel[1], pixel[2])).Distinct().Count(), 129, 256);
    }

    [Fact]
    public void Animation_RepeatsAtItsSpeed()
    {
        using var data = SKData.CreateCopy(GifFile.Encode([new PixelImage(1, 1, 1, [0]), new PixelImage(1, 1, 1, [255])], 20));
        using var codec = SKCodec.Create(data);
        Assert.Equal([50, 50], codec.FrameInfo.Select(frame => frame.Duration));
        Assert.Equal(-1, codec.RepetitionCount);
    }

    [Fact]
    public void FramesOfDifferentSizes_AreRefused() =>
        Assert.Throws<ArgumentException>(() => GifFile.Encode([new PixelImage(1, 1, 1, [0]), new PixelImage(2, 1, 1, [0, 0])], 5));
}

using CsCheck;
using Imago.Images;

namespace Imago.Tests;

public sealed class ImageFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private static readonly Gen<PixelImage> AnyPicture =
        from width in Gen.Int[1, 20]
        from height in Gen.Int[1, 20]
        from kind in Gen.Int[0, 2]
        let channels = kind == 0 ? 1 : kind + 2
        from pixels in Gen.Byte.Array[width * height * channels]
        select new PixelImage(width, height, channels, pixels);

    private static readonly ImageReadOptions WithAlpha = new() { Alpha = AlphaMode.Keep };

    public void Dispose() => _folder.Dispose();

    private static byte[] Opaque(PixelImage image) => image.Channels == 4
        ? [.. image.Pixels.Chunk(4).SelectMany(pixel => pixel[3] == 255 ? pixel[..3] : [])]
        : image.Pixels;

    private static void AssertSame(PixelImage expected, PixelImage actual)
    {
        Assert.Equal((expected.Width, expected.Height), (actual.Width, actual.Height));
        if (expected.Channels == actual.Channels) Assert.Equal(expected.Pixels, actual.Pixels);
        else Assert.Equal(Opaque(expected), actual.Pixels);             // an image whose alpha is 255 everywhere is read without it
    }

    [Fact]
    public void Png_OfAnyPicture_RoundTrips() =>
        AnyPicture.Sample(image => AssertSame(image, ImageFile.Decode(ImageFile.Encode(image, ".png"), "image", WithAlpha)), iter: 100);

    [Fact]
    public void WebP_Lossless_RoundTripsVisiblePixels() => AnyPicture.Sample(image =>
    {
        var read = ImageFile.Decode(ImageFile.Encode(image, ".webp", 100), "image", WithAlpha);
        AssertSame(ColourConversion.ToColour(image), ColourConversion.ToColour(read));
    }, iter: 50);

    [Fact]
    public void Jpeg_OfASmoothPicture_IsNear()
    {
        var image = new PixelImage(32, 24, 3, [.. Enumerable.Range(0, 32 * 24).SelectMany(i => (byte[])[(byte)(i % 32 * 8), (byte)(i / 32 * 10), 128])]);
        var read = ImageFile.Decode(ImageFile.Encode(image, ".jpg", 95), "image");
        Assert.InRange(image.Pixels.Zip(read.Pixels, (a, b) => Math.Abs(a - b)).Average(), 0, 2);
    }

    [Fact]
    public void Write_ThenRead_GivesThePicture_AndLeavesNothingElse()
    {
        var path = Path.Combine(_folder.Path, "picture.png");
        var image = new PixelImage(2, 1, 3, [1, 2, 3, 250, 251, 252]);
        ImageFile.Write(path, new PixelImage(1, 1, 1, [7]));
        ImageFile.Write(path, image);
        AssertSame(image, ImageFile.Read(path));
        Assert.Equal([path], Directory.GetFiles(_folder.Path));
        Assert.Equal(new ImageHeader("png", 2, 1, 3), ImageFile.Inspect(File.ReadAllBytes(path), path));
    }

    [Fact]
    public void Write_IntoAMissingFolder_IsOneSentence() =>
        Assert.ThrowsAny<ImagoException>(() => ImageFile.Write(Path.Combine(_folder.Path, "no", "picture.png"), new PixelImage(1, 1, 1, [7])));

    [Fact]
    public void Write_OfUnknownEnding_NamesThoseThatAreKnown() =>
        Assert.Contains(".png", Assert.Throws<ArgumentException>(() => ImageFile.Write("picture.tiff", new PixelImage(1, 1, 1, [7]))).Message, StringComparison.Ordinal);

    [Fact]
    public void Alpha_IsLaidOnWhite_DroppedOrKept()
    {
        var file = ImageFile.Encode(new PixelImage(2, 1, 4, [200, 100, 0, 0, 200, 100, 0, 51]), ".png");
        Assert.Equal([255, 255, 255, 244, 224, 204], ImageFile.Decode(file, "image").Pixels);                 // 255 + (c − 255)·51/255
        Assert.Equal([200, 100, 0, 200, 100, 0], ImageFile.Decode(file, "image", ImageReadOptions.AsPillow).Pixels);
        Assert.Equal([200, 100, 0, 0, 200, 100, 0, 51], ImageFile.Decode(file, "image", WithAlpha).Pixels);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(6)]
    [InlineData(7)]
    [InlineData(8)]
    public void Orientation_AppliedTwiceOrInverted_IsIdentity(int orientation)
    {
        var image = TestImages.Numbered(0, 3, 2, 3).Image;
        var inverse = orientation switch { 6 => 8, 8 => 6, _ => orientation };
        AssertSame(image, Orientation.Apply(Orientation.Apply(image, orientation), inverse));
    }

    [Fact]
    public void Orientation_Six_TurnsAQuarterToTheRight() =>
        Assert.Equal([3, 1, 4, 2], Orientation.Apply(new PixelImage(2, 2, 1, [1, 2, 3, 4]), 6).Pixels);

    [Fact]
    public void MutatedFiles_AreReadOrRefused_WithoutAnyOtherException()
    {
        var picture = TestImages.Numbered(3, 17, 13, 3).Image;
        foreach (var extension in (string[])[".png", ".jpg", ".webp", ".gif"])
        {
            var file = ImageFile.Encode(picture, extension);
            Gen.Select(Gen.Int[0, file.Length - 1], Gen.Byte, Gen.Int[0, file.Length]).Sample((at, value, length) =>
            {
                var mutated = file[..length];
                if (at < length) mutated[at] = value;
                try
                {
                    var image = ImageFile.Decode(mutated, "mutated");
                    Assert.Equal(image.Width * image.Height * image.Channels, image.Pixels.Length);
                }
                catch (DataException e)
                {
                    Assert.StartsWith("mutated", e.Message, StringComparison.Ordinal);
                }
            }, iter: 150);
        }
    }

    [Fact]
    public void DeclaredSize_BeyondTheLimit_IsRefusedBeforeDecoding()
    {
        var gif = ImageFile.Encode(new PixelImage(1, 1, 1, [7]), ".gif");
        gif.AsSpan(6, 4).Fill(255);                                      // a canvas of 65,535 × 65,535
        Assert.Contains("178,956,970", Assert.Throws<DataException>(() => ImageFile.Decode(gif, "bomb.gif")).Message, StringComparison.Ordinal);
    }
}

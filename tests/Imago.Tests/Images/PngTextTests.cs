using Imago.Images;

namespace Imago.Tests;

public class PngTextTests
{
    private static readonly byte[] Png = ImageFile.Encode(new PixelImage(2, 2, 1, [0, 80, 160, 240]), ".png");

    [Fact]
    public void Find_OfWhatWasAdded_IsTheText_AndThePixelsAreAsTheyWere()
    {
        var file = PngText.Add(PngText.Add(Png, "first", "one"), "imago", """{"seed":7}""");
        Assert.Equal("""{"seed":7}""", PngText.Find(file, "imago"));
        Assert.Equal("one", PngText.Find(file, "first"));
        Assert.Null(PngText.Find(file, "other"));
        Assert.Equal(ImageFile.Decode(Png, "png").Pixels, ImageFile.Decode(file, "png").Pixels);
    }

    [Fact]
    public void Find_InOtherFilesAndDamagedOnes_IsNull()
    {
        Assert.Null(PngText.Find("no png at all, but long enough for a header"u8, "imago"));
        var file = PngText.Add(Png, "imago", "text");
        for (var length = 0; length < 50; length++) Assert.Null(PngText.Find(file.AsSpan(0, length), "imago"));
        file[33] = 0xFF;                                        // the length of the first chunk after the header
        Assert.Null(PngText.Find(file, "imago"));
    }

    [Fact]
    public void Add_OfWhatHasNoPlace_IsRefused()
    {
        Assert.Throws<ArgumentException>(() => PngText.Add([1, 2, 3], "imago", "text"));
        Assert.Throws<ArgumentException>(() => PngText.Add(Png, "", "text"));
        Assert.Throws<ArgumentException>(() => PngText.Add(Png, "imago", "日本"));
    }
}

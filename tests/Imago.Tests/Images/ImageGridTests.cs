using Imago.Images;

namespace Imago.Tests;

public class ImageGridTests
{
    private static readonly PixelImage Grey = new(8, 8, 1, [.. Enumerable.Repeat((byte)100, 64)]);

    private static int Count(PixelImage grid, byte level) => grid.Pixels.Chunk(3).Count(pixel => pixel.All(value => value == level));

    [Fact]
    public void EveryPixel_OfEveryPicture_IsOnTheGrid()
    {
        var grid = ImageGrid.Draw([Grey, Grey, Grey, Grey, Grey], 3, new GridOptions { Scale = 2 });
        Assert.Equal(5 * 64 * 4, Count(grid, 100));
        Assert.Equal(3, grid.Channels);
    }

    [Fact]
    public void Labels_DrawInk_AndHideNoPicture()
    {
        var options = new GridOptions { Title = "Title", RowLabels = ["row"], ColumnLabels = ["a", "b"], Captions = ["x", "y"], TextScale = 1 };
        var (bare, labelled) = (ImageGrid.Draw([Grey, Grey], 2), ImageGrid.Draw([Grey, Grey], 2, options));
        Assert.Equal(0, Count(bare, 34));
        Assert.True(Count(labelled, 34) > 40);
        Assert.Equal(2 * 64, Count(labelled, 100));
    }

    [Fact]
    public void Measure_IsWhatIsDrawn()
    {
        foreach (var text in (string[])["smile −1.50", "λ = 4, β²", "àçé", "0123456789", "猫 ✓", "\ud83d"])
        {
            var canvas = new PixelImage(200, 12, 1, new byte[2400]);
            PixelFont.Draw(canvas, text, 0, 0, 1, [255]);
            var last = Enumerable.Range(0, 200).Last(x => Enumerable.Range(0, 12).Any(y => canvas.Pixels[y * 200 + x] != 0));
            Assert.InRange(PixelFont.Measure(text), last, last + 3);      // digits and blanks keep empty columns
        }
    }

    [Fact]
    public void EveryGlyph_OfAscii_DiffersFromEveryOther()
    {
        var drawn = Enumerable.Range('!', '~' - '!' + 1).Select(code =>
        {
            var canvas = new PixelImage(6, 8, 1, new byte[48]);
            PixelFont.Draw(canvas, ((char)code).ToString(), 0, 0, 1, [1]);
            return Convert.ToHexString(canvas.Pixels);
        }).ToList();
        Assert.Equal(drawn.Count, drawn.Distinct().Count());
    }

    [Fact]
    public void Accents_AreLeftOff()
    {
        byte[] Drawn(string text)
        {
            var canvas = new PixelImage(60, 9, 1, new byte[540]);
            PixelFont.Draw(canvas, text, 0, 0, 1, [1]);
            return canvas.Pixels;
        }
        Assert.Equal(Drawn("aeun"), Drawn("äéùñ"));
        Assert.Equal(Drawn("aeun"), Drawn("a\u0308e\u0301u\u0300n\u0303"));
    }

    [Fact]
    public void EmptyGrid_IsRefused() => Assert.Throws<ArgumentException>(() => ImageGrid.Draw([], 2));
}

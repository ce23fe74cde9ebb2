using Imago.Data;
using Imago.Images;

namespace Imago.Tests;

public class SpritesTests
{
    private static readonly SpriteDataset _sprites = new();

    public static TheoryData<SpriteShape> Shapes => [.. Enum.GetValues<SpriteShape>()];

    [Fact]
    public void Index_OfFactorsOfIndex_IsIndex()
    {
        Assert.DoesNotContain(Enumerable.Range(0, SpriteDataset.Total), index => SpriteFactors.FromIndex(index).Index != index);
    }

    [Fact]
    public void Order_IsThatOfDSprites()
    {
        Assert.Equal(737_280, _sprites.Count);
        Assert.Equal(new SpriteFactors(SpriteShape.Square, 0, 0, 0, 1), SpriteFactors.FromIndex(1));
        Assert.Equal(new SpriteFactors(SpriteShape.Square, 0, 0, 1, 0), SpriteFactors.FromIndex(32));
        Assert.Equal(new SpriteFactors(SpriteShape.Square, 0, 1, 0, 0), SpriteFactors.FromIndex(1024));
        Assert.Equal(new SpriteFactors(SpriteShape.Square, 1, 0, 0, 0), SpriteFactors.FromIndex(40_960));
        Assert.Equal(new SpriteFactors(SpriteShape.Ellipse, 0, 0, 0, 0), SpriteFactors.FromIndex(245_760));
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Area_GrowsWithSquareOfScale(SpriteShape shape)
    {
        double Area(int scale) => Enumerable.Range(0, 40).Average(o => Lit(new SpriteFactors(shape, scale, o, 16, 16)).Count);
        for (int scale = 0; scale < 5; scale++)
            Assert.Equal(Math.Pow((5 + scale) / 10.0, 2), Area(scale) / Area(5), 0.02);
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void CentreOfMass_IsAtPosition(SpriteShape shape)
    {
        foreach (int orientation in (int[])[0, 3, 11, 25, 39])
        {
            List<(int X, int Y)> lit = Lit(new SpriteFactors(shape, 4, orientation, 7, 22));
            Assert.Equal(16 + 7, lit.Average(p => p.X), 0.3);
            Assert.Equal(16 + 22, lit.Average(p => p.Y), 0.3);
        }
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Position_MovesWholePictureByPixels(SpriteShape shape)
    {
        List<(int X, int Y)> corner = Lit(new SpriteFactors(shape, 5, 13, 0, 0)), moved = Lit(new SpriteFactors(shape, 5, 13, 31, 31));
        Assert.Equal(corner.Select(p => (p.X + 31, p.Y + 31)), moved);
    }

    [Fact]
    public void Square_TurnedByQuarter_IsItself()
    {
        for (int o = 0; o < 30; o++)
            Assert.Equal(Paint(new(SpriteShape.Square, 3, o, 4, 9)), Paint(new(SpriteShape.Square, 3, o + 10, 4, 9)));
    }

    [Fact]
    public void Ellipse_TurnedByHalf_IsItselfAndByQuarterIsNot()
    {
        Assert.Equal(Paint(new(SpriteShape.Ellipse, 3, 7, 4, 9)), Paint(new(SpriteShape.Ellipse, 3, 27, 4, 9)));
        Assert.NotEqual(Paint(new(SpriteShape.Ellipse, 3, 7, 4, 9)), Paint(new(SpriteShape.Ellipse, 3, 17, 4, 9)));
    }

    [Fact]
    public void ContentKeys_AreEqualExactlyWherePicturesAre()
    {
        SpriteFactors[] all =
        [
            .. from shape in Enum.GetValues<SpriteShape>() from scale in Enumerable.Range(0, 6) from o in Enumerable.Range(0, 40)
               select new SpriteFactors(shape, scale, o, 16, 16),
        ];
        var byPicture = all.GroupBy(f => Convert.ToHexString(Paint(f))).Select(g => string.Join(' ', g.Select(f => f.Index)));
        var byKey = all.GroupBy(f => _sprites.ContentKey(f.Index)).Select(g => string.Join(' ', g.Select(f => f.Index)));
        Assert.Equal(byPicture, byKey);
    }

    [Fact]
    public void Heart_Upright_IsMirrorSymmetricAndPointsDown()
    {
        List<(int X, int Y)> lit = Lit(new SpriteFactors(SpriteShape.Heart, 5, 0, 16, 16));
        Assert.Equal(lit.ToHashSet(), [.. lit.Select(p => (64 - p.X, p.Y))]);
        Assert.Equal(1, lit.Count(p => p.Y == lit.Max(q => q.Y)));
    }

    [Fact]
    public void Form_NeverTouchesBorderOfItsReach()
    {
        foreach (SpriteShape shape in Enum.GetValues<SpriteShape>())
        {
            for (int o = 0; o < 40; o++)
                Assert.All(Lit(new SpriteFactors(shape, 5, o, 16, 16)), p => Assert.True(Math.Max(Math.Abs(p.X - 32), Math.Abs(p.Y - 32)) < 16));
        }
    }

    [Fact]
    public void Attributes_LieInTheirRanges()
    {
        foreach (int index in (int[])[0, 1, 54_321, 400_000, SpriteDataset.Total - 1])
        {
            ImageItem item = _sprites.Get(index);
            Assert.Equal(_sprites.Attributes.Count, item.Attributes.Count);
            Assert.All(item.Attributes.Zip(_sprites.Attributes), p => Assert.InRange(p.First, p.Second.Minimum, p.Second.Maximum));
            Assert.Equal((int)SpriteFactors.FromIndex(index).Shape, item.Label);
        }
    }

    [Fact]
    public void Get_OutsideTheSet_IsRefused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => _sprites.Get(-1));
        Assert.Throws<ArgumentOutOfRangeException>(() => _sprites.Get(SpriteDataset.Total));
    }

    private static byte[] Paint(SpriteFactors factors) => SpriteDataset.Paint(factors).Pixels;

    private static List<(int X, int Y)> Lit(SpriteFactors factors)
    {
        PixelImage image = SpriteDataset.Paint(factors);
        Assert.All(image.Pixels, p => Assert.True(p is 0 or 255));
        return [.. Enumerable.Range(0, image.Pixels.Length).Where(i => image.Pixels[i] == 255).Select(i => (i % 64, i / 64))];
    }
}

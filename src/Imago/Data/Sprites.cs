using Imago.Images;

namespace Imago.Data;

/// <summary>The three forms of <see cref="SpriteDataset"/>.</summary>
public enum SpriteShape
{
    /// <summary>A square.</summary>
    Square,

    /// <summary>An ellipse twice as long as wide.</summary>
    Ellipse,

    /// <summary>A heart.</summary>
    Heart,
}

/// <summary>The factors of a sprite as whole numbers.</summary>
/// <param name="Shape">What is drawn.</param>
/// <param name="Scale">0 to 5, for 0.5, 0.6 … 1.</param>
/// <param name="Orientation">0 to 39, in steps of 2π/40, clockwise.</param>
/// <param name="PositionX">0 (left) to 31 (right), in pixels.</param>
/// <param name="PositionY">0 (top) to 31 (bottom), in pixels.</param>
public readonly record struct SpriteFactors(SpriteShape Shape, int Scale, int Orientation, int PositionX, int PositionY)
{
    /// <summary>Number of shapes.</summary>
    public const int Shapes = 3;

    /// <summary>Number of scales.</summary>
    public const int Scales = 6;

    /// <summary>Number of orientations.</summary>
    public const int Orientations = 40;

    /// <summary>Number of positions along each axis.</summary>
    public const int Positions = 32;

    /// <summary>The number of the sprite with these factors: row-major, the shape slowest and the vertical position fastest.</summary>
    public int Index => (((((((int)Shape * Scales) + Scale) * Orientations) + Orientation) * Positions) + PositionX) * Positions + PositionY;

    /// <summary>Size relative to the largest: 0.5 to 1.</summary>
    public double Size => (5 + Scale) / 10.0;

    /// <summary>Rotation in radians, in [0, 2π).</summary>
    public double Angle => 2 * Math.PI * Orientation / Orientations;

    /// <summary>The factors of sprite number <paramref name="index"/>, the inverse of <see cref="Index"/>.</summary>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="index"/> is not in [0, 737,280).</exception>
    public static SpriteFactors FromIndex(int index)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, SpriteDataset.Total);
        (index, int y) = Math.DivRem(index, Positions);
        (index, int x) = Math.DivRem(index, Positions);
        (index, int orientation) = Math.DivRem(index, Orientations);
        (int shape, int scale) = Math.DivRem(index, Scales);
        return new SpriteFactors((SpriteShape)shape, scale, orientation, x, y);
    }
}

/// <summary>
/// White shapes on black, 64 × 64, one image for every combination of five factors, in the order of dSprites (Matthey et al. 2017) and drawn
/// on demand. The label is the shape.
/// </summary>
/// <remarks>
/// Not the pixels of dSprites: the forms are Imago's own, and the 40 orientations divide the full turn evenly where dSprites has both 0 and 2π.
/// A pixel is white if its centre lies inside the form.
/// </remarks>
public sealed class SpriteDataset : ImageDataset
{
    /// <summary>Number of all sprites, 3 · 6 · 40 · 32 · 32.</summary>
    public const int Total = SpriteFactors.Shapes * SpriteFactors.Scales * SpriteFactors.Orientations * SpriteFactors.Positions * SpriteFactors.Positions;

    /// <summary>Width and height of the images in pixels.</summary>
    public const int Size = 64;

    // At scale 1, in pixels. Every form keeps within Reach of its centre of mass, so that it fits at every position.
    private const int Reach = 16;
    private const double HalfSide = 10.75;
    private const double LongAxis = 14.75;
    private const double ShortAxis = LongAxis / 2;
    private const double HeartUnit = 12.0;
    private const double HeartCentroid = 0.29345;

    /// <inheritdoc/>
    public override string Name => "sprites";

    /// <inheritdoc/>
    public override int Count => Total;

    /// <inheritdoc/>
    public override IReadOnlyList<string> ClassNames { get; } = ["square", "ellipse", "heart"];

    /// <inheritdoc/>
    public override IReadOnlyList<ImageAttribute> Attributes { get; } =
    [
        new("shape", 0, SpriteFactors.Shapes - 1, ["square", "ellipse", "heart"], "form"),
        new("scale", 0.5, 1, [], "size relative to the largest, in steps of 0.1"),
        new("orientation", 0, 2 * Math.PI * (SpriteFactors.Orientations - 1) / SpriteFactors.Orientations, [], "clockwise rotation in radians, 40 steps"),
        new("position_x", 0, 1, [], "0 left … 1 right, 32 steps of a pixel"),
        new("position_y", 0, 1, [], "0 top … 1 bottom, 32 steps of a pixel"),
    ];

    /// <inheritdoc/>
    public override ImageItem Get(int index)
    {
        SpriteFactors f = SpriteFactors.FromIndex(index);
        return new ImageItem
        {
            Image = Paint(f),
            Label = (int)f.Shape,
            Attributes =
            [
                (int)f.Shape, f.Size, f.Angle, f.PositionX / (SpriteFactors.Positions - 1.0), f.PositionY / (SpriteFactors.Positions - 1.0),
            ],
        };
    }

    /// <summary>The number of the first sprite that looks the same: squares repeat after a quarter turn, ellipses after half. Nothing is drawn.</summary>
    public override UInt128 ContentKey(int index)
    {
        SpriteFactors f = SpriteFactors.FromIndex(Checked(index));
        int period = f.Shape switch
        {
            SpriteShape.Square => SpriteFactors.Orientations / 4,
            SpriteShape.Ellipse => SpriteFactors.Orientations / 2,
            _ => SpriteFactors.Orientations,
        };
        return (UInt128)(f with { Orientation = f.Orientation % period }).Index;
    }

    /// <summary>Draws a sprite, grey, 0 or 255. Its centre of mass is at pixel (16 + x, 16 + y).</summary>
    public static PixelImage Paint(SpriteFactors factors)
    {
        byte[] pixels = new byte[Size * Size];
        (double cos, double sin) = Rotation(factors.Orientation);
        for (int dy = -Reach; dy <= Reach; dy++)
        {
            for (int dx = -Reach; dx <= Reach; dx++)
            {
                double x = ((cos * dx) + (sin * dy)) / factors.Size, y = ((cos * dy) - (sin * dx)) / factors.Size;
                if (Contains(factors.Shape, x, y))
                    pixels[((Reach + factors.PositionY + dy) * Size) + Reach + factors.PositionX + dx] = 255;
            }
        }

        return new PixelImage(Size, Size, 1, pixels);
    }

    /// <summary>Cosine and sine of the orientation, such that a quarter turn more is exactly (-sin, cos).</summary>
    private static (double Cos, double Sin) Rotation(int orientation)
    {
        (int quarter, int rest) = Math.DivRem(orientation, SpriteFactors.Orientations / 4);
        double angle = 2 * Math.PI * rest / SpriteFactors.Orientations, cos = Math.Cos(angle), sin = Math.Sin(angle);
        return quarter switch { 0 => (cos, sin), 1 => (-sin, cos), 2 => (-cos, -sin), _ => (sin, -cos) };
    }

    private static bool Contains(SpriteShape shape, double x, double y) => shape switch
    {
        SpriteShape.Square => Math.Abs(x) <= HalfSide && Math.Abs(y) <= HalfSide,
        SpriteShape.Ellipse => Square(x / LongAxis) + Square(y / ShortAxis) <= 1,
        _ => InHeart(x / HeartUnit, HeartCentroid - (y / HeartUnit)),
    };

    /// <summary>The sextic (x² + y² - 1)³ ≤ x² y³, y up.</summary>
    private static bool InHeart(double x, double y)
    {
        double a = (x * x) + (y * y) - 1;
        return a * a * a <= x * x * y * y * y;
    }

    private static double Square(double x) => x * x;
}

using Imago.Images;

namespace Imago.Exploration;

/// <summary>A point of a <see cref="ScatterPicture"/>.</summary>
/// <param name="X">To the right.</param>
/// <param name="Y">Upwards.</param>
/// <param name="Group">Which colour: an index into the groups' names, or −1 for grey.</param>
public readonly record struct ScatterPoint(double X, double Y, int Group);

/// <summary>Points in the plane, coloured by group, with axes and a legend.</summary>
public static class ScatterPicture
{
    private const int Margin = 14, TextScale = 2, Radius = 3;

    // Ten colours that stay apart for most colour-blind readers (M. Petroff 2021, ten-colour cycle); more groups take them again, darker.
    private static readonly (byte R, byte G, byte B)[] Palette =
    [
        (63, 144, 218), (255, 169, 14), (189, 31, 1), (148, 164, 162), (131, 45, 182),
        (169, 107, 89), (231, 99, 0), (185, 172, 112), (113, 117, 129), (146, 218, 221),
    ];

    // From dark violet to yellow, even to the eye (viridis, S. van der Walt and N. Smith 2015), at equal distances.
    private static readonly (byte R, byte G, byte B)[] Ramp = [(68, 1, 84), (59, 82, 139), (33, 145, 140), (94, 201, 98), (253, 231, 37)];

    /// <summary>Draws the points, in their order.</summary>
    /// <param name="points">At least one.</param>
    /// <param name="groups">Names for the legend; empty for none.</param>
    /// <param name="title">A line above.</param>
    /// <param name="xLabel">Below the horizontal axis.</param>
    /// <param name="yLabel">At the top of the vertical axis.</param>
    /// <param name="isOrdered">Whether the groups are steps of one quantity, from low to high.</param>
    /// <param name="side">Width and height of the plot, in pixels.</param>
    public static PixelImage Draw(IReadOnlyList<ScatterPoint> points, IReadOnlyList<string> groups, string title, string xLabel, string yLabel, bool isOrdered = false, int side = 800)
    {
        if (points.Count == 0) throw new ArgumentException("A scatter plot needs a point.", nameof(points));
        var line = PixelFont.LineHeight * TextScale;
        var legend = groups.Count == 0 ? 0 : Margin + line + groups.Max(PixelFont.Measure) * TextScale;
        var top = Margin + 2 * line;
        var width = Math.Max(2 * Margin + side + legend, 2 * Margin + PixelFont.Measure(title) * TextScale);
        var canvas = new PixelImage(width, top + side + line + 2 * Margin, 3, new byte[checked(width * (top + side + line + 2 * Margin) * 3)]);
        canvas.Pixels.AsSpan().Fill(255);
        byte[] ink = [34, 34, 34];
        PixelFont.Draw(canvas, title, Margin, Margin, TextScale, ink);
        PixelFont.Draw(canvas, yLabel, Margin, Margin + line, TextScale, ink);
        PixelFont.Draw(canvas, xLabel, Margin + side - PixelFont.Measure(xLabel) * TextScale, top + side + Margin / 2, TextScale, ink);
        Frame(canvas, Margin, top, side);

        var (x, y) = (Range(points.Select(p => p.X)), Range(points.Select(p => p.Y)));
        foreach (var point in points)
        {
            var column = Margin + Radius + (side - 2 * Radius) * (point.X - x.Low) / (x.High - x.Low);
            var row = top + Radius + (side - 2 * Radius) * (y.High - point.Y) / (y.High - y.Low);
            Dot(canvas, column, row, Radius, Colour(point.Group));
        }
        for (int group = 0; group < groups.Count; group++)
        {
            var (left, row) = (2 * Margin + side, top + group * line);
            if (row + line > canvas.Height) break;
            Dot(canvas, left + line / 2, row + 3.5 * TextScale, 5, Colour(group));
            PixelFont.Draw(canvas, groups[group], left + line, row, TextScale, ink);
        }
        return canvas;

        (byte R, byte G, byte B) Colour(int group) => isOrdered && group >= 0 ? OnRamp(group / Math.Max(1.0, groups.Count - 1)) : ColourOf(group);
    }

    private static (byte R, byte G, byte B) OnRamp(double position)
    {
        var at = position * (Ramp.Length - 1);
        var i = Math.Min((int)at, Ramp.Length - 2);
        byte Mix(byte a, byte b) => (byte)Math.Round(a + (at - i) * (b - a));
        return (Mix(Ramp[i].R, Ramp[i + 1].R), Mix(Ramp[i].G, Ramp[i + 1].G), Mix(Ramp[i].B, Ramp[i + 1].B));
    }

    private static (byte R, byte G, byte B) ColourOf(int group)
    {
        if (group < 0) return (200, 200, 200);
        var (r, g, b) = Palette[group % Palette.Length];
        var dark = group / Palette.Length % 3;
        return ((byte)(r >> dark), (byte)(g >> dark), (byte)(b >> dark));
    }

    private static (double Low, double High) Range(IEnumerable<double> values)
    {
        double low = double.PositiveInfinity, high = double.NegativeInfinity;
        foreach (var value in values) (low, high) = (Math.Min(low, value), Math.Max(high, value));
        return high > low ? (low, high) : (low - 1, high + 1);
    }

    private static void Frame(PixelImage canvas, int left, int top, int side)
    {
        for (int i = 0; i <= side; i++)
        {
            foreach (var (x, y) in new[] { (left + i, top), (left + i, top + side), (left, top + i), (left + side, top + i) }) Blend(canvas, x, y, (210, 210, 210), 1);
        }
    }

    /// <summary>A disc whose edge is softened over one pixel.</summary>
    private static void Dot(PixelImage canvas, double x, double y, double radius, (byte R, byte G, byte B) colour)
    {
        for (int row = (int)(y - radius - 1); row <= y + radius + 1; row++)
        {
            for (int column = (int)(x - radius - 1); column <= x + radius + 1; column++)
            {
                var distance = Math.Sqrt((column - x) * (column - x) + (row - y) * (row - y));
                Blend(canvas, column, row, colour, 0.8 * Math.Clamp(radius + 0.5 - distance, 0, 1));
            }
        }
    }

    private static void Blend(PixelImage canvas, int x, int y, (byte R, byte G, byte B) colour, double opacity)
    {
        if (x < 0 || y < 0 || x >= canvas.Width || y >= canvas.Height || opacity <= 0) return;
        var pixel = canvas.Pixels.AsSpan((y * canvas.Width + x) * 3, 3);
        pixel[0] = (byte)Math.Round(pixel[0] + opacity * (colour.R - pixel[0]));
        pixel[1] = (byte)Math.Round(pixel[1] + opacity * (colour.G - pixel[1]));
        pixel[2] = (byte)Math.Round(pixel[2] + opacity * (colour.B - pixel[2]));
    }
}

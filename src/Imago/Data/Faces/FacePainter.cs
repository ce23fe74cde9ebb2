using Imago.Images;
using SkiaSharp;

namespace Imago.Data.Faces;

/// <summary>Draws the portrait that <see cref="FaceFactors"/> describe.</summary>
/// <remarks>
/// Pure functions of the factors and the size, without fonts, GPU or anything else of the machine's: Skia's own rasteriser computes
/// the exact coverage of every pixel. Skia picks other vector instructions on other processors, so between platforms a value may differ by
/// one of 255 levels; on one machine the picture is the same bit for bit, whatever the thread or order.
/// </remarks>
public static class FacePainter
{
    /// <summary>Smallest size that is drawn.</summary>
    public const int MinimumSize = 16;

    /// <summary>Largest size that is drawn.</summary>
    public const int MaximumSize = 2048;

    private const double Units = 100;

    [ThreadStatic]
    private static SKSurface? _surface;

    /// <summary>Draws a face, RGB, <paramref name="size"/> × <paramref name="size"/> pixels.</summary>
    /// <exception cref="ArgumentOutOfRangeException">
    /// The size is not between <see cref="MinimumSize"/> and <see cref="MaximumSize"/>, or a factor is out of its range.
    /// </exception>
    public static PixelImage Paint(FaceFactors factors, int size)
    {
        ArgumentNullException.ThrowIfNull(factors);
        ArgumentOutOfRangeException.ThrowIfLessThan(size, MinimumSize);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(size, MaximumSize);
        ThrowIfOutOfRange(factors);
        SKSurface surface = Surface(size);
        SKCanvas canvas = surface.Canvas;
        using (new SKAutoCanvasRestore(canvas))
        using (Sketch sketch = new(canvas))
        {
            canvas.Scale((float)(size / Units));
            new FaceDrawing(factors, sketch).Draw();
        }

        using SKPixmap pixels = surface.PeekPixels();
        return new PixelImage(size, size, 3, DropAlpha(pixels.GetPixelSpan(), pixels.RowBytes, size));
    }

    private static void ThrowIfOutOfRange(FaceFactors factors)
    {
        foreach (FaceAttribute a in FaceAttributes.All)
        {
            double value = a.Get(factors), low = a.Attribute.Minimum, high = a.Attribute.Maximum;
            if (!(value >= low && value <= high))
                throw new ArgumentOutOfRangeException(nameof(factors), value, $"The factor {a.Attribute.Name} must be between {low} and {high}.");
        }
    }

    private static SKSurface Surface(int size)
    {
        if (_surface?.Canvas.DeviceClipBounds.Width != size)
        {
            _surface?.Dispose();
            _surface = SKSurface.Create(new SKImageInfo(size, size, SKColorType.Rgba8888, SKAlphaType.Premul))
                ?? throw new DataException($"Skia could not create a surface of {size}x{size} pixels.");
        }

        return _surface;
    }

    private static byte[] DropAlpha(ReadOnlySpan<byte> rgba, int rowBytes, int size)
    {
        byte[] rgb = new byte[size * size * 3];
        int o = 0;
        for (int y = 0; y < size; y++)
        {
            ReadOnlySpan<byte> row = rgba.Slice(y * rowBytes, 4 * size);
            for (int x = 0; x < row.Length; x += 4)
            {
                rgb[o++] = row[x];
                rgb[o++] = row[x + 1];
                rgb[o++] = row[x + 2];
            }
        }

        return rgb;
    }
}

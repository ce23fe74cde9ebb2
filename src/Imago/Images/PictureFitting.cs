using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Images;

/// <summary>How a picture is brought to a size of another shape.</summary>
public enum PictureFit
{
    /// <summary>It is stretched.</summary>
    Stretch,

    /// <summary>It covers the size; what sticks out is cut off.</summary>
    Crop,

    /// <summary>It fits into the size; its edge rows or columns are drawn out to fill the rest.</summary>
    Fill,
}

/// <summary>Part of a picture.</summary>
/// <param name="Left">First column.</param>
/// <param name="Top">First row.</param>
/// <param name="Right">Column behind the last.</param>
/// <param name="Bottom">Row behind the last.</param>
public readonly record struct PictureRegion(int Left, int Top, int Right, int Bottom)
{
    /// <summary>Columns.</summary>
    public int Width => Right - Left;

    /// <summary>Rows.</summary>
    public int Height => Bottom - Top;
}

/// <summary>What happens to pictures before and after a pipeline of diffusers, with the same bytes.</summary>
public static class PictureFitting
{
    /// <summary>A picture at a size, by Lanczos' kernel.</summary>
    /// <param name="image">The picture.</param>
    /// <param name="width">Columns of the result.</param>
    /// <param name="height">Rows of the result.</param>
    /// <param name="fit">How another shape is met.</param>
    public static PixelImage Fit(PixelImage image, int width, int height, PictureFit fit = PictureFit.Stretch)
    {
        ArgumentNullException.ThrowIfNull(image);
        if (fit == PictureFit.Stretch) return Resampling.Resize(image, width, height, ResampleFilter.Lanczos);
        var (ratio, own) = ((double)width / height, (double)image.Width / image.Height);
        var isWidthMet = fit == PictureFit.Crop ? ratio > own : ratio < own;
        var (w, h) = (isWidthMet ? width : image.Width * height / image.Height, isWidthMet ? image.Height * width / image.Width : height);
        var resized = Resampling.Resize(image, Math.Max(1, w), Math.Max(1, h), ResampleFilter.Lanczos);
        var (left, top) = (width / 2 - w / 2, height / 2 - h / 2);
        return Filled(width, height, image.Channels, (x, y, c) => At(resized, x - left, y - top, c, fit));
    }

    /// <summary>The surroundings of what is white in a mask, in the shape of a size.</summary>
    /// <param name="mask">The mask; any pixel that is not black counts.</param>
    /// <param name="width">Columns of the size.</param>
    /// <param name="height">Rows of the size.</param>
    /// <param name="padding">Pixels to add on each side first.</param>
    /// <exception cref="ArgumentException">The mask is black all over.</exception>
    public static PictureRegion RegionOf(PixelImage mask, int width, int height, int padding)
    {
        var grey = ColourConversion.ToGrey(mask);
        var columns = Enumerable.Range(0, grey.Width).Where(x => Enumerable.Range(0, grey.Height).Any(y => grey.Pixels[y * grey.Width + x] > 0)).ToList();
        if (columns.Count == 0) throw new ArgumentException("The mask is black all over, so nothing would be drawn; it is white where the picture is to be drawn anew.", nameof(mask));
        var rows = Enumerable.Range(0, grey.Height).Where(y => grey.Pixels.AsSpan(y * grey.Width, grey.Width).IndexOfAnyExcept((byte)0) >= 0).ToList();
        var (left, right) = (Math.Max(columns[0] - padding, 0), Math.Min(columns[^1] + 1 + padding, grey.Width));
        var (top, bottom) = (Math.Max(rows[0] - padding, 0), Math.Min(rows[^1] + 1 + padding, grey.Height));
        var ratio = (double)width / height;
        if ((double)(right - left) / (bottom - top) > ratio) (top, bottom) = Widened(top, bottom, (right - left) / ratio, grey.Height);
        else (left, right) = Widened(left, right, (bottom - top) * ratio, grey.Width);
        return new(left, top, right, bottom);
    }

    /// <summary>The original over what was drawn, where the mask is black; between black and white the two are mixed.</summary>
    /// <param name="drawn">What was drawn: a picture of the original's size, or of <paramref name="region"/>, to which it is resized.</param>
    /// <param name="original">The original, in colour.</param>
    /// <param name="mask">A mask of the original's size.</param>
    /// <param name="region">The part of the original that was drawn; null for all.</param>
    public static PixelImage Overlay(PixelImage drawn, PixelImage original, PixelImage mask, PictureRegion? region = null)
    {
        var (under, grey) = (ColourConversion.ToColour(original, AlphaMode.Drop), ColourConversion.ToGrey(mask));
        if ((grey.Width, grey.Height) != (under.Width, under.Height)) throw new ArgumentException($"The mask has {grey.Width}×{grey.Height} pixels, the picture {under.Width}×{under.Height}; they must be of one size.", nameof(mask));
        var (left, top) = (region?.Left ?? 0, region?.Top ?? 0);
        var part = region is { } box ? Fit(drawn, box.Width, box.Height, PictureFit.Crop) : drawn;
        return Filled(under.Width, under.Height, 3, (x, y, c) =>
        {
            var (column, row) = (x - left, y - top);
            var isDrawn = column >= 0 && row >= 0 && column < part.Width && row < part.Height;
            var alpha = 255 - grey.Pixels[y * grey.Width + x];
            return Composited(isDrawn ? part.Pixels[(row * part.Width + column) * 3 + c] : 0, under.Pixels[(y * under.Width + x) * 3 + c], alpha);
        });
    }

    /// <summary>A tensor of pictures at a size, every pixel being the nearest of the given ones: index ⌊i · in/out⌋.</summary>
    /// <param name="pixels">[B, C, H, W].</param>
    /// <param name="height">Rows of the result.</param>
    /// <param name="width">Columns of the result.</param>
    public static Tensor Nearest(Tensor pixels, long height, long width)
    {
        ArgumentNullException.ThrowIfNull(pixels);
        return pixels.shape[2] == height && pixels.shape[3] == width ? pixels.alias() : nn.functional.interpolate(pixels, [height, width]);
    }

    /// <summary>Both ends moved apart to a length, and together to where there is room.</summary>
    private static (int Start, int End) Widened(int start, int end, double length, int room)
    {
        var more = (int)(length - (end - start));
        (start, end) = (start - FloorHalf(more), end + more - FloorHalf(more));
        if (end >= room) (start, end) = (start - (end - room), room);
        if (start < 0) (start, end) = (0, end - start);
        return (start, Math.Min(end, room));
    }

    private static int FloorHalf(int number) => (int)Math.Floor(number / 2.0);

    /// <summary>The pixel of a resized picture; beyond its edge what Pillow's cubic kernel makes of stretching no row at all, (9 · edge − next)/8, where it is to be filled, and black where it was to be covered.</summary>
    private static byte At(PixelImage image, int x, int y, int c, PictureFit fit)
    {
        if (fit == PictureFit.Crop && (x < 0 || y < 0 || x >= image.Width || y >= image.Height)) return 0;
        var (column, row) = (Math.Clamp(x, 0, image.Width - 1), Math.Clamp(y, 0, image.Height - 1));
        byte Pixel(int px, int py) => image.Pixels[(py * image.Width + px) * image.Channels + c];
        if (row != y && image.Height > 1) return Beyond(Pixel(column, row), Pixel(column, row + (y < 0 ? 1 : -1)));
        if (column != x && image.Width > 1) return Beyond(Pixel(column, row), Pixel(column + (x < 0 ? 1 : -1), row));
        return Pixel(column, row);
    }

    private static byte Beyond(byte edge, byte next) => (byte)Math.Clamp((9 * edge - next + 4) >> 3, 0, 255);

    /// <summary>Pillow's arithmetic: the original is weighted by its alpha, divided by it again, and laid over an opaque pixel.</summary>
    private static byte Composited(int drawn, int original, int alpha)
    {
        if (alpha == 0) return (byte)drawn;
        var weighted = Divided(original * alpha);
        var straight = alpha == 255 ? weighted : Math.Min(255, 255 * weighted / alpha);
        const int Precision = 7;
        var sum = straight * (alpha << Precision) + drawn * ((255 - alpha) << Precision) + (128 << Precision);
        return (byte)(((sum >> 8) + sum >> 8) >> Precision);
    }

    /// <summary>round(x/255) without a division.</summary>
    private static int Divided(int x) => (x + 128 >> 8) + x + 128 >> 8;

    private static PixelImage Filled(int width, int height, int channels, Func<int, int, int, byte> pixel)
    {
        var pixels = new byte[checked(width * height * channels)];
        for (int y = 0, at = 0; y < height; y++)
        {
            for (var x = 0; x < width; x++)
            {
                for (var c = 0; c < channels; c++) pixels[at++] = pixel(x, y, c);
            }
        }
        return new PixelImage(width, height, channels, pixels);
    }
}

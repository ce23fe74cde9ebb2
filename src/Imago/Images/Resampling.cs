namespace Imago.Images;

/// <summary>Which direction is resized first; bytes are rounded in between, so that it can change a pixel by several levels.</summary>
public enum ResampleOrder
{
    /// <summary>The rows: Pillow up to 12.</summary>
    HorizontalFirst,

    /// <summary>The columns where the height shrinks by more than twice as many pixels as the width, else the rows: Pillow 13.</summary>
    Pillow13,
}

/// <summary>Resizing of byte pictures, with the kernel widened when shrinking (no aliasing), equal to Pillow's to the last bit.</summary>
/// <remarks>Two passes of 22-bit fixed-point sums, each rounded to bytes: Pillow 4 and later, <c>Resample.c</c>.</remarks>
public static class Resampling
{
    private const int Bits = ResamplingKernel.Bits;

    /// <summary>A part of a picture, scaled to a size.</summary>
    /// <param name="image">The picture. With four channels, colours are weighted by their alpha.</param>
    /// <param name="width">Width of the result, in pixels.</param>
    /// <param name="height">Height of the result, in pixels.</param>
    /// <param name="filter">The kernel.</param>
    /// <param name="left">Left edge of the part.</param>
    /// <param name="top">Upper edge of the part.</param>
    /// <param name="partWidth">Width of the part; null for all that is right of <paramref name="left"/>.</param>
    /// <param name="partHeight">Height of the part; null for all that is below <paramref name="top"/>.</param>
    /// <param name="order">Which direction comes first.</param>
    public static PixelImage Resize(
        PixelImage image, int width, int height, ResampleFilter filter, int left = 0, int top = 0, int? partWidth = null, int? partHeight = null,
        ResampleOrder order = ResampleOrder.HorizontalFirst)
    {
        ArgumentNullException.ThrowIfNull(image);
        ArgumentNullException.ThrowIfNull(filter);
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(height, 1);
        ImageFormatLimits.CheckSize(width, height, "the resized picture");
        var (w, h) = (partWidth ?? image.Width - left, partHeight ?? image.Height - top);
        if (left < 0 || top < 0 || w < 1 || h < 1 || left + w > image.Width || top + h > image.Height)
            throw new ArgumentException($"the part {w}×{h} at ({left}, {top}) does not lie in a picture of {image.Width}×{image.Height}.", nameof(image));
        var part = Crop(image, left, top, w, h);
        if (w == width && h == height) return part;
        var straight = image.Channels == 4;
        var source = straight ? Premultiply(part) : part;
        PixelImage Rows(PixelImage x) => w == width ? x : Horizontally(x, new ResamplingKernel(w, width, filter), width);
        PixelImage Columns(PixelImage x) => h == height ? x : Vertically(x, new ResamplingKernel(h, height, filter), height);
        var result = IsVerticalFirst(order, w, h, width, height) ? Rows(Columns(source)) : Columns(Rows(source));
        return straight ? Unpremultiply(result) : result;
    }

    /// <summary>The largest part of a shape in the middle of a picture, scaled to a size.</summary>
    /// <inheritdoc cref="Resize(PixelImage, int, int, ResampleFilter, int, int, int?, int?, ResampleOrder)"/>
    public static PixelImage ResizeAndCrop(PixelImage image, int width, int height, ResampleFilter filter)
    {
        ArgumentNullException.ThrowIfNull(image);
        var w = (int)Math.Clamp(Math.Round((double)image.Height * width / height), 1, image.Width);
        var h = (int)Math.Clamp(Math.Round((double)image.Width * height / width), 1, image.Height);
        return Resize(image, width, height, filter, (image.Width - w) / 2, (image.Height - h) / 2, w, h);
    }

    internal static bool IsVerticalFirst(ResampleOrder order, int width, int height, int toWidth, int toHeight) =>
        order == ResampleOrder.Pillow13 && toHeight < height && height - toHeight > 2 * (width - toWidth);

    /// <summary>A rectangle of a picture.</summary>
    internal static PixelImage Crop(PixelImage image, int left, int top, int width, int height)
    {
        if (width == image.Width && height == image.Height) return image;
        var (channels, pixels) = (image.Channels, new byte[width * height * image.Channels]);
        for (var y = 0; y < height; y++)
        {
            image.Pixels.AsSpan(((top + y) * image.Width + left) * channels, width * channels).CopyTo(pixels.AsSpan(y * width * channels));
        }
        return new PixelImage(width, height, channels, pixels);
    }

    private static PixelImage Horizontally(PixelImage image, ResamplingKernel kernel, int width)
    {
        var (channels, result) = (image.Channels, new byte[width * image.Height * image.Channels]);
        for (var x = 0; x < width; x++)
        {
            var weights = kernel.FixedPointAt(x, out var first);
            for (var y = 0; y < image.Height; y++)
            {
                var row = image.Pixels.AsSpan((y * image.Width + first) * channels, weights.Length * channels);
                for (var c = 0; c < channels; c++)
                {
                    var sum = 1 << (Bits - 1);
                    for (int k = 0, at = c; k < weights.Length; k++, at += channels) sum += row[at] * weights[k];
                    result[(y * width + x) * channels + c] = ToByte(sum);
                }
            }
        }
        return new PixelImage(width, image.Height, channels, result);
    }

    private static PixelImage Vertically(PixelImage image, ResamplingKernel kernel, int height)
    {
        var stride = image.Width * image.Channels;
        var (sums, result) = (new int[stride], new byte[stride * height]);
        for (var y = 0; y < height; y++)
        {
            Array.Fill(sums, 1 << (Bits - 1));
            var weights = kernel.FixedPointAt(y, out var first);
            for (var k = 0; k < weights.Length; k++)
            {
                var row = image.Pixels.AsSpan((first + k) * stride, stride);
                var weight = weights[k];
                for (var x = 0; x < row.Length; x++) sums[x] += row[x] * weight;
            }
            for (var x = 0; x < stride; x++) result[y * stride + x] = ToByte(sums[x]);
        }
        return new PixelImage(image.Width, height, image.Channels, result);
    }

    private static byte ToByte(int sum) => (byte)Math.Clamp(sum >> Bits, 0, 255);

    private static PixelImage Premultiply(PixelImage image) => MapColour(image, (colour, alpha) =>
    {
        var product = colour * alpha + 128;                         // round(colour·alpha/255) without a division
        return (byte)(((product >> 8) + product) >> 8);
    });

    private static PixelImage Unpremultiply(PixelImage image) => MapColour(image, (colour, alpha) =>
        alpha is 0 or 255 ? colour : (byte)Math.Min(255, 255 * colour / alpha));

    private static PixelImage MapColour(PixelImage image, Func<byte, byte, byte> map)
    {
        var pixels = (byte[])image.Pixels.Clone();
        for (var i = 0; i < pixels.Length; i += 4)
        {
            for (var c = 0; c < 3; c++) pixels[i + c] = map(pixels[i + c], pixels[i + 3]);
        }
        return image with { Pixels = pixels };
    }
}

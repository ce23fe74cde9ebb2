namespace Imago.Images;

/// <summary>A resampling kernel: a weight for each distance from the centre, in pixels of the coarser grid.</summary>
/// <param name="Name">What it is called: <c>bicubic</c>.</param>
/// <param name="Radius">Distance from which on the weight is zero.</param>
/// <param name="Weight">The weight at a distance.</param>
/// <remarks>The kernels are those of Pillow, so that metrics which prescribe "Pillow bicubic" get it.</remarks>
public sealed record ResampleFilter(string Name, double Radius, Func<double, double> Weight)
{
    /// <summary>Mean over the area that a pixel covers.</summary>
    public static ResampleFilter Box { get; } = new("box", 0.5, x => x is > -0.5 and <= 0.5 ? 1 : 0);

    /// <summary>The triangle: linear interpolation, averaged when the picture shrinks.</summary>
    public static ResampleFilter Bilinear { get; } = new("bilinear", 1, x => Math.Max(0, 1 - Math.Abs(x)));

    /// <summary>Keys' cubic (1981) with a = −1/2.</summary>
    public static ResampleFilter Bicubic { get; } = new("bicubic", 2, x => Cubic(Math.Abs(x)));

    /// <summary>The sinc windowed by its own central lobe, three lobes wide.</summary>
    public static ResampleFilter Lanczos { get; } = new("lanczos", 3, x => x is >= -3 and < 3 ? Sinc(x) * Sinc(x / 3) : 0);

    /// <summary>Every kernel.</summary>
    public static IReadOnlyList<ResampleFilter> All { get; } = [Box, Bilinear, Bicubic, Lanczos];

    // (a + 2)|x|³ − (a + 3)x² + 1 up to 1; a|x|³ − 5a x² + 8a|x| − 4a up to 2.
    private static double Cubic(double x) => x switch
    {
        < 1 => (1.5 * x - 2.5) * x * x + 1,
        < 2 => -0.5 * (((x - 5) * x + 8) * x - 4),
        _ => 0,
    };

    private static double Sinc(double x) => x == 0 ? 1 : Math.Sin(Math.PI * x) / (Math.PI * x);
}

/// <summary>Resizing of byte pictures, with the kernel widened when shrinking (no aliasing), equal to Pillow's to the last bit.</summary>
/// <remarks>Two passes of 22-bit fixed-point sums, rows first, each rounded to bytes: Pillow 4 and later, <c>Resample.c</c>.</remarks>
public static class Resampling
{
    private const int Bits = 32 - 8 - 2;

    /// <summary>A part of a picture, scaled to a size.</summary>
    /// <param name="image">The picture. With four channels, colours are weighted by their alpha.</param>
    /// <param name="width">Width of the result, in pixels.</param>
    /// <param name="height">Height of the result, in pixels.</param>
    /// <param name="filter">The kernel.</param>
    /// <param name="left">Left edge of the part.</param>
    /// <param name="top">Upper edge of the part.</param>
    /// <param name="partWidth">Width of the part; null for all that is right of <paramref name="left"/>.</param>
    /// <param name="partHeight">Height of the part; null for all that is below <paramref name="top"/>.</param>
    public static PixelImage Resize(
        PixelImage image, int width, int height, ResampleFilter filter, int left = 0, int top = 0, int? partWidth = null, int? partHeight = null)
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
        var rows = w == width ? source : Horizontally(source, new Kernel(w, width, filter), width);
        var result = h == height ? rows : Vertically(rows, new Kernel(h, height, filter), height);
        return straight ? Unpremultiply(result) : result;
    }

    /// <summary>The largest part of a shape in the middle of a picture, scaled to a size.</summary>
    /// <inheritdoc cref="Resize(PixelImage, int, int, ResampleFilter, int, int, int?, int?)"/>
    public static PixelImage ResizeAndCrop(PixelImage image, int width, int height, ResampleFilter filter)
    {
        ArgumentNullException.ThrowIfNull(image);
        var w = (int)Math.Clamp(Math.Round((double)image.Height * width / height), 1, image.Width);
        var h = (int)Math.Clamp(Math.Round((double)image.Width * height / width), 1, image.Height);
        return Resize(image, width, height, filter, (image.Width - w) / 2, (image.Height - h) / 2, w, h);
    }

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

    private static PixelImage Horizontally(PixelImage image, Kernel kernel, int width)
    {
        var (channels, result) = (image.Channels, new byte[width * image.Height * image.Channels]);
        for (var x = 0; x < width; x++)
        {
            var weights = kernel.At(x, out var first);
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

    private static PixelImage Vertically(PixelImage image, Kernel kernel, int height)
    {
        var stride = image.Width * image.Channels;
        var (sums, result) = (new int[stride], new byte[stride * height]);
        for (var y = 0; y < height; y++)
        {
            Array.Fill(sums, 1 << (Bits - 1));
            var weights = kernel.At(y, out var first);
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

    /// <summary>The weights of the source's pixels in each pixel of the result, for one direction. They are made when asked for: a table of all could be huge.</summary>
    private sealed class Kernel(int from, int to, ResampleFilter filter)
    {
        private readonly double _scale = (double)from / to;
        private readonly double[] _weights = new double[Longest(from, to, filter)];
        private readonly int[] _fixedPoint = new int[Longest(from, to, filter)];

        private static long Longest(int from, int to, ResampleFilter filter) => Math.Min(from, 2 * (long)Math.Ceiling(filter.Radius * Math.Max((double)from / to, 1)) + 1);

        /// <summary>Weights of the pixels from <paramref name="first"/> on, valid until the next call.</summary>
        internal ReadOnlySpan<int> At(int position, out int first)
        {
            var stretch = Math.Max(_scale, 1);
            var (centre, support) = ((position + 0.5) * _scale, filter.Radius * stretch);
            first = Math.Max(0, (int)(centre - support + 0.5));
            var count = Math.Min(from, (int)(centre + support + 0.5)) - first;
            var total = 0.0;
            for (var k = 0; k < count; k++) total += _weights[k] = filter.Weight((k + first - centre + 0.5) * (1 / stretch));
            for (var k = 0; k < count; k++)
            {
                var weight = (total == 0 ? _weights[k] : _weights[k] / total) * (1 << Bits);
                _fixedPoint[k] = (int)(weight + (weight < 0 ? -0.5 : 0.5));
            }
            return _fixedPoint.AsSpan(0, count);
        }
    }
}

namespace Imago.Images;

/// <summary>What becomes of transparency when a picture is read or converted.</summary>
public enum AlphaMode
{
    /// <summary>The picture is laid on white: what the eye expects.</summary>
    OnWhite,

    /// <summary>Alpha is dropped and hidden colours show: what Pillow's <c>convert("RGB")</c>, and so most metrics, do.</summary>
    Drop,

    /// <summary>A fourth channel keeps it.</summary>
    Keep,
}

/// <summary>Conversions between grey, colour, and colour with alpha.</summary>
public static class ColourConversion
{
    /// <summary>Three channels (or four, if the picture has them and <paramref name="alpha"/> is <see cref="AlphaMode.Keep"/>).</summary>
    /// <param name="image">1, 3 or 4 channels.</param>
    /// <param name="alpha">What becomes of a fourth channel.</param>
    public static PixelImage ToColour(PixelImage image, AlphaMode alpha = AlphaMode.OnWhite)
    {
        ArgumentNullException.ThrowIfNull(image);
        if (image.Channels == 3 || (image.Channels == 4 && alpha == AlphaMode.Keep)) return image;
        var pixels = new byte[checked(image.Width * image.Height * 3)];
        for (int to = 0, from = 0; to < pixels.Length; to += 3, from += image.Channels)
        {
            for (var c = 0; c < 3; c++)
            {
                pixels[to + c] = image.Channels == 1 ? image.Pixels[from]
                    : alpha == AlphaMode.Drop ? image.Pixels[from + c]
                    : OverWhite(image.Pixels[from + c], image.Pixels[from + 3]);
            }
        }
        return new PixelImage(image.Width, image.Height, 3, pixels);
    }

    /// <summary>One channel: L = (19595 R + 38470 G + 7471 B + 32768) / 65536, the luma of ITU-R BT.601 as Pillow rounds it. Alpha is laid on white first.</summary>
    public static PixelImage ToGrey(PixelImage image)
    {
        ArgumentNullException.ThrowIfNull(image);
        if (image.Channels == 1) return image;
        var colour = ToColour(image).Pixels;
        var pixels = new byte[image.Width * image.Height];
        for (var i = 0; i < pixels.Length; i++)
        {
            pixels[i] = (byte)((19595 * colour[3 * i] + 38470 * colour[3 * i + 1] + 7471 * colour[3 * i + 2] + 32768) >> 16);
        }
        return new PixelImage(image.Width, image.Height, 1, pixels);
    }

    /// <summary>Four channels, opaque where the picture has no alpha of its own.</summary>
    internal static byte[] ToRgba(PixelImage image)
    {
        if (image.Channels == 4) return image.Pixels;
        var pixels = new byte[checked(image.Width * image.Height * 4)];
        for (int to = 0, from = 0; to < pixels.Length; to += 4, from += image.Channels)
        {
            for (var c = 0; c < 3; c++) pixels[to + c] = image.Pixels[from + (image.Channels == 1 ? 0 : c)];
            pixels[to + 3] = 255;
        }
        return pixels;
    }

    private static byte OverWhite(byte colour, byte alpha)
    {
        var product = colour * alpha + 255 * (255 - alpha) + 128;   // round((colour·alpha + 255·(255 − alpha))/255) without a division
        return (byte)(((product >> 8) + product) >> 8);
    }
}

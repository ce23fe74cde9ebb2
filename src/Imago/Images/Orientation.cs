using System.Buffers.Binary;

namespace Imago.Images;

/// <summary>The Exif orientation: how a stored picture must be turned and mirrored to stand upright (1: not at all, … 8: a quarter turn to the left).</summary>
internal static class Orientation
{
    internal const int Upright = 1;

    private const ushort Tag = 0x0112;

    /// <summary>The upright picture.</summary>
    internal static PixelImage Apply(PixelImage image, int orientation)
    {
        if (orientation is < 2 or > 8) return image;
        var (w, h, channels) = (image.Width, image.Height, image.Channels);
        var (width, height) = orientation >= 5 ? (h, w) : (w, h);
        var pixels = new byte[image.Pixels.Length];
        for (int y = 0, to = 0; y < height; y++)
        {
            for (var x = 0; x < width; x++, to += channels)
            {
                var (left, top) = orientation switch
                {
                    2 => (w - 1 - x, y),
                    3 => (w - 1 - x, h - 1 - y),
                    4 => (x, h - 1 - y),
                    5 => (y, x),
                    6 => (y, h - 1 - x),
                    7 => (w - 1 - y, h - 1 - x),
                    _ => (w - 1 - y, x),
                };
                image.Pixels.AsSpan((top * w + left) * channels, channels).CopyTo(pixels.AsSpan(to));
            }
        }
        return new PixelImage(width, height, channels, pixels);
    }

    /// <summary>The orientation in a PNG's <c>eXIf</c> chunk, which Skia does not look at.</summary>
    internal static int OfPng(ReadOnlySpan<byte> file)
    {
        for (var at = 8L; at + 12 <= file.Length;)
        {
            var length = BinaryPrimitives.ReadUInt32BigEndian(file[(int)at..]);
            if (at + 12 + length > file.Length) break;
            var kind = file.Slice((int)at + 4, 4);
            if (kind.SequenceEqual("eXIf"u8)) return OfExif(file.Slice((int)at + 8, (int)length));
            at += 12 + length;
        }
        return Upright;
    }

    private static int OfExif(ReadOnlySpan<byte> exif)
    {
        if (exif.Length < 8 || exif[..2] is not ([(byte)'I', (byte)'I'] or [(byte)'M', (byte)'M'])) return Upright;
        var little = exif[0] == 'I';
        var directory = little ? BinaryPrimitives.ReadUInt32LittleEndian(exif[4..]) : BinaryPrimitives.ReadUInt32BigEndian(exif[4..]);
        if (directory > exif.Length - 2) return Upright;
        var entries = Read16(exif[(int)directory..], little);
        for (var i = 0; i < entries; i++)
        {
            var at = directory + 2 + 12L * i;
            if (at + 12 > exif.Length) break;
            var entry = exif.Slice((int)at, 12);
            if (Read16(entry, little) == Tag) return Read16(entry[8..], little);
        }
        return Upright;
    }

    private static ushort Read16(ReadOnlySpan<byte> bytes, bool little) =>
        little ? BinaryPrimitives.ReadUInt16LittleEndian(bytes) : BinaryPrimitives.ReadUInt16BigEndian(bytes);
}

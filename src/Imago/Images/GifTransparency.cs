namespace Imago.Images;

/// <summary>Switches off the transparency of a GIF: the colours that it hides can then be decoded.</summary>
internal static class GifTransparency
{
    private const byte Extension = 0x21, GraphicControl = 0xF9, ImageDescriptor = 0x2C;

    /// <summary>A copy of the file without the transparency flag of any frame.</summary>
    internal static byte[] Remove(byte[] file)
    {
        var copy = (byte[])file.Clone();
        var at = 13 + ColourTableBytes(copy, 10);
        while (at + 10 < copy.Length)
        {
            if (copy[at] == Extension)
            {
                if (copy[at + 1] == GraphicControl) copy[at + 3] &= 0xFE;
                at = AfterSubBlocks(copy, at + 2);
            }
            else if (copy[at] == ImageDescriptor) at = AfterSubBlocks(copy, at + 11 + ColourTableBytes(copy, at + 9));
            else break;
        }
        return copy;
    }

    private static int ColourTableBytes(byte[] file, int flagsAt) => flagsAt < file.Length && (file[flagsAt] & 0x80) != 0 ? 3 << ((file[flagsAt] & 7) + 1) : 0;

    private static int AfterSubBlocks(byte[] file, int at)
    {
        while (at < file.Length && file[at] != 0) at += 1 + file[at];
        return at + 1;
    }
}

using System.Buffers.Binary;
using System.Text;
using ICSharpCode.SharpZipLib.Checksum;

namespace Imago.Images;

/// <summary>Texts inside PNG files: <c>tEXt</c> chunks (PNG specification, section 11.3.3.2), each a keyword and Latin-1 text.</summary>
public static class PngText
{
    private const int SignatureBytes = 8, HeaderBytes = 25;            // the signature, then the chunk IHDR: 4 + 4 + 13 + 4 bytes
    private const int LongestKeyword = 79;

    private static ReadOnlySpan<byte> Signature => [0x89, (byte)'P', (byte)'N', (byte)'G', 0x0D, 0x0A, 0x1A, 0x0A];

    /// <summary>The file with one more text, before its pixels.</summary>
    /// <param name="png">A PNG file.</param>
    /// <param name="keyword">1 to 79 printable Latin-1 characters.</param>
    /// <param name="text">Latin-1 text without a zero character; JSON escapes what is beyond.</param>
    /// <exception cref="ArgumentException">It is no PNG file, or the keyword or the text has no place in it.</exception>
    public static byte[] Add(byte[] png, string keyword, string text)
    {
        ArgumentNullException.ThrowIfNull(png);
        if (!IsPng(png)) throw new ArgumentException("The bytes are no PNG file.", nameof(png));
        if (keyword.Length is 0 or > LongestKeyword || !keyword.All(c => c is (>= ' ' and <= '~') or (>= '¡' and <= 'ÿ'))) throw new ArgumentException($"'{keyword}' is no keyword of a PNG text: 1 to 79 printable Latin-1 characters.", nameof(keyword));
        if (text.Any(c => c is '\0' or > 'ÿ')) throw new ArgumentException("A PNG text is Latin-1 without zero characters.", nameof(text));
        var content = Encoding.Latin1.GetBytes($"tEXt{keyword}\0{text}");
        var chunk = new byte[content.Length + 8];
        BinaryPrimitives.WriteInt32BigEndian(chunk, content.Length - 4);
        content.CopyTo(chunk, 4);
        BinaryPrimitives.WriteUInt32BigEndian(chunk.AsSpan(chunk.Length - 4), Checksum(content));
        const int at = SignatureBytes + HeaderBytes;
        return [.. png.AsSpan(0, at), .. chunk, .. png.AsSpan(at)];
    }

    /// <summary>The first text with a keyword.</summary>
    /// <param name="file">Any bytes.</param>
    /// <param name="keyword">The keyword.</param>
    /// <returns>The text; <see langword="null"/> if there is none or the bytes are no PNG file. A damaged chunk ends the search.</returns>
    public static string? Find(ReadOnlySpan<byte> file, string keyword)
    {
        if (!IsPng(file)) return null;
        var prefix = Encoding.Latin1.GetBytes($"{keyword}\0");
        for (var rest = file[SignatureBytes..]; rest.Length >= 12;)
        {
            var length = BinaryPrimitives.ReadUInt32BigEndian(rest);
            if (length > rest.Length - 12) return null;
            var content = rest.Slice(8, (int)length);
            if (rest.Slice(4, 4).SequenceEqual("tEXt"u8) && content.StartsWith(prefix)) return Encoding.Latin1.GetString(content[prefix.Length..]);
            rest = rest[((int)length + 12)..];
        }
        return null;
    }

    private static bool IsPng(ReadOnlySpan<byte> file) => file.Length > SignatureBytes + HeaderBytes && file.StartsWith(Signature);

    private static uint Checksum(byte[] content)
    {
        var crc = new Crc32();
        crc.Update(content);
        return (uint)crc.Value;
    }
}

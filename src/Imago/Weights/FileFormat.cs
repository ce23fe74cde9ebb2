using System.Text;

namespace Imago.Weights;

/// <summary>What a file is, judged by its first bytes and never by its name.</summary>
internal static class FileFormat
{
    internal enum Kind
    {
        Unknown, Empty, Safetensors, Zip, TorchLegacy, BarePickle, Numpy, Gguf, Json, Gzip, Tar, Html, LfsPointer, Png, Jpeg, Gif, WebP, Bmp, Parquet, Idx, Pdf, SevenZip, Hdf5,
    }

    private const int HeadLength = 512;

    private static readonly byte[] TorchMagic = [0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];

    private static readonly (Kind Kind, byte[] Start)[] Signatures =
    [
        (Kind.Zip, "PK\x03\x04"u8.ToArray()),
        (Kind.Zip, "PK\x05\x06"u8.ToArray()),
        (Kind.Numpy, [0x93, (byte)'N', (byte)'U', (byte)'M', (byte)'P', (byte)'Y']),
        (Kind.Gguf, "GGUF"u8.ToArray()),
        (Kind.Gzip, [0x1f, 0x8b]),
        (Kind.LfsPointer, "version https://git-lfs"u8.ToArray()),
        (Kind.Png, [0x89, (byte)'P', (byte)'N', (byte)'G']),
        (Kind.Jpeg, [0xff, 0xd8, 0xff]),
        (Kind.Gif, "GIF8"u8.ToArray()),
        (Kind.Bmp, "BM"u8.ToArray()),
        (Kind.Parquet, "PAR1"u8.ToArray()),
        (Kind.Pdf, "%PDF"u8.ToArray()),
        (Kind.SevenZip, [0x37, 0x7a, 0xbc, 0xaf]),
        (Kind.Hdf5, [0x89, (byte)'H', (byte)'D', (byte)'F']),
    ];

    internal static Kind Of(MappedFile file)
    {
        if (file.Length == 0) return Kind.Empty;
        var head = file.Span(0, (int)Math.Min(HeadLength, file.Length));
        foreach (var (kind, start) in Signatures)
        {
            if (head.StartsWith(start)) return kind;
        }
        if (head.Length >= 12 && head.StartsWith("RIFF"u8) && head.Slice(8, 4).SequenceEqual("WEBP"u8)) return Kind.WebP;
        if (head.Length >= 262 && head.Slice(257, 5).SequenceEqual("ustar"u8)) return Kind.Tar;
        if (IsLegacyTorch(head)) return Kind.TorchLegacy;
        if (IsSafetensors(file, head)) return Kind.Safetensors;
        if (head.Length >= 4 && head[0] == 0 && head[1] == 0 && head[2] is 8 or 9 or 0x0b or 0x0c or 0x0d or 0x0e && head[3] is > 0 and < 9) return Kind.Idx;
        if (head[0] == 0x80 && head.Length > 1 && head[1] is > 0 and <= 5) return Kind.BarePickle;
        return OfText(file, head);
    }

    /// <summary>What to call it in a message.</summary>
    internal static string Describe(Kind kind) => kind switch
    {
        Kind.Empty => "an empty file",
        Kind.Safetensors => "a safetensors file, whatever its name says",
        Kind.Zip => "a zip file",
        Kind.TorchLegacy => "a PyTorch checkpoint in the legacy container",
        Kind.BarePickle => "a bare Python pickle, which torch.save does not write; Imago does not read such files",
        Kind.Numpy => "a NumPy array (.npy)",
        Kind.Gguf => "a GGUF file",
        Kind.Json => "a JSON text",
        Kind.Gzip => "a gzip file; unpack it first",
        Kind.Tar => "a tar archive (as PyTorch before 0.1.10 wrote, or a folder packed by someone); unpack it first",
        Kind.Html => "a web page; the download probably got an error page or asked for a login instead of the file",
        Kind.LfsPointer => "a Git LFS pointer, a text that only names the file; fetch the file itself with 'git lfs pull' or from the site's download link",
        Kind.Png => "a PNG image",
        Kind.Jpeg => "a JPEG image",
        Kind.Gif => "a GIF image",
        Kind.WebP => "a WebP image",
        Kind.Bmp => "a BMP image",
        Kind.Parquet => "a Parquet table",
        Kind.Idx => "an IDX array, as MNIST comes in",
        Kind.Pdf => "a PDF document",
        Kind.SevenZip => "a 7z archive; unpack it first",
        Kind.Hdf5 => "an HDF5 file (Keras weights?), which Imago does not read",
        _ => "none of the formats that Imago knows, by its first bytes",
    };

    /// <summary>The pickle of the magic number, of any protocol.</summary>
    private static bool IsLegacyTorch(ReadOnlySpan<byte> head) =>
        head.Length > 30 && head[0] == 0x80 && head[..30].IndexOf(TorchMagic) > 0;

    private static bool IsSafetensors(MappedFile file, ReadOnlySpan<byte> head) =>
        head.Length >= 9 && head[8] == (byte)'{' && BitConverter.ToUInt64(head) is var length && length <= (ulong)file.Length;

    private static Kind OfText(MappedFile file, ReadOnlySpan<byte> head)
    {
        var text = Encoding.UTF8.GetString(head).TrimStart('\uFEFF').TrimStart();
        if (text.StartsWith("<!DOCTYPE", StringComparison.OrdinalIgnoreCase) || text.StartsWith("<html", StringComparison.OrdinalIgnoreCase)) return Kind.Html;
        if (text.StartsWith('{') || text.StartsWith('[')) return Kind.Json;
        if (HasZipEnd(file)) return Kind.Zip;
        return IsTextPickle(file, head) ? Kind.BarePickle : Kind.Unknown;
    }

    /// <summary>A pickle of protocol 0: it begins with a mark or a name on a line of its own, and ends with a full stop.</summary>
    private static bool IsTextPickle(MappedFile file, ReadOnlySpan<byte> head)
    {
        var line = head[..Math.Max(0, head.IndexOf((byte)'\n'))];
        return line.Length > 0 && line[0] is (byte)'c' or (byte)'(' && !line.ContainsAny((byte)' ', (byte)'\t') && file.Span(file.Length - 1, 1)[0] == (byte)'.';
    }

    /// <summary>A zip may have other bytes before it.</summary>
    private static bool HasZipEnd(MappedFile file)
    {
        var length = (int)Math.Min(file.Length, 22 + ushort.MaxValue);
        return file.Span(file.Length - length, length).LastIndexOf("PK\x05\x06"u8) >= 0;
    }
}

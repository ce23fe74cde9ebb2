using System.Globalization;

namespace Imago;

/// <summary>A file that is loaded into this process, and its addresses (Linux).</summary>
internal sealed unsafe class LoadedFile
{
    private readonly record struct Range(string File, ulong Start, ulong End)
    {
        internal bool Contains(void* address) => Start <= (ulong)address && (ulong)address < End;
    }

    private readonly Range[] _ranges;

    private LoadedFile(Range[] ranges) => _ranges = ranges;

    /// <summary>The file to which the address belongs, or null.</summary>
    internal static LoadedFile? At(void* address)
    {
        Range[] all = [.. Ranges()];
        var file = all.FirstOrDefault(range => range.Contains(address)).File;
        return file is null ? null : new LoadedFile([.. all.Where(range => range.File == file)]);
    }

    /// <summary>The path of the first loaded file whose name begins so, or null.</summary>
    internal static string? Find(string namePrefix) =>
        Ranges().FirstOrDefault(range => Path.GetFileName(range.File).StartsWith(namePrefix, StringComparison.Ordinal)).File;

    /// <summary>Whether the address lies in the file.</summary>
    internal bool Contains(void* address) => _ranges.Any(range => range.Contains(address));

    /// <summary>Each line of the kernel's table gives address range, rights, offset, device, inode and file.</summary>
    private static IEnumerable<Range> Ranges() => File.ReadLines("/proc/self/maps")
        .Select(line => line.Split(' ', 6, StringSplitOptions.RemoveEmptyEntries))
        .Where(fields => fields.Length == 6)
        .Select(fields => (File: fields[5], Ends: fields[0].Split('-')))
        .Select(map => new Range(map.File, Hexadecimal(map.Ends[0]), Hexadecimal(map.Ends[1])));

    private static ulong Hexadecimal(string text) => ulong.Parse(text, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
}

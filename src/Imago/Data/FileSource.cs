using System.IO.Compression;
using Imago.Images;

namespace Imago.Data;

/// <summary>A folder or a zip file, seen as named files. Names use <c>/</c> and are relative; those in a zip are never used as paths.</summary>
internal abstract class FileSource
{
    protected const long MaximumFileBytes = 512L << 20;

    private const int MaximumDepth = 16;

    /// <summary>The path of the folder or zip.</summary>
    internal abstract string Path { get; }

    /// <summary>Names of all files, sorted by code point.</summary>
    internal abstract IReadOnlyList<string> Names { get; }

    /// <summary>Where a file is, for messages.</summary>
    internal string Describe(string name) => $"{Path}/{name}";

    /// <summary>Reads a file whole; from any thread.</summary>
    /// <exception cref="DataException">It cannot be read, or is too long to be an image.</exception>
    internal abstract byte[] Read(string name);

    /// <summary>Opens a folder, or a zip file.</summary>
    internal static FileSource Open(string path)
    {
        try
        {
            return Directory.Exists(path) ? new Folder(path) : new Zip(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            throw new DataException($"{path}: cannot be opened: {e.Message}", e);
        }
    }

    private static IReadOnlyList<string> Visible(IEnumerable<string> names) =>
        [.. names.Where(name => !name.Split('/').Any(part => part.StartsWith('.') || part == "__MACOSX")).Order(StringComparer.Ordinal)];

    private sealed class Folder : FileSource
    {
        internal Folder(string path)
        {
            Path = path.Length > 1 ? path.TrimEnd('/', '\\') : path;
            var all = new EnumerationOptions { RecurseSubdirectories = true, MaxRecursionDepth = MaximumDepth, IgnoreInaccessible = false };
            Names = Visible(Directory.EnumerateFiles(path, "*", all).Select(file => System.IO.Path.GetRelativePath(path, file).Replace('\\', '/')));
        }

        internal override string Path { get; }

        internal override IReadOnlyList<string> Names { get; }

        internal override byte[] Read(string name) => ImageFile.ReadBytes(System.IO.Path.Combine(Path, name));
    }

    private sealed class Zip : FileSource
    {
        private readonly ZipArchive _zip;
        private readonly Dictionary<string, ZipArchiveEntry> _entries;

        internal Zip(string path)
        {
            Path = path;
            _zip = ZipFile.OpenRead(path);
            _entries = [];
            foreach (var entry in _zip.Entries.Where(entry => !entry.FullName.EndsWith('/'))) _entries.TryAdd(entry.FullName.Replace('\\', '/'), entry);
            Names = Visible(_entries.Keys);
        }

        internal override string Path { get; }

        internal override IReadOnlyList<string> Names { get; }

        // A zip reads one entry at a time. What an entry declares is not believed: memory grows with the bytes that really come, up to the limit.
        internal override byte[] Read(string name)
        {
            try
            {
                lock (_zip)
                {
                    using var stream = _entries[name].Open();
                    using var bytes = new MemoryStream();
                    var buffer = new byte[64 * 1024];
                    while (stream.Read(buffer) is > 0 and var read)
                    {
                        bytes.Write(buffer, 0, read);
                        if (bytes.Length > MaximumFileBytes) throw new DataException($"{Describe(name)}: unpacks to more than {MaximumFileBytes:N0} bytes; it may be a decompression bomb.");
                    }
                    return bytes.ToArray();
                }
            }
            catch (Exception e) when (e is IOException or InvalidDataException or NotSupportedException)
            {
                throw new DataException($"{Describe(name)}: cannot be unpacked: {e.Message}", e);
            }
        }
    }
}

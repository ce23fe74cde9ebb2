namespace Imago.Data;

/// <summary>Encoded images, one after the other in a temporary file of Imago's cache that vanishes with its user.</summary>
internal sealed class ImageSpool
{
    private readonly FileStream _file;

    internal ImageSpool()
    {
        var folder = Path.Combine(ImagoFolders.Cache, "tmp");
        Directory.CreateDirectory(folder);
        _file = new FileStream(Path.Combine(folder, $"images-{Guid.NewGuid():N}"), FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None, 1 << 16, FileOptions.DeleteOnClose);
    }

    /// <summary>Adds an image; from one thread, before any is read.</summary>
    internal (long Offset, int Length) Append(ReadOnlySpan<byte> image)
    {
        var offset = _file.Length;
        _file.Position = offset;
        _file.Write(image);
        _file.Flush();
        return (offset, image.Length);
    }

    /// <summary>Reads an image; from any thread.</summary>
    internal byte[] Read(long offset, int length)
    {
        var bytes = new byte[length];
        for (var read = 0; read < length;)
        {
            var count = RandomAccess.Read(_file.SafeFileHandle, bytes.AsSpan(read), offset + read);
            if (count == 0) throw new DataException($"{_file.Name}: the temporary file of images has become shorter; open the set again.");
            read += count;
        }
        return bytes;
    }
}

namespace Imago.Weights;

/// <summary>Files that are either there whole or not at all.</summary>
internal static class AtomicFile
{
    /// <summary>Writes to a temporary name beside <paramref name="path"/>, flushes to the disk, and renames.</summary>
    /// <exception cref="CheckpointException">The disk is full, the folder is missing or read-only, ….</exception>
    internal static void Write(string path, Action<Stream> write)
    {
        var temporary = $"{path}.{Environment.ProcessId}-{Guid.NewGuid():N}.tmp";
        try
        {
            using (var stream = new FileStream(temporary, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None, 1 << 20))
            {
                write(stream);
                stream.Flush(flushToDisk: true);
            }
            File.Move(temporary, path, overwrite: true);
        }
        catch (Exception e)
        {
            if (File.Exists(temporary)) File.Delete(temporary);
            if (e is IOException or UnauthorizedAccessException) throw new CheckpointException($"{path} cannot be written: {e.Message} What stood there before is as it was.", e);
            throw;
        }
    }
}

namespace Imago.Data;

/// <summary>Data sets that users bring: a folder or zip of images, or the parquet files of a hub.</summary>
internal static class ImageFolders
{
    /// <summary>Opens a path with the splits that its folders or files name, and splits by content where they name none.</summary>
    internal static DatasetSplits Open(string path, DatasetOptions options, CancellationToken cancellationToken)
    {
        if (Directory.Exists(path)) return OpenFolder(path, options, cancellationToken);
        if (BeginsWith(path, "PK"u8)) return OpenImages(path, options);
        if (BeginsWith(path, "PAR1"u8)) return OpenParquet(path, [path], options, cancellationToken);
        throw new DataException($"{path}: is neither a zip of images nor a parquet file; name a folder, a .zip or a .parquet.");
    }

    private static DatasetSplits OpenFolder(string path, DatasetOptions options, CancellationToken cancellationToken)
    {
        var source = FileSource.Open(path);
        List<string> shards = [.. source.Names.Where(name => name.EndsWith(".parquet", StringComparison.OrdinalIgnoreCase)).Select(name => Path.Combine(path, name))];
        return shards.Count > 0 && !source.Names.Any(Images.ImageFile.HasImageName) ? OpenParquet(path, shards, options, cancellationToken) : OpenImages(path, options);
    }

    private static DatasetSplits OpenImages(string path, DatasetOptions options)
    {
        var set = new ImageFolderDataset(path);
        return DatasetSplits.BySplitNames(set.Name, $"{set.Count:N0} images of {path}.", set, set.SplitOf, options);
    }

    private static DatasetSplits OpenParquet(string path, IReadOnlyList<string> shards, DatasetOptions options, CancellationToken cancellationToken)
    {
        var set = new ParquetImageDataset(Path.GetFileNameWithoutExtension(Path.GetFullPath(path)), shards, cancellationToken);
        if (set.Count == 0) throw new DataException($"{path}: holds no row; name a parquet file or folder with images.");
        return DatasetSplits.BySplitNames(set.Name, $"{set.Count:N0} images of {path}.", set, set.SplitOf, options);
    }

    private static bool BeginsWith(string path, ReadOnlySpan<byte> magic)
    {
        try
        {
            using var file = File.OpenRead(path);
            Span<byte> start = stackalloc byte[4];
            return file.ReadAtLeast(start, 4, throwOnEndOfStream: false) == 4 && start.StartsWith(magic);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new DataException($"{path}: cannot be opened: {e.Message}", e);
        }
    }
}

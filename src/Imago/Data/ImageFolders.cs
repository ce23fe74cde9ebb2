namespace Imago.Data;

/// <summary>Data sets that users bring: a folder or zip of images, or the parquet files of a hub.</summary>
internal static class ImageFolders
{
    /// <summary>Opens a path with the splits that its folders or files name, and splits by content where they name none.</summary>
    internal static DatasetSplits Open(string path, DatasetOptions options)
    {
        if (File.Exists(path) && !IsZip(path))
            throw new DataException($"{path}: is neither a zip of images nor a parquet file; name a folder, a .zip or a .parquet.");
        var set = new ImageFolderDataset(path);
        return DatasetSplits.BySplitNames(set.Name, "Images of a user.", set, set.SplitOf, options);
    }

    private static bool IsZip(string path)
    {
        using var file = File.OpenRead(path);
        Span<byte> magic = stackalloc byte[4];
        return file.ReadAtLeast(magic, 4, throwOnEndOfStream: false) == 4 && magic[..2].SequenceEqual("PK"u8);
    }
}

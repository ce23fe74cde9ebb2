namespace Imago.Data;

/// <summary>A data set that Imago knows by name.</summary>
/// <param name="Name">What users write: <c>mnist</c>.</param>
/// <param name="Description">One sentence: what it holds, where it comes from, how it is split.</param>
/// <param name="Open">Opens it.</param>
public sealed record DatasetInfo(string Name, string Description, Func<DatasetOptions, CancellationToken, DatasetSplits> Open);

/// <summary>The data sets that Imago knows by name, and those that users bring.</summary>
public static class Datasets
{
    /// <summary>Every named set.</summary>
    public static IReadOnlyList<DatasetInfo> All { get; } = [.. DrawnSets.All, .. IdxDataset.Published, Cifar10Dataset.Published, CelebaDataset.Published];

    /// <summary>Opens a named set, or a folder, zip or parquet file of images.</summary>
    /// <param name="nameOrPath">A name in <see cref="All"/>, or a path; a path that could be a name is written <c>./mnist</c>.</param>
    /// <param name="options">Where the files are, and how much of them is wanted.</param>
    /// <param name="cancellationToken">Stops a download.</param>
    /// <exception cref="DataException">There is no such set, its files are missing or damaged, or it holds no image.</exception>
    public static DatasetSplits Open(string nameOrPath, DatasetOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(nameOrPath);
        options ??= new DatasetOptions();
        if (All.FirstOrDefault(set => set.Name.Equals(nameOrPath, StringComparison.OrdinalIgnoreCase)) is { } known) return known.Open(options, cancellationToken);
        if (Directory.Exists(nameOrPath) || File.Exists(nameOrPath)) return ImageFolders.Open(nameOrPath, options, cancellationToken);
        throw new DataException($"There is no data set '{nameOrPath}': it is neither a file nor a folder, nor one of {string.Join(", ", All.Select(set => set.Name))}.");
    }
}

using Imago.Data;
using Imago.Images;

namespace Imago.Metrics;

/// <summary>Sets of pictures to be measured, read as the reference implementations of the metrics read them.</summary>
public static class SampleSets
{
    /// <summary>
    /// Opens pictures: all of a folder or zip, in the order of their names, alpha dropped and orientation ignored as Pillow's <c>convert("RGB")</c> does; an <c>.npz</c> of
    /// guided-diffusion's kind; or a part of a named data set or parquet file.
    /// </summary>
    /// <param name="source">A path, or a name in <see cref="Datasets.All"/>.</param>
    /// <param name="split">Which part of a named set: train, validation or test.</param>
    /// <param name="options">Where a named set's files are.</param>
    /// <param name="cancellationToken">Stops a download.</param>
    /// <exception cref="DataException">There are no such pictures.</exception>
    public static ImageDataset Open(string source, string split = "test", DatasetOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(source);
        if (source.EndsWith(".npz", StringComparison.OrdinalIgnoreCase) || source.EndsWith(".npy", StringComparison.OrdinalIgnoreCase)) return new NumpyImages(source);
        var isNamed = Datasets.All.Any(set => set.Name.Equals(source, StringComparison.OrdinalIgnoreCase));
        if (!isNamed && (source.EndsWith(".zip", StringComparison.OrdinalIgnoreCase) ? File.Exists(source) : Directory.Exists(source) && HasPictures(source)))
            return new ImageFolderDataset(FileSource.Open(source), ImageReadOptions.AsPillow);
        var parts = Datasets.Open(source, options, cancellationToken).Parts;
        return parts.FirstOrDefault(part => part.Name == split) is { Set: { } set } ? set : throw new DataException($"{source} has no part '{split}'; there are {string.Join(", ", parts.Select(part => part.Name))}.");
    }

    private static bool HasPictures(string folder) => FileSource.Open(folder).Names.Any(ImageFile.HasImageName);
}

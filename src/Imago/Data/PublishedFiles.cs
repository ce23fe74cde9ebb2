namespace Imago.Data;

/// <summary>A file that a data set's authors publish.</summary>
/// <param name="Name">Its file name.</param>
/// <param name="Hosts">Where it can be fetched, tried in this order.</param>
/// <param name="Checksum"><c>md5:</c> or <c>sha256:</c> and the hexadecimal digest.</param>
/// <param name="Bytes">Its length, where known: nothing longer is fetched.</param>
public sealed record PublishedFile(string Name, IReadOnlyList<Uri> Hosts, string Checksum, long? Bytes = null);

/// <summary>The files of a published set, wherever users keep them: the chosen folder or Imago's cache, directly or in torchvision's sub-folders.</summary>
internal sealed class PublishedFiles(string set, IReadOnlyList<PublishedFile> files)
{
    /// <summary>The path of a file, compressed or unpacked (without <c>.gz</c>). If it is nowhere and downloads are allowed, it is fetched.</summary>
    /// <exception cref="DataException">It is missing and may not be fetched, or cannot be.</exception>
    internal string Find(string name, DatasetOptions options, CancellationToken cancellationToken)
    {
        if (FindPresent(name, options) is { } present) return present;
        var home = Home(options);
        var published = files.First(file => file.Name == name);
        if (!options.AllowDownload)
            throw new DataException($"{set}: {name} is not in {home}; put the set's files there, name their folder (--folder), or allow the download from {published.Hosts[0].Host} (--download).");
        return new Downloader().FetchAsync(published, home, options.Progress, cancellationToken).GetAwaiter().GetResult();
    }

    /// <summary>The path of a file, compressed or unpacked, or null if it is nowhere.</summary>
    internal string? FindPresent(string name, DatasetOptions options) =>
        (from folder in Folders(options) from file in (string[])[name, Unpacked(name)] let path = Path.Combine(folder, file) where File.Exists(path) select path).FirstOrDefault();

    /// <summary>The path of a folder of this name (that holds <paramref name="witness"/>), or of the home itself if that holds it; null if there is none.</summary>
    internal string? FindFolder(string name, string? witness, DatasetOptions options) =>
        Folders(options).Select(folder => Path.Combine(folder, name)).FirstOrDefault(path => witness is null ? Directory.Exists(path) : File.Exists(Path.Combine(path, witness)))
        ?? (witness is null ? null : Folders(options).FirstOrDefault(folder => File.Exists(Path.Combine(folder, witness))));

    private static string Unpacked(string name) => name.EndsWith(".gz", StringComparison.Ordinal) ? name[..^3] : name;

    private string Home(DatasetOptions options) => options.Folder ?? Path.Combine(ImagoFolders.Cache, "data", set);

    private IEnumerable<string> Folders(DatasetOptions options)
    {
        var home = Home(options);
        if (!Directory.Exists(home)) return options.Folder is null || options.AllowDownload ? [] : throw new DataException($"{set}: the folder {home} does not exist.");
        var named = Directory.EnumerateDirectories(home).Where(folder => Plain(Path.GetFileName(folder)) == Plain(set));
        return ((string[])[home, .. named]).SelectMany(folder => new[] { folder, Path.Combine(folder, "raw") });
    }

    private static string Plain(string name) => name.Replace("-", "", StringComparison.Ordinal).ToLowerInvariant();
}

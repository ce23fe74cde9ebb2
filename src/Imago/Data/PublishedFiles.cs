namespace Imago.Data;

/// <summary>A file that a data set's authors publish.</summary>
/// <param name="Name">Its file name.</param>
/// <param name="Hosts">Where it can be fetched, tried in this order.</param>
/// <param name="Checksum"><c>md5:</c> or <c>sha256:</c> and the hexadecimal digest.</param>
/// <param name="Bytes">Its length, where known: nothing longer is fetched.</param>
public sealed record PublishedFile(string Name, IReadOnlyList<Uri> Hosts, string Checksum, long? Bytes = null);

/// <summary>The files of a published set, wherever users keep them.</summary>
internal sealed class PublishedFiles(string set, IReadOnlyList<PublishedFile> files)
{
    /// <summary>
    /// The path of a file: in the chosen folder or Imago's cache, directly or in torchvision's sub-folders, compressed or unpacked (without <c>.gz</c>).
    /// If it is nowhere and downloads are allowed, it is fetched.
    /// </summary>
    internal string Find(string name, DatasetOptions options, CancellationToken cancellationToken)
    {
        var home = options.Folder ?? Path.Combine(ImagoFolders.Cache, "data", set);
        if (options.Folder is not null && !Directory.Exists(home) && !options.AllowDownload) throw new DataException($"{set}: the folder {home} does not exist.");
        var found = from folder in (string[])[home, Path.Combine(home, "raw"), .. Torchvision(home)]
                    from file in (string[])[name, Unpacked(name)]
                    let path = Path.Combine(folder, file)
                    where File.Exists(path)
                    select path;
        if (found.FirstOrDefault() is { } present) return present;
        var published = files.First(file => file.Name == name);
        if (!options.AllowDownload)
            throw new DataException($"{set}: {name} is not in {home}; put the set's files there, name their folder (--folder), or allow the download from {published.Hosts[0].Host} (--download).");
        return new Downloader().FetchAsync(published, home, options.Progress, cancellationToken).GetAwaiter().GetResult();
    }

    private static string Unpacked(string name) => name.EndsWith(".gz", StringComparison.Ordinal) ? name[..^3] : name;

    private string[] Torchvision(string home) => [.. Directory.Exists(home)
        ? Directory.EnumerateDirectories(home).Where(folder => Path.GetFileName(folder).Replace("-", "", StringComparison.Ordinal).Equals(set.Replace("-", "", StringComparison.Ordinal), StringComparison.OrdinalIgnoreCase)).SelectMany(folder => new[] { folder, Path.Combine(folder, "raw") })
        : []];
}

using Imago.Data;

namespace Imago.Metrics;

/// <summary>Where the published weights of FID's Inception-v3 are: given by path, in a cache, or on their authors' server.</summary>
public static class InceptionDownload
{
    /// <summary>The file, as pytorch-fid publishes it; torch-fidelity's has the same bytes.</summary>
    public static PublishedFile File { get; } = new(
        "pt_inception-2015-12-05-6726825d.pth",
        [
            new Uri("https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/pt_inception-2015-12-05-6726825d.pth"),
            new Uri("https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/weights-inception-2015-12-05-6726825d.pth"),
        ],
        "sha256:6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2",
        95_628_359);

    /// <summary>The path of the weights: in Imago's cache or in that of torch.hub, else fetched where that is allowed.</summary>
    /// <param name="allowDownload">Whether they may be fetched; the checksum is verified.</param>
    /// <param name="progress">Told of the bytes that have come.</param>
    /// <param name="cancellationToken">Stops the download.</param>
    /// <exception cref="DataException">They are nowhere, and may not or cannot be fetched; the message says what to do.</exception>
    public static string Find(bool allowDownload, IProgress<DownloadProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        var home = Path.Combine(ImagoFolders.Cache, "metrics");
        var hub = Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache", "torch", "hub", "checkpoints");
        var places = from folder in (string[])[home, hub] from name in File.Hosts.Select(host => Path.GetFileName(host.AbsolutePath)) select Path.Combine(folder, name);
        if (places.FirstOrDefault(System.IO.File.Exists) is { } known) return known;
        if (!allowDownload)
            throw new DataException($"The weights of Inception-v3 ({File.Name}, 96 MB) are not in {home}; put them there, name the file (--network FILE), allow the download from {File.Hosts[0].Host} (--download), or compare by a classifier of your own (imago train classifier, --network FOLDER).");
        return new Downloader().FetchAsync(File, home, progress, cancellationToken).GetAwaiter().GetResult();
    }
}

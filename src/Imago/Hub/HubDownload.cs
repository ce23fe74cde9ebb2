using Imago.Data;

namespace Imago.Hub;

/// <summary>Fetches files of one commit into the cache, several at a time. What has come of a file is kept as <c>BLOB.incomplete</c>.</summary>
internal sealed class HubDownload(HubCache cache, HubApi api, Downloader downloader, HubOptions options)
{
    /// <summary>How systems say that another program holds a file.</summary>
    private const int LinuxBusy = 11, MacBusy = 35, WindowsSharing = unchecked((int)0x80070020), WindowsLocked = unchecked((int)0x80070021);

    private static readonly TimeSpan LockPause = TimeSpan.FromMilliseconds(250);

    /// <summary>Fetches those that are not there.</summary>
    /// <exception cref="HubException">One cannot be had.</exception>
    internal async Task FetchAsync(string commit, IReadOnlyList<HubFile> files, IProgress<HubProgress>? progress, CancellationToken cancellation)
    {
        cache.Prepare();
        Directory.CreateDirectory(cache.Snapshot(commit));
        HubFile[][] contents = [.. files.GroupBy(file => file.Blob).Select(same => same.ToArray())];
        var tally = new Tally([.. contents.Select(same => Here(commit, same))], [.. contents.Select(same => same[0].Bytes)], progress);
        RequireRoom(tally.TotalBytes - tally.AtStart);
        var parallel = new ParallelOptions { MaxDegreeOfParallelism = Math.Max(1, options.Parallel), CancellationToken = cancellation };
        await Parallel.ForEachAsync(Enumerable.Range(0, contents.Length), parallel, async (i, stop) =>
        {
            await FetchAsync(commit, contents[i], new Part(tally, i), stop).ConfigureAwait(false);
            tally.Finish(i);
        }).ConfigureAwait(false);
    }

    private long Here(string commit, HubFile[] same) =>
        same.All(file => cache.Has(commit, file)) || cache.HasBlob(same[0]) ? same[0].Bytes : Math.Min(LinkedFile.Length(Incomplete(same[0])) ?? 0, same[0].Bytes);

    /// <summary>Fetches a content unless it is here, and places the files that have it.</summary>
    private async Task FetchAsync(string commit, HubFile[] same, IProgress<DownloadProgress> progress, CancellationToken cancellation)
    {
        if (same.All(file => cache.Has(commit, file))) return;
        var first = same[0];
        using var held = await LockAsync(cache.Lock(first), cancellation).ConfigureAwait(false);
        HubFile[] absent = [.. same.Where(file => !cache.Has(commit, file))];       // another program may have fetched it in the meantime
        var isNew = absent.Length > 0 && !cache.HasBlob(first);
        if (isNew)
        {
            var published = new PublishedFile(first.Path, [api.Content(commit, first.Path)], first.Checksum, first.Bytes);
            if (await downloader.FetchToAsync(published, cache.Blob(first), Incomplete(first), progress, cancellation).ConfigureAwait(false) is { } failure)
                throw new HubException($"{first.Path} could not be fetched. {failure} Try again: what has come is kept.");
        }
        foreach (var (i, file) in absent.Index()) cache.Place(commit, file, mayMove: isNew && i == absent.Length - 1);
    }

    private string Incomplete(HubFile file) => $"{cache.Blob(file)}.incomplete";

    /// <summary>Holds a file that Python's library locks in the same way, so that no two programs fetch the same content at once.</summary>
    private async Task<FileStream> LockAsync(string path, CancellationToken cancellation)
    {
        while (true)
        {
            try
            {
                return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException e) when (e.HResult is LinuxBusy or MacBusy or WindowsSharing or WindowsLocked)
            {
                await options.Retries.Wait(LockPause, cancellation).ConfigureAwait(false);
            }
        }
    }

    private void RequireRoom(long bytes)
    {
        if (FreeBytes() is { } free && bytes > free)
            throw new HubException($"The download needs {bytes / 1e9:0.0} GB, and the disk of {cache.Folder} has {free / 1e9:0.0} GB left. Make room, or name another disk's folder with HF_HUB_CACHE.");
    }

    /// <summary>Room on the cache's disk; unknown on the shares of a network.</summary>
    private long? FreeBytes()
    {
        try
        {
            return new DriveInfo(Path.GetFullPath(cache.Folder)).AvailableFreeSpace;
        }
        catch (Exception e) when (e is ArgumentException or IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>What of all files is here; told whenever it changes.</summary>
    private sealed class Tally(long[] here, long[] whole, IProgress<HubProgress>? progress)
    {
        private readonly Lock _lock = new();
        private int _finished;

        internal long TotalBytes { get; } = whole.Sum();

        internal long AtStart { get; } = here.Sum();

        internal void Set(int i, long now)
        {
            lock (_lock)
            {
                here[i] = Math.Min(now, whole[i]);
                progress?.Report(new HubProgress(here.Sum(), TotalBytes, _finished, whole.Length, AtStart));
            }
        }

        internal void Finish(int i)
        {
            lock (_lock)
            {
                _finished++;
                Set(i, whole[i]);
            }
        }
    }

    private sealed class Part(Tally tally, int i) : IProgress<DownloadProgress>
    {
        public void Report(DownloadProgress value) => tally.Set(i, value.Bytes);
    }
}

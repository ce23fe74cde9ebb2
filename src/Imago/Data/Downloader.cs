using System.Net;
using System.Net.Http.Headers;

namespace Imago.Data;

/// <summary>
/// Fetches files with known checksums. What has come is kept in <c>NAME.part</c>, so that a cut connection or a stopped program goes on where it was;
/// a file appears under its name only when it is whole and its checksum is right.
/// </summary>
public sealed class Downloader
{
    private static readonly Lazy<HttpClient> Shared = new(() => new HttpClient { Timeout = Timeout.InfiniteTimeSpan });

    private readonly HttpClient _http;
    private readonly Retries _retries;

    /// <summary>Prepares to fetch.</summary>
    /// <param name="http">The client; null for one that all downloads share.</param>
    /// <param name="silence">How long a host may send nothing before it is given up; null for a minute.</param>
    /// <param name="pause">Pause after a failed attempt, doubled each time; null for a second.</param>
    public Downloader(HttpClient? http = null, TimeSpan? silence = null, TimeSpan? pause = null)
        : this(http ?? Shared.Value, new Retries { Silence = silence ?? TimeSpan.FromMinutes(1), Pause = pause ?? TimeSpan.FromSeconds(1) })
    {
    }

    internal Downloader(HttpClient http, Retries retries) => (_http, _retries) = (http, retries);

    /// <summary>Fetches a file into a folder, unless it is there already with the right checksum.</summary>
    /// <returns>The path of the file.</returns>
    /// <exception cref="DataException">No host gave the right file; the message tells what each did.</exception>
    public async Task<string> FetchAsync(PublishedFile file, string folder, IProgress<DownloadProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(file);
        Directory.CreateDirectory(folder);
        var path = Path.Combine(folder, file.Name);
        if (File.Exists(path) && await FileChecksum.MatchesAsync(path, file.Checksum, cancellationToken).ConfigureAwait(false)) return path;
        if (await FetchToAsync(file, path, $"{path}.part", progress, cancellationToken).ConfigureAwait(false) is { } failures)
            throw new DataException($"{file.Name} could not be fetched. {failures} Check the connection and try again (what has come is kept), or put the file into {folder} yourself.");
        return path;
    }

    /// <summary>Fetches a file to a path, by way of another where what has come is kept.</summary>
    /// <returns>Null, or what each host did if none gave the right file.</returns>
    internal async Task<string?> FetchToAsync(PublishedFile file, string path, string part, IProgress<DownloadProgress>? progress, CancellationToken cancellationToken)
    {
        var failures = new List<string>();
        foreach (var host in file.Hosts)
        {
            if (await TryHostAsync(file, host, part, progress, cancellationToken).ConfigureAwait(false) is { } failure) failures.Add($"{host}: {failure}");
            else
            {
                File.Move(part, path, overwrite: true);
                return null;
            }
        }
        return string.Join(" ", failures);
    }

    private async Task<string?> TryHostAsync(PublishedFile file, Uri host, string part, IProgress<DownloadProgress>? progress, CancellationToken cancellationToken)
    {
        try
        {
            var isResumed = await FetchPartAsync(file, host, part, progress, cancellationToken).ConfigureAwait(false);
            if (await FileChecksum.MatchesAsync(part, file.Checksum, cancellationToken).ConfigureAwait(false)) return null;
            File.Delete(part);
            if (isResumed)                                              // what had been kept may have been the damaged part: once more from nothing
            {
                await FetchPartAsync(file, host, part, progress, cancellationToken).ConfigureAwait(false);
                if (await FileChecksum.MatchesAsync(part, file.Checksum, cancellationToken).ConfigureAwait(false)) return null;
                File.Delete(part);
            }
            return $"sent a file whose checksum is not {file.Checksum}.";
        }
        catch (HttpRequestException e)
        {
            return e.StatusCode is >= (HttpStatusCode)400 and < (HttpStatusCode)500 and var status and not (HttpStatusCode.RequestTimeout or HttpStatusCode.TooManyRequests)
                ? $"answered {(int)status} {status}."
                : $"{e.Message.TrimEnd('.')}.";
        }
    }

    /// <summary>Fetches until the part is as long as the file.</summary>
    /// <returns>Whether some of it was there before.</returns>
    private async Task<bool> FetchPartAsync(PublishedFile file, Uri host, string part, IProgress<DownloadProgress>? progress, CancellationToken cancellationToken)
    {
        var isResumed = Length() > 0;
        return await _retries.RunAsync(
            async () =>
            {
                await AppendAsync(file, host, part, progress, cancellationToken).ConfigureAwait(false);
                return isResumed;
            },
            Length,
            cancellationToken).ConfigureAwait(false);

        long Length() => new FileInfo(part) is { Exists: true, Length: var length } ? length : 0;
    }

    private async Task AppendAsync(PublishedFile file, Uri host, string part, IProgress<DownloadProgress>? progress, CancellationToken cancellationToken)
    {
        using var silence = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        silence.CancelAfter(_retries.Silence);
        await using var target = new FileStream(part, FileMode.OpenOrCreate, FileAccess.Write, FileShare.None);
        if (target.Length > file.Bytes) target.SetLength(0);
        if (target.Length == file.Bytes) return;
        using var request = new HttpRequestMessage(HttpMethod.Get, host);
        if (target.Length > 0) request.Headers.Range = new RangeHeaderValue(target.Length, null);
        using var response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, silence.Token).ConfigureAwait(false);
        if (response.StatusCode == HttpStatusCode.RequestedRangeNotSatisfiable)
        {
            if (response.Content.Headers.ContentRange?.Length == target.Length) return;
            target.SetLength(0);
            throw new HttpIOException(HttpRequestError.InvalidResponse, "the part that was here is longer than the file");
        }
        Retries.ThrowIfBusy(response);
        response.EnsureSuccessStatusCode();
        var resumed = response.StatusCode == HttpStatusCode.PartialContent && response.Content.Headers.ContentRange?.From == target.Length;
        if (!resumed) target.SetLength(0);
        target.Position = target.Length;
        await CopyAsync(file, response, target, progress, silence).ConfigureAwait(false);
    }

    private async Task CopyAsync(PublishedFile file, HttpResponseMessage response, FileStream target, IProgress<DownloadProgress>? progress, CancellationTokenSource silence)
    {
        var total = file.Bytes ?? target.Length + response.Content.Headers.ContentLength;
        var source = await response.Content.ReadAsStreamAsync(silence.Token).ConfigureAwait(false);
        await using var _ = source.ConfigureAwait(false);
        var buffer = new byte[128 * 1024];
        while (await source.ReadAsync(buffer, silence.Token).ConfigureAwait(false) is > 0 and var read)
        {
            silence.CancelAfter(_retries.Silence);
            await target.WriteAsync(buffer.AsMemory(0, read), silence.Token).ConfigureAwait(false);
            progress?.Report(new DownloadProgress(file.Name, target.Length, total));
            if (target.Length > file.Bytes) return;
        }
        if (target.Length < total) throw new HttpIOException(HttpRequestError.ResponseEnded, $"the connection ended after {target.Length:N0} of {total:N0} bytes");
    }
}

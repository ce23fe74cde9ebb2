using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;

namespace Imago.Data;

/// <summary>
/// Fetches files with known checksums. What has come is kept in <c>NAME.part</c>, so that a cut connection or a stopped program goes on where it was;
/// a file appears under its name only when it is whole and its checksum is right.
/// </summary>
public sealed class Downloader
{
    private const int Attempts = 5;

    private static readonly Lazy<HttpClient> Shared = new(() => new HttpClient { Timeout = Timeout.InfiniteTimeSpan });

    private readonly HttpClient _http;
    private readonly TimeSpan _silence;
    private readonly TimeSpan _pause;

    /// <summary>Prepares to fetch.</summary>
    /// <param name="http">The client; null for one that all downloads share.</param>
    /// <param name="silence">How long a host may send nothing before it is given up; null for a minute.</param>
    /// <param name="pause">Pause after a failed attempt, doubled each time; null for a second.</param>
    public Downloader(HttpClient? http = null, TimeSpan? silence = null, TimeSpan? pause = null) =>
        (_http, _silence, _pause) = (http ?? Shared.Value, silence ?? TimeSpan.FromMinutes(1), pause ?? TimeSpan.FromSeconds(1));

    /// <summary>Fetches a file into a folder, unless it is there already with the right checksum.</summary>
    /// <returns>The path of the file.</returns>
    /// <exception cref="DataException">No host gave the right file; the message tells what each did.</exception>
    public async Task<string> FetchAsync(PublishedFile file, string folder, IProgress<DownloadProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(file);
        Directory.CreateDirectory(folder);
        var path = Path.Combine(folder, file.Name);
        if (File.Exists(path) && await HasChecksumAsync(path, file.Checksum, cancellationToken).ConfigureAwait(false)) return path;
        var failures = new List<string>();
        foreach (var host in file.Hosts)
        {
            if (await TryHostAsync(file, host, $"{path}.part", progress, cancellationToken).ConfigureAwait(false) is { } failure) failures.Add($"{host}: {failure}");
            else
            {
                File.Move($"{path}.part", path, overwrite: true);
                return path;
            }
        }
        throw new DataException($"{file.Name} could not be fetched. {string.Join(" ", failures)} Check the connection and try again (what has come is kept), or put the file into {folder} yourself.");
    }

    private async Task<string?> TryHostAsync(PublishedFile file, Uri host, string part, IProgress<DownloadProgress>? progress, CancellationToken cancellationToken)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                await AppendAsync(file, host, part, progress, cancellationToken).ConfigureAwait(false);
                if (await HasChecksumAsync(part, file.Checksum, cancellationToken).ConfigureAwait(false)) return null;
                File.Delete(part);
                return $"sent a file whose checksum is not {file.Checksum}.";
            }
            catch (HttpRequestException e) when (e.StatusCode is >= (HttpStatusCode)400 and < (HttpStatusCode)500)
            {
                return $"answered {(int)e.StatusCode} {e.StatusCode}.";
            }
            catch (Exception e) when (e is HttpRequestException or IOException || (e is OperationCanceledException && !cancellationToken.IsCancellationRequested))
            {
                if (attempt == Attempts) return $"failed {Attempts} times, at last with: {(e is OperationCanceledException ? $"nothing came for {_silence.TotalSeconds:0} s" : e.Message)}.";
                await Task.Delay(_pause * (1 << (attempt - 1)), cancellationToken).ConfigureAwait(false);
            }
        }
    }

    private async Task AppendAsync(PublishedFile file, Uri host, string part, IProgress<DownloadProgress>? progress, CancellationToken cancellationToken)
    {
        using var silence = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        silence.CancelAfter(_silence);
        await using var target = new FileStream(part, FileMode.OpenOrCreate, FileAccess.Write, FileShare.None);
        if (file.Bytes is { } whole && target.Length == whole) return;
        using var request = new HttpRequestMessage(HttpMethod.Get, host);
        if (target.Length > 0) request.Headers.Range = new RangeHeaderValue(target.Length, null);
        using var response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, silence.Token).ConfigureAwait(false);
        if (response.StatusCode == HttpStatusCode.RequestedRangeNotSatisfiable)
        {
            if (response.Content.Headers.ContentRange?.Length == target.Length) return;
            target.SetLength(0);
            throw new HttpIOException(HttpRequestError.InvalidResponse, "the part that was here is longer than the file");
        }
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
            silence.CancelAfter(_silence);
            await target.WriteAsync(buffer.AsMemory(0, read), silence.Token).ConfigureAwait(false);
            progress?.Report(new DownloadProgress(file.Name, target.Length, total));
            if (target.Length > file.Bytes) return;
        }
        if (target.Length < total) throw new HttpIOException(HttpRequestError.ResponseEnded, $"the connection ended after {target.Length:N0} of {total:N0} bytes");
    }

    private static async Task<bool> HasChecksumAsync(string path, string checksum, CancellationToken cancellationToken)
    {
        var (kind, digest) = checksum.Split(':', 2) is [var k, var d] ? (k, d) : ("", checksum);
        var stream = File.OpenRead(path);
        await using var _ = stream.ConfigureAwait(false);
        var actual = kind switch
        {
            "sha256" => await SHA256.HashDataAsync(stream, cancellationToken).ConfigureAwait(false),
#pragma warning disable CA5351 // MD5 is what the sets' authors publish; it guards against damage here, not against forgery.
            "md5" => await MD5.HashDataAsync(stream, cancellationToken).ConfigureAwait(false),
#pragma warning restore CA5351
            _ => throw new ArgumentException($"checksum '{checksum}' must begin with md5: or sha256:.", nameof(checksum)),
        };
        return Convert.ToHexString(actual).Equals(digest, StringComparison.OrdinalIgnoreCase);
    }
}

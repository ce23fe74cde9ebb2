using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Imago.Data;

namespace Imago.Hub;

/// <summary>What the hub says of one model: the commit of a revision, and its files.</summary>
internal sealed partial class HubApi(HubSettings settings, HubId id, HttpClient http, Retries retries)
{
    private const int LongestAnswer = 64 << 20, MostFiles = 100_000, MostPages = 1000;

    private const long LargestFile = 1L << 42;

    /// <summary>The commit that the revision is now.</summary>
    internal async Task<string> CommitAsync(CancellationToken cancellation)
    {
        var address = Api($"revision/{Uri.EscapeDataString(id.Revision)}");
        using var json = Json((await TextAsync(address, LongestAnswer, cancellation).ConfigureAwait(false)).Text, address);
        return json.RootElement.ValueKind == JsonValueKind.Object && json.RootElement.TryGetProperty("sha", out var sha) && sha.ValueKind == JsonValueKind.String && HubId.IsCommit(sha.GetString()!)
            ? sha.GetString()!
            : throw Strange(address, "it names no commit");
    }

    /// <summary>The files of a commit; those whose names could not be written safely are left out.</summary>
    internal async Task<IReadOnlyList<HubFile>> FilesAsync(string commit, CancellationToken cancellation)
    {
        var first = Api($"tree/{commit}");
        var files = new List<HubFile>();
        var query = "?recursive=true&expand=false";
        for (var page = 0; query is not null; page++)
        {
            var address = new Uri(first.AbsoluteUri + query);
            var (text, next) = await TextAsync(address, LongestAnswer, cancellation).ConfigureAwait(false);
            using var json = Json(text, address);
            if (json.RootElement.ValueKind != JsonValueKind.Array) throw Strange(address, "it is no list of files");
            files.AddRange(json.RootElement.EnumerateArray().Select(entry => File(entry, address)).OfType<HubFile>());
            if (files.Count > MostFiles || page == MostPages) throw Strange(address, $"it lists more than {MostFiles} files");
            query = next;
        }
        return [.. files.DistinctBy(file => file.Path)];
    }

    /// <summary>Where a file's content is.</summary>
    internal Uri Content(string commit, string path) => Address($"{id.Repository}/resolve/{commit}/{string.Join('/', path.Split('/').Select(Uri.EscapeDataString))}");

    /// <summary>A small text, and the query of the page after it.</summary>
    internal Task<(string Text, string? Next)> TextAsync(Uri address, int longest, CancellationToken cancellation) => AskAsync(address, () => ReadAsync(address, longest, cancellation), cancellation);

    private async Task<T> AskAsync<T>(Uri address, Func<Task<T>> question, CancellationToken cancellation)
    {
        try
        {
            return await retries.RunAsync(question, () => 0, cancellation).ConfigureAwait(false);
        }
        catch (HttpRequestException e)
        {
            throw new HubException($"{id.Repository}: {address.Host} cannot be asked for its files: {e.Message.TrimEnd('.')}. Check the connection (and HF_ENDPOINT), and try again.", e);
        }
    }

    private async Task<(string Text, string? Next)> ReadAsync(Uri address, int longest, CancellationToken cancellation)
    {
        using var silence = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        silence.CancelAfter(retries.Silence);
        using var response = await http.GetAsync(address, HttpCompletionOption.ResponseHeadersRead, silence.Token).ConfigureAwait(false);
        Retries.ThrowIfBusy(response);
        response.EnsureSuccessStatusCode();
        var stream = await response.Content.ReadAsStreamAsync(silence.Token).ConfigureAwait(false);
        await using var _ = stream.ConfigureAwait(false);
        using var bytes = new MemoryStream();
        var buffer = new byte[64 * 1024];
        while (await stream.ReadAsync(buffer, silence.Token).ConfigureAwait(false) is > 0 and var read)
        {
            silence.CancelAfter(retries.Silence);
            bytes.Write(buffer, 0, read);
            if (bytes.Length > longest) throw Strange(address, $"it is longer than {longest:N0} bytes");
        }
        return (Encoding.UTF8.GetString(bytes.GetBuffer(), 0, (int)bytes.Length), Next(response));
    }

    /// <summary>The query of <c>Link: &lt;…&gt;; rel="next"</c>. Only that is taken: the page is asked for at the host that was asked before.</summary>
    private static string? Next(HttpResponseMessage response) =>
        response.Headers.TryGetValues("Link", out var links) && links.Select(link => NextPattern().Match(link)).FirstOrDefault(match => match.Success) is { } found ? found.Groups["query"].Value : null;

    private static HubFile? File(JsonElement entry, Uri address)
    {
        if (entry.ValueKind != JsonValueKind.Object || Text(entry, "type") != "file") return null;
        var (path, isLarge) = (Text(entry, "path") ?? throw Strange(address, "a file has no path"), entry.TryGetProperty("lfs", out var large) && large.ValueKind == JsonValueKind.Object);
        if (!HubFile.IsSafe(path)) return null;
        var blob = Text(isLarge ? large : entry, "oid");
        if (!HubFile.IsHash(blob, isLarge ? 64 : 40)) throw Strange(address, $"{path} has no hash");
        var source = isLarge ? large : entry;
        return source.TryGetProperty("size", out var size) && size.ValueKind == JsonValueKind.Number && size.TryGetInt64(out var bytes) && bytes is >= 0 and <= LargestFile
            ? new HubFile(path, bytes, blob!)
            : throw Strange(address, $"{path} has no length");
    }

    private static string? Text(JsonElement entry, string name) => entry.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    private static JsonDocument Json(string text, Uri address)
    {
        try
        {
            return JsonDocument.Parse(text, new JsonDocumentOptions { MaxDepth = 64 });
        }
        catch (JsonException e)
        {
            throw Strange(address, $"it is not valid JSON: {e.Message}");
        }
    }

    private static HubException Strange(Uri address, string what) => new($"The answer of {address} is not that of a hub: {what}. Check HF_ENDPOINT, and whether a proxy answers instead.");

    private Uri Api(string path) => Address($"api/models/{id.Repository}/{path}");

    private Uri Address(string path) => new($"{settings.Endpoint.AbsoluteUri.TrimEnd('/')}/{path}");

    [GeneratedRegex("""<[^<>?]*(?<query>\?[^<>]*)>\s*;\s*rel="?next"?""")]
    private static partial Regex NextPattern();
}

using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Imago.Data;
using Imago.Hub;

namespace Imago.Tests;

/// <summary>
/// A hub of one model on this machine, with the routes and headers of the real one: small files are git's and come after a redirect within the host,
/// large ones (here: more than 200 bytes) are named by their SHA-256 and come from another host.
/// </summary>
internal sealed class HubServer : IAsyncDisposable
{
    internal const string Repository = "acme/tiny", Commit = "0123456789abcdef0123456789abcdef01234567", Index =
        """{ "_class_name": "DDPMPipeline", "scheduler": ["diffusers", "DDPMScheduler"], "unet": ["diffusers", "UNet2DModel"], "safety_checker": ["x", "Checker"] }""";

    private const int LargeAbove = 200, PageSize = 3;

    internal HubServer()
    {
        Hub = new LoopbackHost(request => Fault(request) ?? Answer(request));
        Store = new LoopbackHost(request => StoreFault(request) ?? LoopbackAnswer.Range(Files[Path(request)], request.From));
    }

    /// <summary>The repository.</summary>
    internal Dictionary<string, byte[]> Files { get; } = new()
    {
        ["README.md"] = Text("A tiny model."),
        ["model_index.json"] = Text(Index),
        ["safety_checker/config.json"] = Text("{}"),
        ["safety_checker/model.safetensors"] = Content(400, 1),
        ["scheduler/scheduler_config.json"] = Text("""{ "_class_name": "DDPMScheduler" }"""),
        ["unet/config.json"] = Text("""{ "_class_name": "UNet2DModel" }"""),
        ["unet/diffusion_pytorch_model.bin"] = Content(70_000, 2),
        ["unet/diffusion_pytorch_model.fp16.safetensors"] = Content(50_000, 3),
        ["unet/diffusion_pytorch_model.safetensors"] = Content(100_000, 4),
        ["unet/image.png"] = Content(300, 5),
    };

    internal LoopbackHost Hub { get; }

    /// <summary>The other host, with the large files.</summary>
    internal LoopbackHost Store { get; }

    /// <summary>The host that its lists name for their next page: that of a mirror may not be the mirror.</summary>
    internal Uri Pages { get; set; } = new("https://elsewhere.example/");

    /// <summary>What the hub answers instead.</summary>
    internal Func<LoopbackRequest, LoopbackAnswer?> Fault { get; set; } = _ => null;

    /// <summary>What the other host answers instead.</summary>
    internal Func<LoopbackRequest, LoopbackAnswer?> StoreFault { get; set; } = _ => null;

    /// <summary>The paths of what was fetched, with the first byte where it is not 0.</summary>
    internal IEnumerable<string> Fetched => Store.Requests.Select(request => Path(request) + (request.From > 0 ? $" from {request.From}" : ""));

    internal static byte[] Text(string text) => Encoding.UTF8.GetBytes(text);

    internal static byte[] Content(int length, int seed) => [.. Enumerable.Range(0, length).Select(i => (byte)((i * 7 % 253) + seed))];

    public async ValueTask DisposeAsync()
    {
        await Hub.DisposeAsync();
        await Store.DisposeAsync();
    }

    internal HubOptions Options(string cache, bool download = true, string? token = null) => new()
    {
        AllowDownload = download,
        Settings = new HubSettings { CacheFolder = cache, Endpoint = Hub.Address, Token = token },
        Retries = new Retries { Wait = (_, cancellation) => Task.Delay(1, cancellation) },
    };

    private static string Path(LoopbackRequest request) => Uri.UnescapeDataString(request.Path.TrimStart('/'));

    private LoopbackAnswer Answer(LoopbackRequest request)
    {
        var (path, query) = Path(request).Split('?', 2) is [var before, var after] ? (before, after) : (Path(request), "");
        if (path.StartsWith($"api/models/{Repository}/revision/", StringComparison.Ordinal))
            return path.EndsWith("/main", StringComparison.Ordinal) || path.EndsWith($"/{Commit}", StringComparison.Ordinal)
                ? Json(new { id = Repository, sha = Commit, siblings = Files.Keys.Select(rfilename => new { rfilename }) })
                : new("404 Not Found", [], "X-Error-Code: RevisionNotFound");
        if (path == $"api/models/{Repository}/tree/{Commit}") return Tree(query);
        if (path.StartsWith("api/resolve-cache/", StringComparison.Ordinal)) return File(path["api/resolve-cache/".Length..], request, isHere: true);
        if (path.StartsWith($"{Repository}/resolve/{Commit}/", StringComparison.Ordinal)) return File(path[$"{Repository}/resolve/{Commit}/".Length..], request, isHere: false);
        return new("404 Not Found", [], "X-Error-Code: RepoNotFound", "X-Error-Message: Repository not found");
    }

    private LoopbackAnswer File(string path, LoopbackRequest request, bool isHere)
    {
        string[] head = [$"X-Repo-Commit: {Commit}"];
        if (!Files.TryGetValue(path, out var content)) return new("404 Not Found", [], [.. head, "X-Error-Code: EntryNotFound"]);
        if (content.Length > LargeAbove)
            return new("302 Found", [], [.. head, $"Location: {Store.Address}{path}", $"X-Linked-Etag: \"{Hash(content)}\"", $"X-Linked-Size: {content.Length}", "ETag: \"another\""]);
        return isHere ? LoopbackAnswer.Range(content, request.From, [.. head, $"ETag: \"{Hash(content)}\""]) : new("307 Temporary Redirect", [], [.. head, $"Location: /api/resolve-cache/{path}"]);
    }

    private LoopbackAnswer Tree(string query)
    {
        var from = query.Split('&').FirstOrDefault(part => part.StartsWith("cursor=", StringComparison.Ordinal)) is { } cursor ? int.Parse(cursor[7..], CultureInfo.InvariantCulture) : 0;
        var folders = Files.Keys.Where(name => name.Contains('/', StringComparison.Ordinal)).Select(name => name.Split('/')[0]).Distinct().Select(path => (object)new { type = "directory", oid = new string('0', 40), size = 0, path });
        object[] entries = [.. folders, .. Files.Select(file => Entry(file.Key, file.Value))];
        string[] next = from + PageSize < entries.Length ? [$"Link: <{Pages}api/models/{Repository}/tree/{Commit}?recursive=true&cursor={from + PageSize}>; rel=\"next\""] : [];
        return Json(entries.Skip(from).Take(PageSize), next);
    }

    private static object Entry(string path, byte[] content) => content.Length > LargeAbove
        ? new { type = "file", oid = new string('f', 40), size = content.Length, path, lfs = new { oid = Hash(content), size = content.Length, pointerSize = 130 } }
        : new { type = "file", oid = Hash(content), size = content.Length, path };

    /// <summary>SHA-256 of a large file, git's SHA-1 of a small one.</summary>
    internal static string Hash(byte[] content) =>
#pragma warning disable CA5350 // The hash that git has.
        Convert.ToHexStringLower(content.Length > LargeAbove ? SHA256.HashData(content) : SHA1.HashData([.. Text($"blob {content.Length}\0"), .. content]));
#pragma warning restore CA5350

    private static LoopbackAnswer Json(object document, params string[] headers) => new("200 OK", JsonSerializer.SerializeToUtf8Bytes(document), ["Content-Type: application/json", .. headers]);
}

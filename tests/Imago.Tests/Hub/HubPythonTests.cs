using System.Diagnostics;
using System.Text.Json;
using Imago.Hub;

namespace Imago.Tests;

/// <summary>One cache, two libraries: Python's huggingface_hub reads what Imago wrote, and the other way round. <c>IMAGO_PYTHON</c> names an interpreter that has it.</summary>
public sealed class HubPythonTests : IAsyncDisposable
{
    private const string Weights = "unet/diffusion_pytorch_model.safetensors";

    private readonly TemporaryFolder _folder = new();
    private readonly TemporaryFolder _program = new();
    private readonly HubServer _server = new();

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        _folder.Dispose();
        _program.Dispose();
    }

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Python_ReadsTheCacheThatImagoWrote()
    {
        var folder = await HubModels.ResolveAsync(HubServer.Repository, _server.Options(_folder.Path), cancellationToken: Token);
        var told = await PythonAsync(isOffline: true, $$"""
            from huggingface_hub import snapshot_download, hf_hub_download, scan_cache_dir
            scan = scan_cache_dir(cache)
            (repo,) = scan.repos
            (revision,) = repo.revisions
            print(json.dumps({
                "snapshot": snapshot_download("acme/tiny", local_files_only=True, cache_dir=cache),
                "file": hf_hub_download("acme/tiny", "{{Weights}}", local_files_only=True, cache_dir=cache),
                "warnings": [str(w) for w in scan.warnings], "id": repo.repo_id, "commit": revision.commit_hash, "refs": sorted(revision.refs),
                "size": revision.size_on_disk, "files": sorted(str(f.file_path.relative_to(revision.snapshot_path)) for f in revision.files)}))
            """);
        Assert.Equal(folder, told.GetProperty("snapshot").GetString());
        Assert.Equal(Path.Combine(folder, Weights), told.GetProperty("file").GetString());
        Assert.Equal(0, told.GetProperty("warnings").GetArrayLength());
        Assert.Equal((HubServer.Repository, HubServer.Commit), (told.GetProperty("id").GetString(), told.GetProperty("commit").GetString()));
        Assert.Equal(["main"], told.GetProperty("refs").EnumerateArray().Select(name => name.GetString()));
        string[] names = ["model_index.json", "scheduler/scheduler_config.json", "unet/config.json", Weights];
        Assert.Equal(names, told.GetProperty("files").EnumerateArray().Select(name => name.GetString()));
        Assert.Equal(names.Sum(name => _server.Files[name].Length), told.GetProperty("size").GetInt64());
    }

    [Fact]
    public async Task Python_CompletesTheCacheThatImagoWrote_WithoutFetchingAnythingTwice()
    {
        await HubModels.ResolveAsync(HubServer.Repository, _server.Options(_folder.Path), cancellationToken: Token);
        await PythonAsync(isOffline: false, "from huggingface_hub import snapshot_download\nprint(json.dumps(snapshot_download('acme/tiny', cache_dir=cache)))");
        Assert.Equal(_server.Fetched.Distinct(), _server.Fetched);
        Assert.Contains("unet/image.png", _server.Fetched);
    }

    [Fact]
    public async Task Imago_ReadsTheCacheThatPythonWrote()
    {
        var told = await PythonAsync(isOffline: false, "from huggingface_hub import snapshot_download\nprint(json.dumps(snapshot_download('acme/tiny', cache_dir=cache)))");
        var asked = _server.Hub.Requests.Count;
        Assert.Equal(told.GetString(), await HubModels.ResolveAsync(HubServer.Repository, _server.Options(_folder.Path, download: false), cancellationToken: Token));
        Assert.Equal(told.GetString(), await HubModels.ResolveAsync(HubServer.Repository, _server.Options(_folder.Path, download: false) with { Variant = "fp16" }, cancellationToken: Token));
        Assert.Equal(asked, _server.Hub.Requests.Count);
    }

    private async Task<JsonElement> PythonAsync(bool isOffline, string program)
    {
        var python = Environment.GetEnvironmentVariable("IMAGO_PYTHON");
        Assert.SkipWhen(string.IsNullOrEmpty(python), "no Python: set IMAGO_PYTHON to an interpreter that has huggingface_hub");
        var script = _program.File("program.py");
        _server.Pages = _server.Hub.Address;
        var offline = isOffline ? "1" : "0";
        await File.WriteAllTextAsync(script, $"import json, os, sys\nos.environ['HF_HUB_OFFLINE'] = '{offline}'\ncache = sys.argv[1]\n{program}", Token);
        var start = new ProcessStartInfo(python!) { RedirectStandardOutput = true, RedirectStandardError = true, ArgumentList = { script, _folder.Path } };
        foreach (var (name, value) in (IEnumerable<(string, string)>)[("HF_ENDPOINT", _server.Hub.Address.ToString().TrimEnd('/')), ("HF_HOME", _program.Path), ("HF_HUB_DISABLE_TELEMETRY", "1"), ("HF_HUB_DISABLE_XET", "1"), ("no_proxy", "127.0.0.1")])
            start.Environment[name] = value;
        using var process = Process.Start(start)!;
        var (output, error) = (process.StandardOutput.ReadToEndAsync(Token), process.StandardError.ReadToEndAsync(Token));
        await process.WaitForExitAsync(Token);
        Assert.True(process.ExitCode == 0, await error);
        return JsonDocument.Parse(await output).RootElement;
    }
}

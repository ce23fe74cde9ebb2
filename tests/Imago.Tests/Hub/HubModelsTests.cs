using Imago.Hub;

namespace Imago.Tests;

/// <summary>Against a hub on this machine.</summary>
public sealed class HubModelsTests : IAsyncDisposable
{
    private const string Weights = "unet/diffusion_pytorch_model.safetensors";

    private static readonly string[] Needed = ["model_index.json", "scheduler/scheduler_config.json", "unet/config.json", Weights];

    private readonly TemporaryFolder _folder = new();
    private readonly HubServer _server = new();

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        _folder.Dispose();
    }

    private HubOptions Options => _server.Options(_folder.Path);

    private string Model => Path.Combine(_folder.Path, "models--acme--tiny");

    private Task<string> ResolveAsync(HubOptions? options = null, string id = HubServer.Repository) => HubModels.ResolveAsync(id, options ?? Options, cancellationToken: TestContext.Current.CancellationToken);

    private Task<HubException> FailsAsync(HubOptions? options = null, string id = HubServer.Repository) => Assert.ThrowsAsync<HubException>(() => ResolveAsync(options, id));

    private void IsWhole(string folder, params string[] names)
    {
        Assert.Equal(names, Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).Select(path => Path.GetRelativePath(folder, path).Replace('\\', '/')).Order(StringComparer.Ordinal));
        Assert.All(names, name => Assert.Equal(_server.Files[name], File.ReadAllBytes(Path.Combine(folder, name))));
    }

    [Fact]
    public async Task Model_IsFetched_IntoTheLayoutOfPythonsLibrary()
    {
        var folder = await ResolveAsync();
        Assert.Equal(Path.Combine(Model, "snapshots", HubServer.Commit), folder);
        IsWhole(folder, Needed);
        Assert.Equal(HubServer.Commit, await File.ReadAllTextAsync(Path.Combine(Model, "refs", "main"), TestContext.Current.CancellationToken));
        Assert.Equal($"../../../blobs/{HubServer.Hash(_server.Files[Weights])}", new FileInfo(Path.Combine(folder, Weights)).LinkTarget);
        Assert.Equal($"../../blobs/{HubServer.Hash(_server.Files["model_index.json"])}", new FileInfo(Path.Combine(folder, "model_index.json")).LinkTarget);
        Assert.Equal(Needed.Length, Directory.GetFiles(Path.Combine(Model, "blobs")).Length);
        Assert.StartsWith("Signature: 8a477f597d28d172789f06886806bc55", await File.ReadAllTextAsync(_folder.File("CACHEDIR.TAG"), TestContext.Current.CancellationToken), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Model_ThatIsInTheCache_IsFoundWithoutTheHub()
    {
        var folder = await ResolveAsync();
        var asked = _server.Hub.Requests.Count;
        Assert.Equal(folder, await ResolveAsync(Options with { AllowDownload = false }));
        Assert.Equal(folder, await ResolveAsync(Options with { Revision = HubServer.Commit }));
        Assert.Equal(folder, await ResolveAsync(Options with { Settings = Options.Settings! with { IsOffline = true } }));
        Assert.Equal(asked, _server.Hub.Requests.Count);
    }

    [Fact]
    public async Task Model_WithoutPermission_IsNotFetched_AndTheMessageSaysHow()
    {
        Assert.Contains("--download", (await FailsAsync(Options with { AllowDownload = false })).Message, StringComparison.Ordinal);
        Assert.Contains("HF_HUB_OFFLINE", (await FailsAsync(Options with { Settings = Options.Settings! with { IsOffline = true } })).Message, StringComparison.Ordinal);
        Assert.Empty(_server.Hub.Requests);
        Assert.Empty(Directory.EnumerateFileSystemEntries(_folder.Path));
    }

    [Fact]
    public async Task PartOfAModel_InTheCache_IsCompleted()
    {
        var folder = await ResolveAsync();
        File.Delete(Path.Combine(folder, Weights));
        File.Delete(Path.Combine(Model, "blobs", HubServer.Hash(_server.Files[Weights])));
        Assert.Contains("unet/ has no whole weights", (await FailsAsync(Options with { AllowDownload = false })).Message, StringComparison.Ordinal);
        IsWhole(await ResolveAsync(), Needed);
        Assert.Equal([Weights, Weights], _server.Fetched);
    }

    [Fact]
    public async Task LinkToNothing_IsNoFile()
    {
        var folder = await ResolveAsync();
        File.Delete(Path.Combine(Model, "blobs", HubServer.Hash(_server.Files[Weights])));
        await FailsAsync(Options with { AllowDownload = false });
        IsWhole(await ResolveAsync(), Needed);
    }

    [Fact]
    public async Task Variant_IsFetchedBesideWhatIsThere()
    {
        await ResolveAsync();
        IsWhole(await ResolveAsync(Options with { Variant = "fp16" }), [.. Needed[..3], "unet/diffusion_pytorch_model.fp16.safetensors", Weights]);
        Assert.Equal([Weights, "unet/diffusion_pytorch_model.fp16.safetensors"], _server.Fetched);
        Assert.Contains("fp16", (await FailsAsync(Options with { Variant = "int3" })).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task OneFile_IsFetchedAlone()
    {
        var path = await ResolveAsync(id: "acme/tiny/unet/diffusion_pytorch_model.bin");
        Assert.Equal(_server.Files["unet/diffusion_pytorch_model.bin"], await File.ReadAllBytesAsync(path, TestContext.Current.CancellationToken));
        Assert.Equal(path, await ResolveAsync(Options with { AllowDownload = false }, "acme/tiny/unet/diffusion_pytorch_model.bin"));
        Assert.Contains("nothing.bin", (await FailsAsync(id: "acme/tiny/nothing.bin")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task SameContentUnderTwoNames_IsFetchedOnce()
    {
        _server.Files["scheduler/copy.json"] = _server.Files["unet/config.json"];
        IsWhole(await ResolveAsync(), [.. ((string[])[.. Needed, "scheduler/copy.json"]).Order(StringComparer.Ordinal)]);
        Assert.Single(_server.Hub.Requests, request => request.Path.Contains("resolve-cache/", StringComparison.Ordinal) && (request.Path.EndsWith("copy.json", StringComparison.Ordinal) || request.Path.EndsWith("unet/config.json", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task CutConnection_IsResumed_EvenByALaterRun()
    {
        _server.StoreFault = request => request.From >= 60_000 ? new("503 Busy", []) : LoopbackAnswer.Range(_server.Files[Weights], request.From).Cut(30_000);
        Assert.Contains("kept", (await FailsAsync()).Message, StringComparison.Ordinal);
        Assert.Equal(60_000, new FileInfo(Path.Combine(Model, "blobs", $"{HubServer.Hash(_server.Files[Weights])}.incomplete")).Length);
        Assert.False(Directory.Exists(Path.Combine(Model, "refs")));
        _server.StoreFault = _ => null;
        IsWhole(await ResolveAsync(), Needed);
        Assert.Equal($"{Weights} from 60000", _server.Fetched.Last());
        Assert.Equal(Needed.Length, Directory.GetFiles(Path.Combine(Model, "blobs")).Length);
    }

    [Fact]
    public async Task WrongContent_IsRefused_AndNothingStaysOfIt()
    {
        _server.StoreFault = _ => new("200 OK", new byte[_server.Files[Weights].Length]);
        Assert.Contains("checksum", (await FailsAsync()).Message, StringComparison.Ordinal);
        Assert.False(File.Exists(Path.Combine(Model, "snapshots", HubServer.Commit, Weights)));
        Assert.DoesNotContain(Directory.GetFiles(Path.Combine(Model, "blobs")), path => path.Contains(HubServer.Hash(_server.Files[Weights]), StringComparison.Ordinal));
    }

    [Fact]
    public async Task WrongSmallFile_IsRefused()
    {
        _server.Fault = request => request.Path.EndsWith("resolve-cache/unet/config.json", StringComparison.Ordinal) ? new("200 OK", new byte[_server.Files["unet/config.json"].Length]) : null;
        Assert.Contains("unet/config.json", (await FailsAsync()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task BusyHub_IsAskedAgain()
    {
        var refusals = new Queue<string>(["429 Too Many", "503 Busy", "500 Oops"]);
        _server.Fault = _ => refusals.TryDequeue(out var refusal) ? new(refusal, []) : null;
        IsWhole(await ResolveAsync(), Needed);
        _server.Fault = _ => new("503 Busy", []);
        Assert.Contains("503", (await FailsAsync(Options with { Revision = "v2" })).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Token_GoesToTheHub_AndToNobodyElse()
    {
        await ResolveAsync(_server.Options(_folder.Path, token: "hf_secret"));
        Assert.All(_server.Hub.Requests, request => Assert.Equal("Bearer hf_secret", request.Authorization));
        Assert.NotEmpty(_server.Store.Requests);
        Assert.All(_server.Store.Requests, request => Assert.Null(request.Authorization));
    }

    [Fact]
    public async Task GatedModel_SaysWhereToAcceptItsTerms()
    {
        _server.Fault = request => request.Path.Contains("/resolve/", StringComparison.Ordinal) ? new("401 Unauthorized", [], "X-Error-Code: GatedRepo", "X-Error-Message: Access to model acme/tiny is restricted.") : null;
        var error = await FailsAsync();
        Assert.Contains($"{_server.Hub.Address}acme/tiny", error.Message, StringComparison.Ordinal);
        Assert.Contains("HF_TOKEN", error.Message, StringComparison.Ordinal);
        _server.Fault = request => request.Path.Contains("/resolve/", StringComparison.Ordinal) ? new("403 Forbidden", [], "X-Error-Code: GatedRepo") : null;
        error = await FailsAsync(_server.Options(_folder.Path, token: "hf_secret"));
        Assert.Contains("the account behind the token of HF_TOKEN", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("hf_secret", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Refusals_SayWhatWasRefused()
    {
        Assert.Contains("has no model acme/other", (await FailsAsync(id: "acme/other")).Message, StringComparison.Ordinal);
        Assert.Contains("no revision 'v9'", (await FailsAsync(id: "acme/tiny@v9")).Message, StringComparison.Ordinal);
        _server.Fault = _ => new("401 Unauthorized", [], "X-Error-Message: Invalid credentials in Authorization header");
        Assert.Contains("does not accept the token of HF_TOKEN", (await FailsAsync(_server.Options(_folder.Path, token: "hf_old"))).Message, StringComparison.Ordinal);
        _server.Fault = _ => new("403 Forbidden", [], "X-Error-Message: not for you\u0007");
        Assert.Contains("not for you", (await FailsAsync()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task HostThatIsNotThere_IsNamed()
    {
        var address = _server.Hub.Address;
        await _server.DisposeAsync();
        Assert.Contains(address.Host, (await FailsAsync()).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("null")]
    [InlineData("{}")]
    [InlineData("""{ "sha": "../../x" }""")]
    [InlineData("<html>Please log in</html>")]
    public async Task AnswerThatIsNoHubs_IsRefused(string answer)
    {
        _server.Fault = _ => new("200 OK", HubServer.Text(answer));
        Assert.Contains("not that of a hub", (await FailsAsync()).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""[{ "type": "file", "path": "config.json", "size": 3, "oid": "../../../../evil" }]""")]
    [InlineData("""[{ "type": "file", "path": "config.json", "size": -3, "oid": "0123456789abcdef0123456789abcdef01234567" }]""")]
    [InlineData("""[{ "type": "file", "path": "config.json", "size": 3, "oid": "0123456789abcdef0123456789abcdef01234567", "lfs": { "oid": "abc", "size": 3 } }]""")]
    [InlineData("""[{ "type": "file", "size": 3 }]""")]
    public async Task ListOfFiles_ThatIsDamaged_IsRefused(string list)
    {
        _server.Fault = request => request.Path.Contains("/tree/", StringComparison.Ordinal) ? new("200 OK", HubServer.Text(list)) : null;
        Assert.Contains("not that of a hub", (await FailsAsync()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task FilesWithNamesThatLeaveTheFolder_AreNotWritten()
    {
        foreach (var name in (string[])["unet/../../../evil.json", "/etc/evil.json", "unet/..\\evil.json", "unet/C:evil.json"]) _server.Files[name] = HubServer.Text("{}");
        IsWhole(await ResolveAsync(), Needed);
    }

    [Fact]
    public async Task WithoutLinks_TheSnapshotHoldsTheContents()
    {
        _server.Files["scheduler/copy.json"] = _server.Files["unet/config.json"];
        var options = Options with { Settings = Options.Settings! with { UsesLinks = false } };
        var folder = await ResolveAsync(options);
        IsWhole(folder, [.. ((string[])[.. Needed, "scheduler/copy.json"]).Order(StringComparer.Ordinal)]);
        Assert.All(Directory.GetFiles(folder, "*", SearchOption.AllDirectories), path => Assert.Null(new FileInfo(path).LinkTarget));
        Assert.Empty(Directory.GetFiles(Path.Combine(Model, "blobs")));
        Assert.Equal(folder, await ResolveAsync(options with { AllowDownload = false }));
    }

    [Fact]
    public async Task RedirectsWithoutEnd_AreGivenUp()
    {
        _server.Fault = request => new("302 Found", [], $"Location: {request.Path}");
        Assert.Contains("redirects", (await FailsAsync()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task RedirectToAnotherScheme_IsNotFollowed()
    {
        _server.Fault = _ => new("302 Found", [], "Location: file:///etc/passwd");
        Assert.Contains("not as safe", (await FailsAsync()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Progress_GrowsToTheWhole_AndKnowsWhatWasThere()
    {
        var reports = new List<HubProgress>();
        _server.StoreFault = request => request.From >= 60_000 ? new("503 Busy", []) : LoopbackAnswer.Range(_server.Files[Weights], request.From).Cut(30_000);
        await FailsAsync();
        _server.StoreFault = _ => null;
        await HubModels.ResolveAsync(HubServer.Repository, Options, new Listener(reports), TestContext.Current.CancellationToken);
        var total = Needed.Sum(name => (long)_server.Files[name].Length);
        Assert.All(reports, report => Assert.Equal((total, Needed.Length), (report.TotalBytes, report.TotalFiles)));
        Assert.All(reports, report => Assert.InRange(report.AtStart, 60_000, total));
        Assert.Equal((total, Needed.Length), (reports[^1].Bytes, reports[^1].Files));
        Assert.Equal(reports.Select(report => report.Bytes).Order(), reports.Select(report => report.Bytes));
    }

    [Fact]
    public async Task Plan_ListsFilesAndLengths_AndWritesNothing()
    {
        var plan = await HubModels.PlanAsync(new HubId(HubServer.Repository), Options, TestContext.Current.CancellationToken);
        Assert.Equal(Needed.Select(name => new HubPlanFile(name, _server.Files[name].Length, IsHere: false)), plan.Files);
        Assert.Empty(Directory.EnumerateFileSystemEntries(_folder.Path));
        await ResolveAsync();
        Assert.Equal(0, (await HubModels.PlanAsync(new HubId(HubServer.Repository), Options, TestContext.Current.CancellationToken)).BytesToFetch);
    }

    [Fact]
    public async Task Content_ThatAnotherProgramIsFetching_IsWaitedFor()
    {
        var hash = HubServer.Hash(_server.Files[Weights]);
        var folder = Directory.CreateDirectory(_folder.File(".locks/models--acme--tiny")).FullName;
        var held = new FileStream(Path.Combine(folder, $"{hash}.lock"), FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None);
        var options = Options with { Retries = Options.Retries with { Wait = async (_, _) => await held.DisposeAsync() } };
        IsWhole(await ResolveAsync(options), Needed);
    }

    [Fact]
    public async Task Path_OnThisMachine_IsTakenAsItIs()
    {
        Assert.Equal(_folder.Path, await ResolveAsync(id: _folder.Path));
        Assert.Equal("nothing.safetensors", await ResolveAsync(id: "nothing.safetensors"));
        await Assert.ThrowsAsync<ArgumentException>(() => ResolveAsync(Options with { Revision = "v1" }, _folder.Path));
        Assert.Empty(_server.Hub.Requests);
    }

    [Fact]
    public async Task Cancellation_StopsTheDownload()
    {
        using var stop = new CancellationTokenSource();
        _server.StoreFault = _ =>
        {
            stop.Cancel();
            return null;
        };
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => HubModels.ResolveAsync(HubServer.Repository, Options, cancellationToken: stop.Token));
    }

    private sealed class Listener(List<HubProgress> reports) : IProgress<HubProgress>
    {
        public void Report(HubProgress value) => reports.Add(value);
    }
}

using System.Security.Cryptography;
using Imago.Data;

namespace Imago.Tests;

/// <summary>Against a host in this process that answers as each test says.</summary>
public sealed class DownloaderTests : IAsyncDisposable
{
    private static readonly byte[] Content = [.. Enumerable.Range(0, 300_000).Select(i => (byte)(i * 7 % 253))];

    private readonly TemporaryFolder _folder = new();
    private readonly LoopbackHost _host = new(Answer);
    private readonly Downloader _downloader = new(silence: TimeSpan.FromSeconds(20), pause: TimeSpan.Zero);

    public async ValueTask DisposeAsync()
    {
        await _host.DisposeAsync();
        _folder.Dispose();
    }

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private PublishedFile Published(params string[] paths) => new("file.bin", [.. paths.Select(path => new Uri(_host.Address, path))], $"sha256:{Convert.ToHexString(SHA256.HashData(Content))}", Content.Length);

    private IEnumerable<string> Asked() => _host.Requests.Select(request => $"{request.Path} {request.From}");

    [Fact]
    public async Task WholeFile_IsWritten_AndNotFetchedAgain()
    {
        var path = await _downloader.FetchAsync(Published("good"), _folder.Path, cancellationToken: Token);
        Assert.Equal(Content, await File.ReadAllBytesAsync(path, Token));
        Assert.Equal(path, await _downloader.FetchAsync(Published("good"), _folder.Path, cancellationToken: Token));
        Assert.Equal(["/good 0"], Asked());
        Assert.Equal([path], Directory.GetFiles(_folder.Path));
    }

    [Fact]
    public async Task CutConnection_IsResumedWhereItWasCut()
    {
        var path = await _downloader.FetchAsync(Published("cut"), _folder.Path, cancellationToken: Token);
        Assert.Equal(Content, await File.ReadAllBytesAsync(path, Token));
        Assert.Equal(["/cut 0", "/cut 100000", "/cut 200000"], Asked());
    }

    [Fact]
    public async Task PartOfAnEarlierRun_IsCompleted()
    {
        await File.WriteAllBytesAsync(_folder.File("file.bin.part"), Content[..123_456], Token);
        var path = await _downloader.FetchAsync(Published("good"), _folder.Path, cancellationToken: Token);
        Assert.Equal(Content, await File.ReadAllBytesAsync(path, Token));
        Assert.Equal(["/good 123456"], Asked());
    }

    [Fact]
    public async Task DamagedPartOfAnEarlierRun_IsFetchedOnceMoreFromNothing()
    {
        await File.WriteAllBytesAsync(_folder.File("file.bin.part"), new byte[1000], Token);
        Assert.Equal(Content, await File.ReadAllBytesAsync(await _downloader.FetchAsync(Published("good"), _folder.Path, cancellationToken: Token), Token));
        Assert.Equal(["/good 1000", "/good 0"], Asked());
    }

    [Fact]
    public async Task BusyHost_IsAskedAgainAfterGrowingPauses_OrTheOneItAsksFor()
    {
        var (pauses, answers) = (new List<double>(), new Queue<LoopbackAnswer>([new("503 Busy", []), new("429 Slow", [], "Retry-After: 7"), new("500 Oops", [])]));
        await using var host = new LoopbackHost(request => answers.TryDequeue(out var refusal) ? refusal : LoopbackAnswer.Range(Content, request.From));
        using var http = new HttpClient();
        var downloader = new Downloader(http, new Retries { Wait = (pause, _) => Task.Run(() => pauses.Add(pause.TotalSeconds), Token) });
        await downloader.FetchAsync(Published() with { Hosts = [host.Address] }, _folder.Path, cancellationToken: Token);
        Assert.Equal([1, 7, 4], pauses);
    }

    [Fact]
    public async Task HostThatStaysBusy_IsGivenUp_AfterFiveTimes()
    {
        await using var host = new LoopbackHost(_ => new("503 Busy", []));
        var error = await Assert.ThrowsAsync<DataException>(() => _downloader.FetchAsync(Published() with { Hosts = [host.Address] }, _folder.Path, cancellationToken: Token));
        Assert.Contains("failed 5 times, at last with: the host answered 503", error.Message, StringComparison.Ordinal);
        Assert.Equal(5, host.Requests.Count);
    }

    [Fact]
    public async Task HostThatCutsOften_IsNotGivenUp_WhileMoreComes()
    {
        await using var host = new LoopbackHost(request => LoopbackAnswer.Range(Content, request.From).Cut(25_000));
        var path = await _downloader.FetchAsync(Published() with { Hosts = [host.Address] }, _folder.Path, cancellationToken: Token);
        Assert.Equal(Content, await File.ReadAllBytesAsync(path, Token));
        Assert.Equal(12, host.Requests.Count);
    }

    [Fact]
    public async Task HostWithoutRanges_SendsTheWholeAgain()
    {
        await File.WriteAllBytesAsync(_folder.File("file.bin.part"), Content[..1000], Token);
        Assert.Equal(Content, await File.ReadAllBytesAsync(await _downloader.FetchAsync(Published("no-ranges"), _folder.Path, cancellationToken: Token), Token));
    }

    [Fact]
    public async Task WrongContent_IsThrownAway_AndTheNextHostAsked()
    {
        var path = await _downloader.FetchAsync(Published("wrong", "good"), _folder.Path, cancellationToken: Token);
        Assert.Equal(Content, await File.ReadAllBytesAsync(path, Token));
        Assert.Equal(["/wrong 0", "/good 0"], Asked());
    }

    [Fact]
    public async Task NoHostWithTheFile_IsOneErrorThatTellsWhatEachDid()
    {
        var error = await Assert.ThrowsAsync<DataException>(() => _downloader.FetchAsync(Published("missing", "wrong", "long"), _folder.Path, cancellationToken: Token));
        Assert.Contains("404", error.Message, StringComparison.Ordinal);
        Assert.Contains("checksum", error.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFiles(_folder.Path));
    }

    [Fact]
    public async Task Progress_GrowsToTheWhole()
    {
        var reports = new List<DownloadProgress>();
        await _downloader.FetchAsync(Published("good"), _folder.Path, new Listener(reports), Token);
        Assert.Equal(Content.Length, reports[^1].Bytes);
        Assert.All(reports, report => Assert.Equal(Content.Length, report.Total));
        Assert.Equal(reports.Select(report => report.Bytes).Order(), reports.Select(report => report.Bytes));
    }

    private sealed class Listener(List<DownloadProgress> reports) : IProgress<DownloadProgress>
    {
        public void Report(DownloadProgress value) => reports.Add(value);
    }

    private static LoopbackAnswer Answer(LoopbackRequest request) => request.Path switch
    {
        "/missing" => new("404 Not Found", []),
        "/wrong" => new("200 OK", new byte[Content.Length]),
        "/long" => new("200 OK", new byte[Content.Length + 100_000]) { Length = -1 },
        "/no-ranges" => new("200 OK", Content),
        "/cut" => LoopbackAnswer.Range(Content, request.From).Cut(100_000),
        _ => LoopbackAnswer.Range(Content, request.From),
    };
}

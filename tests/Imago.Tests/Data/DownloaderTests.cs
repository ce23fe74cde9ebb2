using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using Imago.Data;

namespace Imago.Tests;

/// <summary>Against a host in this process that answers as each test says.</summary>
public sealed class DownloaderTests : IAsyncDisposable
{
    private static readonly byte[] Content = [.. Enumerable.Range(0, 300_000).Select(i => (byte)(i * 7 % 253))];

    private readonly TemporaryFolder _folder = new();
    private readonly Host _host = new();
    private readonly Downloader _downloader = new(silence: TimeSpan.FromSeconds(20), pause: TimeSpan.Zero);

    public async ValueTask DisposeAsync()
    {
        await _host.DisposeAsync();
        _folder.Dispose();
    }

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private PublishedFile Published(params string[] paths) => new("file.bin", [.. paths.Select(path => new Uri(_host.Address, path))], $"sha256:{Convert.ToHexString(SHA256.HashData(Content))}", Content.Length);

    [Fact]
    public async Task WholeFile_IsWritten_AndNotFetchedAgain()
    {
        var path = await _downloader.FetchAsync(Published("good"), _folder.Path, cancellationToken: Token);
        Assert.Equal(Content, await File.ReadAllBytesAsync(path, Token));
        Assert.Equal(path, await _downloader.FetchAsync(Published("good"), _folder.Path, cancellationToken: Token));
        Assert.Equal(["good 0"], _host.Requests);
        Assert.Equal([path], Directory.GetFiles(_folder.Path));
    }

    [Fact]
    public async Task CutConnection_IsResumedWhereItWasCut()
    {
        var path = await _downloader.FetchAsync(Published("cut"), _folder.Path, cancellationToken: Token);
        Assert.Equal(Content, await File.ReadAllBytesAsync(path, Token));
        Assert.Equal(["cut 0", "cut 100000", "cut 200000"], _host.Requests);
    }

    [Fact]
    public async Task PartOfAnEarlierRun_IsCompleted()
    {
        await File.WriteAllBytesAsync(_folder.File("file.bin.part"), Content[..123_456], Token);
        var path = await _downloader.FetchAsync(Published("good"), _folder.Path, cancellationToken: Token);
        Assert.Equal(Content, await File.ReadAllBytesAsync(path, Token));
        Assert.Equal(["good 123456"], _host.Requests);
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
        Assert.Equal(["wrong 0", "good 0"], _host.Requests);
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

    /// <summary>Just enough of HTTP/1.1 over a socket: HttpListener cannot cut a connection in the middle of an answer.</summary>
    private sealed class Host : IAsyncDisposable
    {
        private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
        private readonly Task _serving;

        internal Host()
        {
            _listener.Start();
            Address = new Uri($"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}/");
            _serving = ServeAsync();
        }

        internal Uri Address { get; }

        /// <summary>What was asked for: the path and the first byte.</summary>
        internal List<string> Requests { get; } = [];

        public async ValueTask DisposeAsync()
        {
            _listener.Stop();
            await _serving;
        }

        private async Task ServeAsync()
        {
            while (true)
            {
                try
                {
                    using var client = await _listener.AcceptTcpClientAsync(CancellationToken.None);
                    await using var stream = client.GetStream();
                    using var reader = new StreamReader(stream, Encoding.ASCII, leaveOpen: true);
                    var path = (await reader.ReadLineAsync(CancellationToken.None))!.Split(' ')[1].TrimStart('/');
                    var from = 0;
                    while (await reader.ReadLineAsync(CancellationToken.None) is { Length: > 0 } header)
                    {
                        if (header.StartsWith("Range: bytes=", StringComparison.OrdinalIgnoreCase)) from = int.Parse(header[13..].TrimEnd('-'), System.Globalization.CultureInfo.InvariantCulture);
                    }
                    Requests.Add($"{path} {from}");
                    var (head, body) = Answer(path, from);
                    await stream.WriteAsync(Encoding.ASCII.GetBytes($"HTTP/1.1 {head}\r\nConnection: close\r\n\r\n"), CancellationToken.None);
                    await stream.WriteAsync(body, CancellationToken.None);
                }
                catch (Exception e) when (e is SocketException or ObjectDisposedException or InvalidOperationException)
                {
                    return;                                             // the listener was stopped
                }
                catch (IOException)
                {
                    continue;                                           // the client left first
                }
            }
        }

        private static (string Head, byte[] Body) Answer(string path, int from) => path switch
        {
            "missing" => ("404 Not Found\r\nContent-Length: 0", []),
            "wrong" => ($"200 OK\r\nContent-Length: {Content.Length}", new byte[Content.Length]),
            "long" => ("200 OK", new byte[Content.Length + 100_000]),
            "no-ranges" => ($"200 OK\r\nContent-Length: {Content.Length}", Content),
            _ => ($"{(from > 0 ? $"206 Partial Content\r\nContent-Range: bytes {from}-{Content.Length - 1}/{Content.Length}" : "200 OK")}\r\nContent-Length: {Content.Length - from}",
                Content[from..(path == "cut" ? Math.Min(Content.Length, from + 100_000) : Content.Length)]),
        };
    }
}

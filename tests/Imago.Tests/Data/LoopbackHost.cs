using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Imago.Tests;

/// <summary>A question to a <see cref="LoopbackHost"/>.</summary>
/// <param name="Method">GET or HEAD.</param>
/// <param name="Path">The path and query.</param>
/// <param name="From">The first byte that is wanted.</param>
/// <param name="Authorization">The header, or nothing.</param>
internal sealed record LoopbackRequest(string Method, string Path, int From, string? Authorization);

/// <summary>Its answer.</summary>
/// <param name="Status">The code and its words.</param>
/// <param name="Body">What is sent.</param>
/// <param name="Headers">Lines of the head.</param>
internal sealed record LoopbackAnswer(string Status, byte[] Body, params string[] Headers)
{
    /// <summary>The length that the head declares; -1 for none.</summary>
    internal int Length { get; init; } = Body.Length;

    /// <summary>Bytes from a place on, as a host with ranges sends them.</summary>
    internal static LoopbackAnswer Range(byte[] whole, int from, params string[] headers) => from == 0
        ? new("200 OK", whole, headers)
        : new("206 Partial Content", whole[from..], [$"Content-Range: bytes {from}-{whole.Length - 1}/{whole.Length}", .. headers]);

    /// <summary>The same, cut after so many bytes.</summary>
    internal LoopbackAnswer Cut(int bytes) => this with { Body = Body[..Math.Min(bytes, Body.Length)], Length = Length };
}

/// <summary>Just enough of HTTP/1.1 over a socket of this machine: HttpListener cannot cut a connection in the middle of an answer.</summary>
internal sealed class LoopbackHost : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly Func<LoopbackRequest, LoopbackAnswer> _answer;
    private readonly ConcurrentQueue<LoopbackRequest> _requests = [];
    private readonly ConcurrentBag<Task> _clients = [];
    private readonly Task _serving;

    internal LoopbackHost(Func<LoopbackRequest, LoopbackAnswer> answer)
    {
        _answer = answer;
        _listener.Start();
        Address = new Uri($"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}/");
        _serving = ServeAsync();
    }

    internal Uri Address { get; }

    /// <summary>What was asked for, in order.</summary>
    internal IReadOnlyList<LoopbackRequest> Requests => [.. _requests];

    public async ValueTask DisposeAsync()
    {
        _listener.Stop();
        await _serving;
        await Task.WhenAll(_clients);
    }

    private async Task ServeAsync()
    {
        try
        {
            while (true) _clients.Add(ServeAsync(await _listener.AcceptTcpClientAsync(CancellationToken.None)));
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException or InvalidOperationException)
        {
            return;                                                     // the listener was stopped
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        try
        {
            using var _ = client;
            await using var stream = client.GetStream();
            using var reader = new StreamReader(stream, Encoding.ASCII, leaveOpen: true);
            if (await reader.ReadLineAsync(CancellationToken.None) is not { } first) return;
            var (from, authorization) = (0, default(string));
            while (await reader.ReadLineAsync(CancellationToken.None) is { Length: > 0 } header)
            {
                if (header.StartsWith("Range: bytes=", StringComparison.OrdinalIgnoreCase)) from = int.Parse(header[13..].TrimEnd('-'), CultureInfo.InvariantCulture);
                if (header.StartsWith("Authorization: ", StringComparison.OrdinalIgnoreCase)) authorization = header[15..];
            }
            var request = new LoopbackRequest(first.Split(' ')[0], first.Split(' ')[1], from, authorization);
            _requests.Enqueue(request);
            var answer = _answer(request);
            var length = answer.Length < 0 ? "" : $"Content-Length: {answer.Length}\r\n";
            var head = $"HTTP/1.1 {answer.Status}\r\n{length}{string.Concat(answer.Headers.Select(line => $"{line}\r\n"))}Connection: close\r\n\r\n";
            await stream.WriteAsync(Encoding.UTF8.GetBytes(head), CancellationToken.None);
            if (request.Method != "HEAD") await stream.WriteAsync(answer.Body, CancellationToken.None);
        }
        catch (IOException)
        {
            return;                                                     // the client left first
        }
    }
}

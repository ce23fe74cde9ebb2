using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Imago.Data;

/// <summary>Checksums as they are published: <c>md5:</c>, <c>sha256:</c>, or <c>git:</c> (the SHA-1 that git names a file's content by), and the hexadecimal digest.</summary>
internal static class FileChecksum
{
    /// <summary>Whether a file has a checksum.</summary>
    internal static async Task<bool> MatchesAsync(string path, string checksum, CancellationToken cancellation)
    {
        var (kind, digest) = checksum.Split(':', 2) is [var k, var d] ? (k, d) : ("", checksum);
        var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 20, useAsync: true);
        await using var _ = stream.ConfigureAwait(false);
        var actual = kind switch
        {
            "sha256" => await SHA256.HashDataAsync(stream, cancellation).ConfigureAwait(false),
#pragma warning disable CA5351 // MD5 is what the sets' authors publish; it guards against damage here, not against forgery.
            "md5" => await MD5.HashDataAsync(stream, cancellation).ConfigureAwait(false),
#pragma warning restore CA5351
            "git" => await GitAsync(stream, cancellation).ConfigureAwait(false),
            _ => throw new ArgumentException($"checksum '{checksum}' must begin with md5:, sha256: or git:.", nameof(checksum)),
        };
        return Convert.ToHexString(actual).Equals(digest, StringComparison.OrdinalIgnoreCase);
    }

    /// <summary>SHA-1 of <c>blob LENGTH\0</c> and the content.</summary>
    private static async Task<byte[]> GitAsync(Stream stream, CancellationToken cancellation)
    {
#pragma warning disable CA5350 // The hash that git has.
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA1);
#pragma warning restore CA5350
        hash.AppendData(Encoding.ASCII.GetBytes($"blob {stream.Length.ToString(CultureInfo.InvariantCulture)}\0"));
        var buffer = new byte[128 * 1024];
        while (await stream.ReadAsync(buffer, cancellation).ConfigureAwait(false) is > 0 and var read) hash.AppendData(buffer, 0, read);
        return hash.GetHashAndReset();
    }
}

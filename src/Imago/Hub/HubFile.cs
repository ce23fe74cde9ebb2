using System.Text.RegularExpressions;

namespace Imago.Hub;

/// <summary>A file of a repository, as its server lists it.</summary>
/// <param name="Path">Its path there, with <c>/</c>; safe to be a path here too.</param>
/// <param name="Bytes">Its length.</param>
/// <param name="Blob">What its content is called in the cache: the SHA-256 of a large file, else git's SHA-1 of it.</param>
internal sealed partial record HubFile(string Path, long Bytes, string Blob)
{
    private const int LongestPath = 1024, LongestSegment = 255;

    /// <summary>What the content must have.</summary>
    internal string Checksum => (Blob.Length == 64 ? "sha256:" : "git:") + Blob;

    /// <summary>Whether a path from outside stays in its folder and can be written on every system.</summary>
    internal static bool IsSafe(string path) =>
        path.Length <= LongestPath && path.Split('/').All(segment => segment.Length <= LongestSegment && SegmentPattern().IsMatch(segment) && !segment.EndsWith('.') && !segment.EndsWith(' ') && !DevicePattern().IsMatch(segment));

    /// <summary>Whether a text is a hash of that many hexadecimal digits.</summary>
    internal static bool IsHash(string? text, int digits) => text?.Length == digits && text.All(char.IsAsciiHexDigitLower);

    [GeneratedRegex("""^[^\p{C}\\:*?"<>|/]+\z""")]
    private static partial Regex SegmentPattern();

    [GeneratedRegex(@"^(con|prn|aux|nul|com\d|lpt\d)(\.|\z)", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex DevicePattern();
}

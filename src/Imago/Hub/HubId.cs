using System.Diagnostics.CodeAnalysis;
using System.Text.RegularExpressions;

namespace Imago.Hub;

/// <summary>Which model of a hub is meant.</summary>
/// <param name="Repository">The repository: <c>owner/name</c>.</param>
/// <param name="Revision">A branch, a tag, <c>refs/pr/N</c> or a commit.</param>
/// <param name="File">One file of it, by its path there; <see langword="null"/> for the model as a whole.</param>
public sealed partial record HubId(string Repository, string Revision = HubId.DefaultRevision, string? File = null)
{
    internal const string DefaultRevision = "main";

    private const int LongestName = 96, LongestRevision = 250;

    private static readonly string[] Hosts = ["huggingface.co", "hf.co"];

    /// <summary>The id as people write it.</summary>
    public override string ToString() => (File is null ? Repository : $"{Repository}/{File}") + (Revision == DefaultRevision ? "" : $" at {Revision}");

    /// <summary>
    /// Reads <c>owner/name</c>, <c>owner/name@revision</c>, <c>owner/name/path/of/a/file</c>, any of them after <c>hf://</c>, or the address of a model's or file's page.
    /// </summary>
    /// <param name="text">What a user wrote.</param>
    /// <param name="revision">The revision, if it is given apart.</param>
    /// <param name="id">The id.</param>
    /// <returns>Whether the text has the form of an id; a path on this machine can have it too.</returns>
    /// <exception cref="ArgumentException">It is an id with a revision that cannot be one, or with two of them.</exception>
    public static bool TryParse(string text, string? revision, [NotNullWhen(true)] out HubId? id)
    {
        ArgumentNullException.ThrowIfNull(text);
        id = null;
        var isPage = Uri.TryCreate(text, UriKind.Absolute, out var page) && page.Scheme is "https" or "http";
        if (isPage && !Hosts.Contains(page!.Host)) return false;
        var plain = isPage ? Uri.UnescapeDataString(page!.AbsolutePath).Trim('/') : text.StartsWith("hf://", StringComparison.Ordinal) ? text[5..] : text;
        var (path, own) = plain.Split('@', 2) is [var before, var after] ? (before, after) : (plain, null);
        var parts = path.Split('/');
        if (parts.Length < 2 || !IsName(parts[0]) || !IsName(parts[1])) return false;
        var inside = parts[2..];
        if (isPage && inside is ["tree" or "blob" or "resolve", var branch, .. var rest]) (own, inside) = (branch, rest);
        var file = inside.Length == 0 ? null : string.Join('/', inside);
        if (file is not null && !HubFile.IsSafe(file)) return false;
        if (own is not null && revision is not null && own != revision) throw new ArgumentException($"'{text}' names the revision {own}, and --revision names {revision}; one of them is enough.");
        id = new HubId($"{parts[0]}/{parts[1]}", Checked(own ?? revision ?? DefaultRevision), file);
        return true;
    }

    /// <summary>Whether a revision is a whole commit, which never changes.</summary>
    internal static bool IsCommit(string revision) => CommitPattern().IsMatch(revision);

    private static bool IsName(string text) =>
        text.Length <= LongestName && NamePattern().IsMatch(text) && !text.Contains("--", StringComparison.Ordinal) && !text.Contains("..", StringComparison.Ordinal) && !text.EndsWith(".git", StringComparison.Ordinal);

    private static string Checked(string revision) =>
        revision.Length <= LongestRevision && RevisionPattern().IsMatch(revision) && HubFile.IsSafe(revision)
            ? revision
            : throw new ArgumentException($"'{revision}' cannot be a revision; it must be a branch, a tag, refs/pr/N or a commit.");

    [GeneratedRegex(@"^[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?\z")]
    private static partial Regex NamePattern();

    [GeneratedRegex(@"^[A-Za-z0-9_][A-Za-z0-9_.+/-]*\z")]
    private static partial Regex RevisionPattern();

    [GeneratedRegex(@"^[0-9a-f]{40}\z")]
    private static partial Regex CommitPattern();
}

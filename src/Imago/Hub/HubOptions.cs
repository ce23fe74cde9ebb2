using Imago.Data;

namespace Imago.Hub;

/// <summary>What of a model is wanted, and what may be done to have it.</summary>
public sealed record HubOptions
{
    /// <summary>A branch, a tag, <c>refs/pr/N</c> or a commit; <see langword="null"/> for the id's own, or <c>main</c>.</summary>
    public string? Revision { get; init; }

    /// <summary>Whether files that are missing may be fetched.</summary>
    public bool AllowDownload { get; init; }

    /// <summary>
    /// Which of several files of the same weights is wanted, such as <c>fp16</c>; components that have none of it come in the plain form.
    /// <see langword="null"/> for the plain form, and any other only where there is no plain one.
    /// </summary>
    public string? Variant { get; init; }

    /// <summary>Components that are not wanted. What judges pictures by their content is not, as Imago does not use it.</summary>
    public IReadOnlyCollection<string> Without { get; init; } = ["safety_checker"];

    /// <summary>Files fetched at the same time.</summary>
    public int Parallel { get; init; } = 4;

    /// <summary>Where the hub and the cache are; <see langword="null"/> for what the environment says.</summary>
    public HubSettings? Settings { get; init; }

    /// <summary>How momentary failures are met.</summary>
    internal Retries Retries { get; init; } = new();
}

/// <summary>How far a download is.</summary>
/// <param name="Bytes">Bytes that are here.</param>
/// <param name="TotalBytes">Bytes in all.</param>
/// <param name="Files">Files that are whole and verified.</param>
/// <param name="TotalFiles">Files in all.</param>
/// <param name="AtStart">Bytes that were here when it began; the speed is what came since.</param>
public readonly record struct HubProgress(long Bytes, long TotalBytes, int Files, int TotalFiles, long AtStart);

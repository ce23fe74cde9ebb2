namespace Imago.Hub;

/// <summary>What a model's download would fetch.</summary>
/// <param name="Id">The model.</param>
/// <param name="Commit">The commit that its revision is.</param>
/// <param name="Folder">Where the model will be: the folder of its snapshot.</param>
/// <param name="Files">The files that it needs.</param>
public sealed record HubPlan(HubId Id, string Commit, string Folder, IReadOnlyList<HubPlanFile> Files)
{
    /// <summary>Bytes of all files.</summary>
    public long Bytes => Files.Sum(file => file.Bytes);

    /// <summary>Bytes that are still to be fetched.</summary>
    public long BytesToFetch => Files.Where(file => !file.IsHere).Sum(file => file.Bytes);

    internal IReadOnlyList<HubFile> Sources { get; init; } = [];
}

/// <summary>A file of a <see cref="HubPlan"/>.</summary>
/// <param name="Path">Its path in the repository.</param>
/// <param name="Bytes">Its length.</param>
/// <param name="IsHere">Whether the cache has it already.</param>
public sealed record HubPlanFile(string Path, long Bytes, bool IsHere);

namespace Imago.Data;

/// <summary>A data set in its three parts. No content occurs in two of them (for CelebA, its authors' split is taken at its word).</summary>
/// <param name="Train">To learn from.</param>
/// <param name="Validation">To choose settings and the best checkpoint by.</param>
/// <param name="Test">To report numbers on, once.</param>
public sealed record DatasetSplits(ImageDataset Train, ImageDataset Validation, ImageDataset Test)
{
    /// <summary>What the set is called.</summary>
    public required string Name { get; init; }

    /// <summary>One sentence: what it holds, and where the splits come from.</summary>
    public required string Description { get; init; }

    /// <summary>The three parts with their names.</summary>
    public IReadOnlyList<(string Name, ImageDataset Set)> Parts => [("train", Train), ("validation", Validation), ("test", Test)];

    /// <summary>Splits by content: eight tenths to train on, one to validate, one to test.</summary>
    internal static DatasetSplits ByContent(string name, string description, ImageDataset set, DatasetOptions options)
    {
        var (train, validation, test) = ContentSplit.Split(set, seed: options.Seed);
        return new DatasetSplits(train, validation, test) { Name = name, Description = description }.Limited(options.Count);
    }

    /// <summary>
    /// The test part is given; what occurs in it is taken out of the training part (Fashion-MNIST has a few such images),
    /// and a tenth of the rest, by content, becomes the validation part.
    /// </summary>
    internal static DatasetSplits WithTest(string name, string description, ImageDataset train, ImageDataset test, DatasetOptions options)
    {
        var (learn, validation, _) = ContentSplit.Split(ContentSplit.Without(train, test), test: 0, seed: options.Seed);
        return new DatasetSplits(learn, validation, test) { Name = name, Description = description }.Limited(options.Count);
    }

    /// <summary>
    /// The parts that the set itself names for each image (train, validation, test; empty for none). Missing ones are split off the training part by content;
    /// what occurs in the test part is taken out of the others, and what occurs in the validation part out of the training part.
    /// </summary>
    internal static DatasetSplits BySplitNames(string name, string description, ImageDataset set, IReadOnlyList<string> splitOf, DatasetOptions options)
    {
        if (splitOf.Count == 0) return ByContent(name, $"{description} Split by content: 80 % to train on, 10 % to validate, 10 % to test.", set, options);
        SubsetDataset Part(string split) => new(set, [.. Enumerable.Range(0, set.Count).Where(index => splitOf[index] == split)]);
        var (validating, testing) = (splitOf.Contains("validation"), splitOf.Contains("test"));
        var (train, validation, test) = ContentSplit.Split(Part("train"), validating ? 0 : 0.1, testing ? 0 : 0.1, options.Seed);
        if (testing) test = Part("test");
        validation = ContentSplit.Without(validating ? Part("validation") : validation, test);
        train = ContentSplit.Without(train, validation, test);
        var own = validating && testing ? "" : $" A tenth of the training images, by content, to {(testing ? "validate" : validating ? "test" : "validate, and another to test")}.";
        return new DatasetSplits(train, validation, test) { Name = name, Description = $"{description} Split as its folders and files say.{own}" }.Limited(options.Count);
    }

    /// <summary>The split that a folder or file of this name holds, if it is the name of one.</summary>
    internal static string? SplitNamed(string name) => name.ToLowerInvariant() switch
    {
        "train" or "training" => "train",
        "val" or "valid" or "validation" or "dev" => "validation",
        "test" or "testing" => "test",
        _ => null,
    };

    /// <summary>At most <paramref name="count"/> images in all, each part cut to its share, evenly over its whole length.</summary>
    internal DatasetSplits Limited(int? count)
    {
        var total = (long)Train.Count + Validation.Count + Test.Count;
        if (count is not { } wanted || wanted >= total) return this;
        ArgumentOutOfRangeException.ThrowIfLessThan(wanted, 1, nameof(count));
        int Share(ImageDataset set) => (int)(set.Count * (long)wanted / total);
        var (validation, test) = (Share(Validation), Share(Test));
        return this with { Train = Thin(Train, Math.Min(Train.Count, wanted - validation - test)), Validation = Thin(Validation, validation), Test = Thin(Test, test) };
    }

    private static SubsetDataset Thin(ImageDataset set, int count) => new(set, [.. Enumerable.Range(0, count).Select(i => (int)((long)i * set.Count / count))]);
}

/// <summary>Where a data set is and how much of it is wanted.</summary>
public sealed record DatasetOptions
{
    /// <summary>Folder with the files of a published set; null to look in Imago's cache.</summary>
    public string? Folder { get; init; }

    /// <summary>Whether the files of a published set that are missing may be fetched from its usual host.</summary>
    public bool AllowDownload { get; init; }

    /// <summary>Side in pixels at which drawn sets are drawn; null for each one's own.</summary>
    public int? Size { get; init; }

    /// <summary>Seed of drawn sets, and of splits that Imago makes itself.</summary>
    public long Seed { get; init; }

    /// <summary>Images of a drawn set in all; null for each one's own number. Other sets are cut to it, part by part.</summary>
    public int? Count { get; init; }

    /// <summary>Told what is being fetched and how far it is.</summary>
    public IProgress<DownloadProgress>? Progress { get; init; }
}

/// <summary>How far a download is.</summary>
/// <param name="File">The file's name.</param>
/// <param name="Bytes">Bytes that are here.</param>
/// <param name="Total">Bytes of the whole file; null while unknown.</param>
public sealed record DownloadProgress(string File, long Bytes, long? Total);

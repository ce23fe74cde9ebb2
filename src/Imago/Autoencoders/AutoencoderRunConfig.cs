using Imago.Data;
using Imago.Training;

namespace Imago.Autoencoders;

/// <summary>The images of a run.</summary>
public sealed record RunDataConfig
{
    /// <summary>A name in <see cref="Datasets.All"/>, or a folder, zip or parquet file.</summary>
    public required string Source { get; init; }

    /// <summary>Folder with the files of a published set; null for Imago's cache.</summary>
    public string? Folder { get; init; }

    /// <summary>Side of the square that images are drawn at or brought to, in pixels; null to take them as they are.</summary>
    public int? Size { get; init; }

    /// <summary>1 for grey, 3 for colour; null for what the images are.</summary>
    public int? Channels { get; init; }

    /// <summary>Images of a drawn set in all; null for each one's own number.</summary>
    public int? Count { get; init; }

    /// <summary>Seed of drawn sets, of splits that Imago makes, and of the order.</summary>
    public long Seed { get; init; }

    /// <summary>Whether half of the images, at random, are mirrored left to right.</summary>
    public bool Flip { get; init; }

    /// <summary>Whether images are scaled to 9/8 and a random square is cut out.</summary>
    public bool RandomCrop { get; init; }

    /// <summary>Whether every pixel is drawn once and for all to be black or white (<see cref="BinarizedDataset"/>).</summary>
    public bool Binarize { get; init; }

    /// <summary>Whether a broken image is an error.</summary>
    public bool Strict { get; init; }

    /// <summary>Images in a batch.</summary>
    public int BatchSize { get; init; } = 64;

    /// <summary>Opens the set.</summary>
    /// <param name="allowDownload">Whether missing files of a published set may be fetched.</param>
    /// <param name="cancellationToken">Stops a download.</param>
    /// <exception cref="DataException">There is no such set, or it cannot be used.</exception>
    public DatasetSplits Open(bool allowDownload = false, CancellationToken cancellationToken = default)
    {
        var splits = Datasets.Open(Source, new DatasetOptions { Folder = Folder, AllowDownload = allowDownload, Size = Size, Count = Count, Seed = Seed }, cancellationToken);
        ImageDataset Draw(ImageDataset set) => Binarize ? new BinarizedDataset(set, (ulong)Seed) : set;
        return splits with { Train = Draw(splits.Train), Validation = Draw(splits.Validation), Test = Draw(splits.Test) };
    }

    /// <summary>Batches to learn from: shuffled, augmented, all of one size.</summary>
    public ImageLoader TrainingBatches(DatasetSplits splits) => new(splits.Train, Loader with { Flip = Flip, RandomCrop = RandomCrop, Shuffle = true, DropLast = splits.Train.Count >= BatchSize });

    /// <summary>Batches to evaluate on, in the order of the set.</summary>
    public ImageLoader ValidationBatches(DatasetSplits splits) => new(splits.Validation, Loader with { Shuffle = false });

    private LoaderOptions Loader => new() { BatchSize = BatchSize, Seed = Seed, Size = Size, Channels = Channels, Strict = Strict };
}

/// <summary>Everything that a run of an autoencoder depends on: the <c>config.json</c> of its folder.</summary>
public sealed record AutoencoderRunConfig
{
    /// <summary>What is trained: always <c>autoencoder</c>.</summary>
    public string Kind { get; init; } = "autoencoder";

    /// <summary>The version of Imago that made the run.</summary>
    public string ImagoVersion { get; init; } = typeof(AutoencoderRunConfig).Assembly.GetName().Version!.ToString(3);

    /// <summary>The images.</summary>
    public required RunDataConfig Data { get; init; }

    /// <summary>The network.</summary>
    public required AutoencoderConfig Network { get; init; }

    /// <summary>What it is trained for.</summary>
    public ObjectiveConfig Objective { get; init; } = new();

    /// <summary>How its weights change.</summary>
    public OptimizerConfig Optimizer { get; init; } = new AdamWConfig();

    /// <summary>How it is trained and for how long.</summary>
    public required TrainingOptions Training { get; init; }

    /// <summary>Seed of the first weights.</summary>
    public long Seed { get; init; }
}

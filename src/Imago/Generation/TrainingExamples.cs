using Imago.Autoencoders;
using Imago.Data;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Generation;

/// <summary>What a run learns from and is judged by, in what the model draws.</summary>
internal sealed record TrainingExamples(ImageCodec Codec, IBatches<ExampleBatch> Train, IBatches<ExampleBatch>? Validation, IReadOnlyList<LatentFile> Files) : IDisposable
{
    internal required int Height { get; init; }

    internal required int Width { get; init; }

    internal required int Channels { get; init; }

    /// <summary>Opens the data; encodes them where latents are drawn.</summary>
    /// <param name="config">The run.</param>
    /// <param name="splits">Its data.</param>
    /// <param name="given">The autoencoder and scale of the model that is trained on. Null for those of the configuration.</param>
    /// <param name="device">Where to encode.</param>
    /// <param name="progress">Told how many pictures are encoded.</param>
    /// <param name="cancellation">Stops encoding.</param>
    internal static TrainingExamples Open(DiffusionRunConfig config, DatasetSplits splits, LatentCodec? given, Device device, IProgress<WorkProgress>? progress, CancellationToken cancellation)
    {
        var (train, validation) = (config.Data.TrainingBatches(splits), splits.Validation.Count == 0 ? null : config.Data.ValidationBatches(splits));
        if (config.Autoencoder is null && given is null)
        {
            var pixels = new PixelCodec(train.Channels, config.Patch);
            pixels.Shape(train.Height, train.Width);
            return new TrainingExamples(pixels, new PixelBatches(train, pixels), validation is null ? null : new PixelBatches(validation, pixels), []) { Height = train.Height, Width = train.Width, Channels = train.Channels };
        }
        var files = new List<LatentFile>();
        var autoencoder = given?.Autoencoder ?? AutoencoderFiles.Load(config.Autoencoder!);
        try
        {
            if (autoencoder.Channels != train.Channels) throw new ArgumentException($"The pictures have {train.Channels} channels and the autoencoder {autoencoder.Channels}; set --channels {autoencoder.Channels}.");
            autoencoder.to(device);
            var options = new LoaderOptions
            {
                BatchSize = config.Data.BatchSize, Seed = config.Data.Seed, Size = config.Data.Size, Channels = config.Data.Channels, Strict = config.Data.Strict, Flip = config.Data.Flip, RandomCrop = config.Data.RandomCrop,
                DropLast = splits.Train.Count >= config.Data.BatchSize,
            };
            LatentFile Latents(ImageDataset set, bool withFlips)
            {
                files.Add(LatentCache.Open(autoencoder, set, options, withFlips, device, progress, cancellation));
                return files[^1];
            }

            var learned = Latents(splits.Train, config.Data.Flip);
            var held = splits.Validation.Count == 0 ? null : Latents(HeldOut(splits.Validation, config), withFlips: false);
            var codec = given ?? new LatentCodec(autoencoder, learned.Scale);
            return new TrainingExamples(
                codec, new LatentBatches(learned, codec.Scale, options),
                held is null ? null : new LatentBatches(held, codec.Scale, options with { Shuffle = false, Flip = false, DropLast = false }), files) { Height = train.Height, Width = train.Width, Channels = train.Channels };
        }
        catch
        {
            if (given is null) autoencoder.Dispose();
            foreach (var file in files) file.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Codec.Dispose();
        foreach (var file in Files) file.Dispose();
    }

    /// <summary>As many pictures as an evaluation looks at: the others need not be encoded.</summary>
    private static ImageDataset HeldOut(ImageDataset set, DiffusionRunConfig config) =>
        config.Training.EvaluationBatches is { } batches && (long)batches * config.Data.BatchSize < set.Count ? new SubsetDataset(set, [.. Enumerable.Range(0, batches * config.Data.BatchSize)]) : set;
}

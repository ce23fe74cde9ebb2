using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Imago.Autoencoders;
using Imago.Data;
using Imago.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Generation;

/// <summary>
/// Latents of a data set, encoded once and kept in <see cref="ImagoFolders.Cache"/> under a hash of all that they depend on: the autoencoder's configuration and weights,
/// the pictures and what is known of them, and how they are brought to one size.
/// </summary>
internal static class LatentCache
{
    // Part of every key: changes when the meaning of the files does.
    private const string Format = "latents 1";

    /// <summary>Opens the latents, encoding the pictures if nobody has yet.</summary>
    /// <param name="autoencoder">The network, in evaluation mode on <paramref name="device"/>.</param>
    /// <param name="dataset">The pictures.</param>
    /// <param name="options">How they are brought to one size; order, flips and batches do not matter.</param>
    /// <param name="withFlips">Whether the mirrored pictures are encoded too.</param>
    /// <param name="device">Where to encode.</param>
    /// <param name="progress">Told how many pictures are encoded.</param>
    /// <param name="cancellation">Stops between batches.</param>
    internal static LatentFile Open(Autoencoder autoencoder, ImageDataset dataset, LoaderOptions options, bool withFlips, Device device, IProgress<WorkProgress>? progress, CancellationToken cancellation)
    {
        if (options.RandomCrop) throw new ArgumentException("Latents are encoded once, so every picture is always cut alike: random crops (--random-crop) are for models of pixels.");
        var folder = Path.Combine(ImagoFolders.Cache, "latents", Key(autoencoder, dataset, options, withFlips, cancellation));
        if (LatentFile.TryOpen(folder) is { } known) return known;
        new LatentWriter(autoencoder, dataset, options, withFlips, device).Write(folder, progress, cancellation);
        return LatentFile.TryOpen(folder) ?? throw new ImagoException($"{folder} vanished while it was written; is something cleaning the cache?");
    }

    internal static string Key(Autoencoder autoencoder, ImageDataset dataset, LoaderOptions options, bool withFlips, CancellationToken cancellation)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Add(FormattableString.Invariant($"{Format}|{autoencoder.Config.ToJson()}|{options.Size}|{options.Channels}|{options.Resize}|{options.Filter}|{options.Strict}|{withFlips}|"));
        ModuleHash.Add(hash, autoencoder);
        Add(string.Join('\n', dataset.ClassNames));
        Add(string.Join('\n', dataset.Attributes.Select(attribute => attribute.Name)));
        var keys = new UInt128[dataset.Count];
        Parallel.For(0, dataset.Count, new ParallelOptions { CancellationToken = cancellation }, index => keys[index] = KeyOf(dataset, index));
        Span<byte> bytes = stackalloc byte[16];
        foreach (var key in keys)
        {
            BinaryPrimitives.WriteUInt128LittleEndian(bytes, key);
            hash.AppendData(bytes);
        }
        return Convert.ToHexStringLower(hash.GetHashAndReset());

        void Add(string text) => hash.AppendData(Encoding.UTF8.GetBytes($"{text.Length}|{text}"));
    }

    /// <summary>A picture that cannot be read has no content; its name stands for it.</summary>
    private static UInt128 KeyOf(ImageDataset dataset, int index)
    {
        try
        {
            return dataset.ContentKey(index);
        }
        catch (DataException)
        {
            return ContentHash.Of(Encoding.UTF8.GetBytes(dataset.Describe(index)));
        }
    }
}

/// <summary>Cached latents as examples: shuffled and mirrored by seed and epoch, drawn anew from their posteriors.</summary>
internal sealed class LatentBatches : IBatches<ExampleBatch>
{
    private readonly LatentFile _file;
    private readonly LatentScale _scale;
    private readonly LoaderOptions _options;

    /// <param name="file">The latents.</param>
    /// <param name="scale">That of the training part, which the model keeps.</param>
    /// <param name="options">Batch size, seed, order, flips.</param>
    internal LatentBatches(LatentFile file, LatentScale scale, LoaderOptions options)
    {
        (_file, _scale, _options) = (file, scale, options);
        BatchesPerEpoch = (file.Rows.Length + (options.DropLast ? 0 : options.BatchSize - 1)) / options.BatchSize;
        if (BatchesPerEpoch == 0) throw new DataException($"The data set has {file.Rows.Length} usable pictures, fewer than a batch of {options.BatchSize}; choose a smaller batch.");
    }

    public int BatchesPerEpoch { get; }

    public IEnumerable<ExampleBatch> Epoch(int epoch, int firstBatch = 0, CancellationToken cancellationToken = default)
    {
        int[] order = _options.Shuffle ? SplitMix64.Of(_options.Seed, epoch).Permutation(_file.Rows.Length) : [.. Enumerable.Range(0, _file.Rows.Length)];
        foreach (var chunk in order.Chunk(_options.BatchSize).Take(BatchesPerEpoch).Skip(firstBatch))
        {
            cancellationToken.ThrowIfCancellationRequested();
            int[] rows = [.. chunk.Select(place => _file.Rows[place])];
            bool[] mirrored = [.. rows.Select(row => _options.Flip && SplitMix64.Of(_options.Seed, epoch, row).Below(2) == 1)];
            yield return _file.Read(rows, mirrored, _scale);
        }
    }
}

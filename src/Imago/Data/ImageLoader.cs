using System.Buffers;
using System.Collections.Concurrent;
using Imago.Images;
using static TorchSharp.torch;

namespace Imago.Data;

/// <summary>An image that could not be used.</summary>
/// <param name="Index">Where it stands in the data set.</param>
/// <param name="Name">Its file, or what else names it.</param>
/// <param name="Reason">What is wrong with it.</param>
public sealed record SkippedImage(int Index, string Name, string Reason);

/// <summary>
/// Makes batches of a data set: decodes in parallel and ahead, brings images to one size, keeps what fits in memory.
/// Batch k of epoch e is a pure function of the options, e and k: neither the number of workers nor what was loaded before changes it.
/// </summary>
public sealed class ImageLoader : IBatches<ImageBatch>
{
    // Of a picture that is longer than that, crops are taken from its middle: a single row of a million pixels must not become a gigabyte.
    private const int LongestAspect = 8;

    private readonly ImageDataset _dataset;
    private readonly LoaderOptions _options;
    private readonly int _workers;
    private readonly PreparedImage?[] _cache;
    private readonly ConcurrentDictionary<int, SkippedImage> _skipped = [];
    private long _cachedBytes;

    /// <summary>Looks at the first image to learn size and channels; loads nothing else.</summary>
    /// <exception cref="DataException">The set is empty, or none of its images can be decoded.</exception>
    public ImageLoader(ImageDataset dataset, LoaderOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(dataset);
        (_dataset, _options) = (dataset, options ?? new LoaderOptions());
        _options.Validate();
        if (dataset.Count == 0) throw new DataException($"{dataset.Name}: the set holds no image; point to a folder, zip or parquet file with images.");
        _workers = _options.Workers == 0 ? Environment.ProcessorCount : _options.Workers;
        _cache = new PreparedImage?[dataset.Count];
        BatchesPerEpoch = (dataset.Count + (_options.DropLast ? 0 : _options.BatchSize - 1)) / _options.BatchSize;
        if (BatchesPerEpoch == 0)
            throw new ArgumentException($"{dataset.Name} has {dataset.Count} images and no full batch of {_options.BatchSize}; choose a smaller BatchSize, or keep the last batch.", nameof(options));
        var first = FirstImage();
        Channels = _options.Channels ?? (first.Channels == 1 ? 1 : 3);
        (Height, Width) = (_options.Size ?? first.Height, _options.Size ?? first.Width);
    }

    /// <summary>Channels of every batch.</summary>
    public int Channels { get; }

    /// <summary>Rows of every image, in pixels.</summary>
    public int Height { get; }

    /// <summary>Columns of every image, in pixels.</summary>
    public int Width { get; }

    /// <summary>Number of batches that <see cref="Epoch"/> gives.</summary>
    public int BatchesPerEpoch { get; }

    /// <summary>The images met so far that could not be decoded.</summary>
    public IReadOnlyList<SkippedImage> Skipped => [.. _skipped.Values.OrderBy(image => image.Index)];

    /// <summary>The batches of one epoch, each image once. The caller disposes each batch.</summary>
    /// <param name="epoch">Number of the epoch: it chooses the order, flips and crops.</param>
    /// <param name="firstBatch">Batches at the start that are left out, to go on in the middle of an epoch.</param>
    /// <param name="cancellationToken">Stops decoding.</param>
    /// <exception cref="DataException">Strict, and an image is broken; or sizes differ and no size was chosen; or every image of a batch is broken.</exception>
    public IEnumerable<ImageBatch> Epoch(int epoch, int firstBatch = 0, CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(epoch);
        ArgumentOutOfRangeException.ThrowIfNegative(firstBatch);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(firstBatch, BatchesPerEpoch);
        return Batches(Order(epoch), epoch, firstBatch, cancellationToken);
    }

    /// <summary>The order of the images in an epoch.</summary>
    internal int[] Order(int epoch) =>
        _options.Shuffle ? SplitMix64.Of(_options.Seed, epoch).Permutation(_dataset.Count) : [.. Enumerable.Range(0, _dataset.Count)];

    // No dispose scope may be open here across a yield: it would take the caller's tensors with it. Workers touch no tensors at all.
    private IEnumerable<ImageBatch> Batches(int[] order, int epoch, int firstBatch, CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var (token, next) = (stop.Token, firstBatch);
        var workers = new ConcurrentExclusiveSchedulerPair(TaskScheduler.Default, _workers).ConcurrentScheduler;
        var ahead = new Queue<Task<PixelBatch>>();
        try
        {
            for (var batch = firstBatch; batch < BatchesPerEpoch; batch++)
            {
                for (; ahead.Count <= 2 * _workers && next < BatchesPerEpoch; next++)
                {
                    var indices = order.AsMemory(next * _options.BatchSize, Math.Min(_options.BatchSize, order.Length - next * _options.BatchSize));
                    ahead.Enqueue(Task.Factory.StartNew(() => Load(indices, epoch, token), token, TaskCreationOptions.None, workers));
                }
                var pixels = ahead.Peek().WaitAsync(token).GetAwaiter().GetResult();
                ahead.Dequeue();
                yield return ToBatch(pixels);
            }
        }
        finally
        {
            stop.Cancel();
            Task.WhenAll(ahead).ContinueWith(_ => { }, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default).Wait(CancellationToken.None);
        }
    }

    private PixelBatch Load(ReadOnlyMemory<int> indices, int epoch, CancellationToken cancellationToken)
    {
        var size = Channels * Height * Width;
        var batch = new PixelBatch(ArrayPool<byte>.Shared.Rent(indices.Length * size), new List<int>(indices.Length), new List<PreparedImage>(indices.Length));
        foreach (var index in indices.Span)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (Prepare(index) is not { } image) continue;
            var random = SplitMix64.Of(_options.Seed, epoch, index);
            var (left, top) = (random.Below(image.Width - Width + 1), random.Below(image.Height - Height + 1));
            image.Cut(batch.Pixels.AsSpan(batch.Indices.Count * size, size), left, top, Width, Height, mirrored: _options.Flip && random.Below(2) == 1);
            batch.Indices.Add(index);
            batch.Images.Add(image);
        }
        if (batch.Indices.Count > 0) return batch;
        var first = Skipped[0];
        throw new DataException($"{_dataset.Name}: none of the {indices.Length} images of a batch can be decoded ({first.Name}: {first.Reason}).");
    }

    private ImageBatch ToBatch(PixelBatch batch)
    {
        var (count, attributes) = (batch.Indices.Count, _dataset.Attributes.Count);
        var bytes = empty(count, Channels, Height, Width, dtype: uint8);
        batch.Pixels.AsSpan(0, count * Channels * Height * Width).CopyTo(Pictures.MemoryOf(bytes));
        ArrayPool<byte>.Shared.Return(batch.Pixels);
        var labels = _dataset.ClassNames.Count == 0 ? null : tensor(batch.Images.Select(image => (long)(image.Label ?? -1)).ToArray());
        var values = attributes == 0 ? null : tensor(batch.Images.SelectMany(image => image.Attributes).Select(value => (float)value).ToArray(), count, attributes);
        return new ImageBatch(bytes, labels, values, batch.Indices, [.. batch.Images.Select(image => image.Caption)]);
    }

    private PixelImage FirstImage()
    {
        for (var index = 0; index < _dataset.Count; index++)
        {
            if (Read(index) is { } item) return item.Image;
        }
        var first = Skipped[0];
        throw new DataException($"{_dataset.Name}: none of the {_dataset.Count} images can be decoded ({first.Name}: {first.Reason}).");
    }

    private ImageItem? Read(int index)
    {
        if (_skipped.ContainsKey(index)) return null;
        try
        {
            return _dataset.Get(index);
        }
        catch (DataException e) when (!_options.Strict)
        {
            _skipped[index] = new SkippedImage(index, _dataset.Describe(index), e.Message);
            return null;
        }
    }

    private PreparedImage? Prepare(int index)
    {
        if (Volatile.Read(ref _cache[index]) is { } cached) return cached;
        if (Read(index) is not { } item) return null;
        var prepared = new PreparedImage(Fit(ToChannels(item.Image, index), index), item);
        if (Interlocked.Add(ref _cachedBytes, prepared.Planes.Length) <= _options.CacheBytes) Volatile.Write(ref _cache[index], prepared);
        else Interlocked.Add(ref _cachedBytes, -prepared.Planes.Length);
        return prepared;
    }

    private PixelImage ToChannels(PixelImage image, int index)
    {
        if (image.Channels == Channels) return image;
        if (Channels == 1 && _options.Channels is null)
            throw new DataException($"{_dataset.Describe(index)} has colour, but the first image of {_dataset.Name} is grey; choose 3 channels (or 1 to make all grey).");
        return Channels == 1 ? ColourConversion.ToGrey(image) : ColourConversion.ToColour(image, AlphaMode.OnWhite);
    }

    private PixelImage Fit(PixelImage image, int index)
    {
        if (_options.Size is not { } size)
        {
            return image.Width == Width && image.Height == Height ? image : throw new DataException(
                $"{_dataset.Describe(index)} has {image.Width}×{image.Height} pixels, the first image of {_dataset.Name} {Width}×{Height}; choose a size that all are brought to (Size, --size).");
        }
        if (!_options.RandomCrop)
        {
            return _options.Resize == ResizeMode.Crop
                ? Resampling.ResizeAndCrop(image, size, size, _options.Filter)
                : Resampling.Resize(image, size, size, _options.Filter);
        }
        var wide = size + (size + 7) / 8;
        if (_options.Resize == ResizeMode.Stretch) return Resampling.Resize(image, wide, wide, _options.Filter);
        var shorter = Math.Min(image.Width, image.Height);
        int Scaled(int length) => (int)Math.Min((long)length * wide / shorter, wide * LongestAspect);
        return Resampling.ResizeAndCrop(image, Scaled(image.Width), Scaled(image.Height), _options.Filter);
    }

    private sealed record PixelBatch(byte[] Pixels, List<int> Indices, List<PreparedImage> Images);

    /// <summary>An image as it is kept in memory: planes [C, H, W] at the size from which batches are cut, and what is known of it.</summary>
    private sealed class PreparedImage
    {
        internal PreparedImage(PixelImage image, ImageItem item)
        {
            (Width, Height, Channels) = (image.Width, image.Height, image.Channels);
            Planes = new byte[Width * Height * Channels];
            Pictures.ToPlanes(image, Planes);
            (Label, Attributes, Caption) = (item.Label, item.Attributes, item.Caption);
        }

        internal byte[] Planes { get; }
        internal int Width { get; }
        internal int Height { get; }
        internal int Channels { get; }
        internal int? Label { get; }
        internal IReadOnlyList<double> Attributes { get; }
        internal string? Caption { get; }

        internal void Cut(Span<byte> target, int left, int top, int width, int height, bool mirrored)
        {
            if (width == Width && height == Height) Planes.CopyTo(target);
            else
            {
                for (int c = 0, row = 0; c < Channels; c++)
                {
                    for (var y = 0; y < height; y++, row++) Planes.AsSpan((c * Height + top + y) * Width + left, width).CopyTo(target[(row * width)..]);
                }
            }
            if (!mirrored) return;
            for (var row = 0; row < Channels * height; row++) target.Slice(row * width, width).Reverse();
        }
    }
}

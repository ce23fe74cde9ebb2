using Imago.Images;

namespace Imago.Data;

/// <summary>How an image of another shape is brought to the loader's size.</summary>
public enum ResizeMode
{
    /// <summary>The largest square in the middle is scaled; proportions are kept and the borders lost.</summary>
    Crop,

    /// <summary>The whole image is scaled; proportions are lost.</summary>
    Stretch,
}

/// <summary>What an <see cref="ImageLoader"/> does with the images of a data set.</summary>
public sealed record LoaderOptions
{
    /// <summary>Images in a batch; the last batch of an epoch may have fewer, and so has a batch with a broken image.</summary>
    public int BatchSize { get; init; } = 64;

    /// <summary>Seed of the order, the flips and the crops.</summary>
    public long Seed { get; init; }

    /// <summary>Whether every epoch has its own random order; otherwise the order of the data set.</summary>
    public bool Shuffle { get; init; } = true;

    /// <summary>Whether a last batch of fewer images is left out.</summary>
    public bool DropLast { get; init; }

    /// <summary>Side of the square that images are brought to, in pixels; null to take them as they are, which demands that all have one size.</summary>
    public int? Size { get; init; }

    /// <summary>1 for grey, 3 for colour; null for that of the first image. Grey becomes colour by itself, colour becomes grey only when asked.</summary>
    public int? Channels { get; init; }

    /// <summary>How images of another shape are brought to <see cref="Size"/>.</summary>
    public ResizeMode Resize { get; init; }

    /// <summary>The kernel that resizes.</summary>
    public ResampleFilter Filter { get; init; } = ResampleFilter.Bicubic;

    /// <summary>Whether half of the images, at random, are mirrored left to right.</summary>
    public bool Flip { get; init; }

    /// <summary>Whether images are scaled to 9/8 of <see cref="Size"/> and a random square of that size is cut out. Demands <see cref="Size"/>.</summary>
    public bool RandomCrop { get; init; }

    /// <summary>Threads that decode ahead; 0 for one a processor. The batches do not depend on it.</summary>
    public int Workers { get; init; }

    /// <summary>Decoded and resized images are kept in memory up to this many bytes.</summary>
    public long CacheBytes { get; init; } = 1L << 30;

    /// <summary>Whether a broken image is an error; otherwise it is skipped, counted and named in <see cref="ImageLoader.Skipped"/>.</summary>
    public bool Strict { get; init; }

    internal void Validate()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(BatchSize, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(Workers);
        ArgumentOutOfRangeException.ThrowIfNegative(CacheBytes);
        if (Size is { } size) ArgumentOutOfRangeException.ThrowIfLessThan(size, 1, nameof(Size));
        if (Channels is not (null or 1 or 3)) throw new ArgumentException($"Channels is {Channels}, expected 1 (grey) or 3 (colour).");
        if (RandomCrop && Size is null) throw new ArgumentException("RandomCrop needs a Size to crop to.");
    }
}

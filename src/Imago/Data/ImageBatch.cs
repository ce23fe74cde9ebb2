using Imago.Images;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Data;

/// <summary>Images of one size and what is known about them. Owns its tensors, whatever dispose scope is open when it is made.</summary>
public sealed class ImageBatch : IBatch
{
    internal ImageBatch(Tensor bytes, Tensor? labels, Tensor? attributes, IReadOnlyList<int> indices, IReadOnlyList<string?> captions)
    {
        (Bytes, Labels, Attributes) = (bytes.DetachFromDisposeScope(), labels?.DetachFromDisposeScope(), attributes?.DetachFromDisposeScope());
        (Indices, Captions) = (indices, captions);
    }

    /// <inheritdoc/>
    public int Count => Indices.Count;

    /// <summary>The pixels, uint8 [B, C, H, W].</summary>
    public Tensor Bytes { get; }

    /// <summary>Class of each image, int64 [B], −1 where an image has none; null if the data set has no classes.</summary>
    public Tensor? Labels { get; }

    /// <summary>Attributes of each image, float32 [B, A] in the order of <see cref="ImageDataset.Attributes"/>, NaN where unknown; null if the data set has none.</summary>
    public Tensor? Attributes { get; }

    /// <summary>Where each image stands in the data set.</summary>
    public IReadOnlyList<int> Indices { get; }

    /// <summary>Caption of each image, null where an image has none.</summary>
    public IReadOnlyList<string?> Captions { get; }

    /// <summary>The pixels as numbers.</summary>
    /// <param name="range">The range of the result.</param>
    /// <param name="device">Where the result lives; null for main memory. Bytes travel, not floats.</param>
    /// <returns>float32 [B, C, H, W] in <paramref name="range"/>; the caller owns it.</returns>
    public Tensor ToFloat(PixelRange range, Device? device = null) =>
        device is null ? Pictures.ToFloat(Bytes, range) : WrappedTensorDisposeScope(() => Pictures.ToFloat(Bytes.to(device), range));

    /// <inheritdoc/>
    public void Dispose()
    {
        Bytes.Dispose();
        Labels?.Dispose();
        Attributes?.Dispose();
    }
}

using Imago.Data;
using Imago.Images;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Generation;

/// <summary>Pictures to learn from, as the model draws them, and what is known of them. Owns its tensors, whatever dispose scope is open when it is made.</summary>
public sealed class ExampleBatch : IBatch
{
    private readonly Tensor _mean;
    private readonly Tensor? _deviation;

    /// <summary>Pictures as a codec without noise of its own gives them; the batch belongs to this one from now on.</summary>
    internal ExampleBatch(ImageBatch images, ImageCodec codec)
    {
        Known = images;
        _mean = WrappedTensorDisposeScope(() => codec.Encode(images.ToFloat(PixelRange.MinusOneToOne)).contiguous()).DetachFromDisposeScope();
    }

    /// <summary>Pictures as the moments of their latents, in the scale of the model.</summary>
    /// <param name="mean">[B, C, h, w].</param>
    /// <param name="deviation">The same shape; null for points.</param>
    /// <param name="known">Labels, attributes and captions; belongs to this batch from now on.</param>
    internal ExampleBatch(Tensor mean, Tensor? deviation, ImageBatch known) =>
        (_mean, _deviation, Known) = (mean.DetachFromDisposeScope(), deviation?.DetachFromDisposeScope(), known);

    /// <inheritdoc/>
    public int Count => Known.Count;

    /// <summary>Labels, attributes and captions. Its pixels count for nothing but their shape where the examples are latents.</summary>
    public ImageBatch Known { get; }

    /// <summary>x₀: pixels, or latents drawn anew from their posterior.</summary>
    /// <param name="noise">Where the posterior's noise comes from; untouched where there is no posterior.</param>
    /// <param name="device">Where the result lives.</param>
    /// <returns>[B, C, H, W], float32; the caller owns it.</returns>
    public Tensor Draw(Generator noise, Device device) => WrappedTensorDisposeScope(() =>
        (_deviation is null ? _mean.alias() : _mean + _deviation * randn(_mean.shape, generator: noise)).to(device).alias());

    /// <inheritdoc/>
    public void Dispose()
    {
        _mean.Dispose();
        _deviation?.Dispose();
        Known.Dispose();
    }
}

/// <summary>A loader's pictures as examples of pixels.</summary>
internal sealed class PixelBatches(ImageLoader loader, ImageCodec codec) : IBatches<ExampleBatch>
{
    public int BatchesPerEpoch => loader.BatchesPerEpoch;

    public IEnumerable<ExampleBatch> Epoch(int epoch, int firstBatch = 0, CancellationToken cancellationToken = default) =>
        loader.Epoch(epoch, firstBatch, cancellationToken).Select(batch => new ExampleBatch(batch, codec));
}

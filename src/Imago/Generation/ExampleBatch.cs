using Imago.Data;
using Imago.Images;
using Imago.Probability;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Generation;

/// <summary>Pictures to learn from, as the model draws them, and what is known of them. Owns its tensors, whatever dispose scope is open when it is made.</summary>
public sealed class ExampleBatch : IBatch
{
    private readonly Tensor _mean;
    private readonly Tensor? _deviation;
    private readonly ImageBatch? _images;

    /// <summary>Pictures as pixels; the batch belongs to this one from now on.</summary>
    internal ExampleBatch(ImageBatch images)
    {
        _images = images;
        _mean = images.ToFloat(PixelRange.MinusOneToOne).DetachFromDisposeScope();
        (Labels, Attributes, Captions) = (images.Labels, images.Attributes, images.Captions);
    }

    /// <summary>Pictures as the moments of their latents, in the scale of the model.</summary>
    internal ExampleBatch(Tensor mean, Tensor? deviation, Tensor? labels, Tensor? attributes, IReadOnlyList<string?> captions)
    {
        (_mean, _deviation) = (mean.DetachFromDisposeScope(), deviation?.DetachFromDisposeScope());
        (Labels, Attributes, Captions) = (labels?.DetachFromDisposeScope(), attributes?.DetachFromDisposeScope(), captions);
    }

    /// <inheritdoc/>
    public int Count => (int)_mean.shape[0];

    /// <summary>Class of each picture, int64 [B], −1 where it has none; null if the data set has no classes.</summary>
    public Tensor? Labels { get; }

    /// <summary>Attributes of each picture, float32 [B, A], NaN where unknown; null if the data set has none.</summary>
    public Tensor? Attributes { get; }

    /// <summary>Caption of each picture, null where it has none.</summary>
    public IReadOnlyList<string?> Captions { get; }

    /// <summary>x₀: the pixels in [−1, 1], or latents drawn anew from their posterior.</summary>
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
        if (_images is not null)
        {
            _images.Dispose();
            return;
        }
        Labels?.Dispose();
        Attributes?.Dispose();
    }
}

/// <summary>A loader's pictures as examples of pixels.</summary>
internal sealed class PixelBatches(ImageLoader loader) : IBatches<ExampleBatch>
{
    public int BatchesPerEpoch => loader.BatchesPerEpoch;

    public IEnumerable<ExampleBatch> Epoch(int epoch, int firstBatch = 0, CancellationToken cancellationToken = default) =>
        loader.Epoch(epoch, firstBatch, cancellationToken).Select(batch => new ExampleBatch(batch));
}

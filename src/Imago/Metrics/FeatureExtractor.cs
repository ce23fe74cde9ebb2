using Imago.Images;
using Imago.Models;
using Imago.Models.Inception;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Metrics;

/// <summary>What a network sees in a batch of pictures. Whoever holds it owns the tensors.</summary>
/// <param name="Features">[B, D].</param>
/// <param name="Logits">What the Inception Score is taken of, [B, classes].</param>
/// <param name="Spatial">The features of sFID, [B, 2023], where the network has them.</param>
public sealed record ExtractedFeatures(Tensor Features, Tensor Logits, Tensor? Spatial);

/// <summary>A network by whose eyes sets of pictures are compared, together with how pictures are brought to it.</summary>
public abstract class FeatureExtractor : IDisposable
{
    /// <summary>Network, layer and preprocessing in one word: statistics of different names must not be compared.</summary>
    public abstract string Name { get; }

    /// <summary>D, numbers in a feature vector.</summary>
    public abstract int Dimension { get; }

    /// <summary>1 where the network looks at grey pictures, else 3.</summary>
    public virtual int Channels => 3;

    /// <summary>Looks at pictures.</summary>
    /// <param name="bytes">uint8 [B, Channels, H, W], of any size.</param>
    public abstract ExtractedFeatures Extract(Tensor bytes);

    /// <inheritdoc/>
    public abstract void Dispose();
}

/// <summary>Inception-v3 of FID.</summary>
/// <param name="network">In evaluation mode; it belongs to the extractor now.</param>
/// <param name="resize">How pictures are brought to 299×299.</param>
/// <param name="layer">The layer by its width: 2048 (FID, KID), 768, 192 or 64.</param>
/// <param name="device">Where the network lives.</param>
public sealed class InceptionExtractor(InceptionV3 network, InceptionResize resize = InceptionResize.Clean, int layer = 2048, Device? device = null) : FeatureExtractor
{
    /// <inheritdoc/>
    public override string Name { get; } = $"inception{(network.Config.IsFid ? "" : "-torchvision")}-{(layer is 2048 or 768 or 192 or 64 ? layer : throw new ArgumentOutOfRangeException(nameof(layer), layer, "The layers are 2048, 768, 192 and 64."))}-{resize}".ToLowerInvariant();

    /// <inheritdoc/>
    public override int Dimension { get; } = layer;

    /// <inheritdoc/>
    public override ExtractedFeatures Extract(Tensor bytes)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var seen = network.call(InceptionPictures.Prepare(bytes, resize).to(device ?? CPU));
        var features = Dimension switch { 64 => seen.Stem64, 192 => seen.Stem192, 768 => seen.Mixed768, _ => seen.Pool3 };
        Tensor Kept(Tensor tensor) => tensor.cpu().MoveToOuterDisposeScope();
        return new ExtractedFeatures(Kept(features), Kept(network.Logits(seen.Pool3, bias: false)), Kept(SpatialFeatures.Of(seen.Mixed6)));
    }

    /// <inheritdoc/>
    public override void Dispose() => network.Dispose();
}

/// <summary>The hidden layer of a classifier that Imago trained (<see cref="ClassifierFiles"/>): FID and Inception Score of a domain of one's own.</summary>
/// <param name="name">What tells the classifier from others.</param>
/// <param name="classifier">In evaluation mode; it belongs to the extractor now.</param>
/// <param name="config">What it is made of.</param>
/// <param name="device">Where the network lives.</param>
public sealed class ClassifierExtractor(string name, ImageClassifier classifier, ImageClassifierConfig config, Device? device = null) : FeatureExtractor
{
    /// <inheritdoc/>
    public override string Name { get; } = $"classifier-{name}";

    /// <inheritdoc/>
    public override int Dimension { get; } = config.Hidden;

    /// <inheritdoc/>
    public override int Channels { get; } = config.Channels;

    /// <inheritdoc/>
    public override ExtractedFeatures Extract(Tensor bytes)
    {
        ArgumentNullException.ThrowIfNull(bytes);
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var isItsSize = bytes.shape[2] == config.Size && bytes.shape[3] == config.Size;
        var levels = isItsSize ? bytes.to(float32) : PlaneResampling.Resize(bytes, config.Size, config.Size, ResampleFilter.Bicubic).clamp(0, 255);
        var features = classifier.Features((levels / 255).to(device ?? CPU));
        return new ExtractedFeatures(features.cpu().MoveToOuterDisposeScope(), classifier.Outputs(features).cpu().MoveToOuterDisposeScope(), null);
    }

    /// <inheritdoc/>
    public override void Dispose() => classifier.Dispose();
}

using Imago.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Metrics;

/// <summary>What a classifier makes of a set of pictures that comes in batches: how often it agrees with their labels, and the statistics of what it sees.</summary>
public sealed class ClassifierReading : IDisposable
{
    private readonly ImageClassifier _classifier;
    private long _right;

    /// <summary>A reading of no pictures yet.</summary>
    /// <param name="classifier">In evaluation mode; it stays the caller's.</param>
    public ClassifierReading(ImageClassifier classifier)
    {
        ArgumentNullException.ThrowIfNull(classifier);
        _classifier = classifier;
        Features = new FeatureStatistics(classifier.FeatureCount);
    }

    /// <summary>Statistics of the features of its hidden layer.</summary>
    public FeatureStatistics Features { get; }

    /// <summary>The share of pictures that it gives their label.</summary>
    public double Accuracy => Features.Count > 0 ? (double)_right / Features.Count : throw new InvalidOperationException("There are no pictures to be right about.");

    /// <summary>Reads pictures.</summary>
    /// <param name="pictures">[B, C, H, W] in [0, 1].</param>
    /// <param name="labels">The class of each, int64 [B].</param>
    /// <returns>The class that each is taken for.</returns>
    public long[] Add(Tensor pictures, Tensor labels)
    {
        ArgumentNullException.ThrowIfNull(labels);
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var features = _classifier.Features(pictures);
        Features.Add(features);
        var verdicts = _classifier.Outputs(features).argmax(1);
        _right += verdicts.eq(labels).sum().item<long>();
        return verdicts.data<long>().ToArray();
    }

    /// <inheritdoc/>
    public void Dispose() => Features.Dispose();
}

using Imago.Data;
using Imago.Images;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Metrics;

/// <summary>What is kept of a set of pictures. Statistics take the same memory for any number of pictures; features and logits grow with it.</summary>
public sealed record SampleOptions
{
    /// <summary>Pictures at once.</summary>
    public int BatchSize { get; init; } = 32;

    /// <summary>Whether every picture's features are kept: KID, precision and recall, MIND and FID∞ need them.</summary>
    public bool KeepFeatures { get; init; }

    /// <summary>Whether every picture's logits are kept: the Inception Score needs them.</summary>
    public bool KeepLogits { get; init; }

    /// <summary>Whether statistics of the features of sFID are taken.</summary>
    public bool Spatial { get; init; }

    /// <summary>Whether a picture that cannot be read is an error; otherwise it is left out and counted.</summary>
    public bool Strict { get; init; }
}

/// <summary>What a network sees in a set of pictures.</summary>
public sealed class SampleFeatures : IDisposable
{
    private readonly List<Tensor> _features = [], _logits = [];

    private SampleFeatures(string name, FeatureExtractor extractor, SampleOptions options)
    {
        (Name, Extractor) = (name, extractor.Name);
        Statistics = new FeatureStatistics(extractor.Dimension);
        Spatial = options.Spatial ? new FeatureStatistics(SpatialFeatures.Channels * 17 * 17) : null;
    }

    /// <summary>What the set is called.</summary>
    public string Name { get; }

    /// <summary>What looked at it.</summary>
    public string Extractor { get; }

    /// <summary>Pictures that were looked at.</summary>
    public long Count => Statistics.Count;

    /// <summary>Mean and covariance of the features.</summary>
    public FeatureStatistics Statistics { get; }

    /// <summary>Mean and covariance of the features of sFID, where they were asked for.</summary>
    public FeatureStatistics? Spatial { get; }

    /// <summary>Features of all pictures in their order, float32 [N, D], where they were kept.</summary>
    public Tensor? Features { get; private set; }

    /// <summary>Logits of all pictures, float32 [N, classes], where they were kept.</summary>
    public Tensor? Logits { get; private set; }

    /// <summary>The pictures that could not be read.</summary>
    public IReadOnlyList<SkippedImage> Skipped { get; private set; } = [];

    /// <summary>Looks at every picture of a set, in its order; files are decoded ahead of the network.</summary>
    /// <param name="set">The pictures, of one size or of many.</param>
    /// <param name="extractor">The network.</param>
    /// <param name="options">What is kept.</param>
    /// <param name="progress">Told after every batch.</param>
    /// <param name="cancellationToken">Ends the work after the batch at hand.</param>
    /// <exception cref="DataException">Strict, and a picture cannot be read; or none can.</exception>
    /// <exception cref="ArgumentException">Features of sFID are asked of a network that has none, or a feature is not a finite number.</exception>
    public static SampleFeatures Of(ImageDataset set, FeatureExtractor extractor, SampleOptions? options = null, IProgress<WorkProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(set);
        ArgumentNullException.ThrowIfNull(extractor);
        options ??= new SampleOptions();
        ArgumentOutOfRangeException.ThrowIfLessThan(options.BatchSize, 1, nameof(options));
        var result = new SampleFeatures(set.Name, extractor, options);
        try
        {
            using var pictures = new SamplePictures(set, extractor.Channels, options, cancellationToken);
            while (pictures.Next() is { } batch)
            {
                using (batch) result.Add(extractor, batch, options);
                progress?.Report(new WorkProgress(pictures.Done, set.Count));
            }
            if (result.Count == 0) throw new DataException($"{set.Name}: none of its {set.Count} pictures can be read ({pictures.Skipped[0].Name}: {pictures.Skipped[0].Reason}).");
            result.Skipped = pictures.Skipped;
            (result.Features, result.Logits) = (Joined(result._features), Joined(result._logits));
            return result;
        }
        catch
        {
            result.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Statistics.Dispose();
        Spatial?.Dispose();
        foreach (var tensor in _features.Concat(_logits)) tensor.Dispose();
        Features?.Dispose();
        Logits?.Dispose();
    }

    private void Add(FeatureExtractor extractor, Tensor batch, SampleOptions options)
    {
        using var scope = NewDisposeScope();
        var seen = extractor.Extract(batch);
        Statistics.Add(seen.Features);
        if (Spatial is not null) Spatial.Add(seen.Spatial ?? throw new ArgumentException($"{extractor.Name} has no features of sFID; take Inception-v3.", nameof(extractor)));
        if (options.KeepFeatures) _features.Add(seen.Features.to(float32).DetachFromDisposeScope());
        if (options.KeepLogits) _logits.Add(seen.Logits.to(float32).DetachFromDisposeScope());
    }

    private static Tensor? Joined(List<Tensor> parts)
    {
        if (parts.Count == 0) return null;
        var whole = cat(parts).DetachFromDisposeScope();
        foreach (var part in parts) part.Dispose();
        parts.Clear();
        return whole;
    }
}

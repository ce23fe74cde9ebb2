using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Metrics;

/// <summary>The measures of a set of pictures; null where one was not asked for.</summary>
public sealed record SampleReport
{
    /// <summary>Pictures that were measured.</summary>
    public required long Images { get; init; }

    /// <summary>Pictures of the reference; null where its statistics came from a file.</summary>
    public long? ReferenceImages { get; init; }

    /// <summary>What looked at them.</summary>
    public required string Extractor { get; init; }

    /// <summary>Fréchet distance of the features, in float64.</summary>
    public double? Fid { get; init; }

    /// <summary>What the Fréchet distance would be with infinitely many pictures, and the standard error of that.</summary>
    public Estimate? FidInfinity { get; init; }

    /// <summary>Kernel distance and its deviation over subsets.</summary>
    public Estimate? Kid { get; init; }

    /// <summary>Inception Score and its deviation over splits.</summary>
    public Estimate? InceptionScore { get; init; }

    /// <summary>Precision (k = 3).</summary>
    public double? Precision { get; init; }

    /// <summary>Recall (k = 3).</summary>
    public double? Recall { get; init; }

    /// <summary>Density (k = 5).</summary>
    public double? Density { get; init; }

    /// <summary>Coverage (k = 5).</summary>
    public double? Coverage { get; init; }

    /// <summary>Sliced distance of the features.</summary>
    public double? Mind { get; init; }

    /// <summary>Fréchet distance of the features with their places.</summary>
    public double? Sfid { get; init; }

    /// <summary>What to know about these numbers.</summary>
    public IReadOnlyList<string> Warnings { get; init; } = [];
}

/// <summary>Measures of a set of pictures by their names on the command line.</summary>
public static class SampleMetrics
{
    private const int ExtrapolationPoints = 15;

    /// <summary>The names: <c>fid</c>, <c>fid_infinity</c>, <c>kid</c>, <c>is</c>, <c>prdc</c>, <c>mind</c>, <c>sfid</c>.</summary>
    public static IReadOnlyList<string> Names { get; } = ["fid", "fid_infinity", "kid", "is", "prdc", "mind", "sfid"];

    /// <summary>What must be kept of the pictures for some measures.</summary>
    /// <param name="metrics">Their names.</param>
    /// <exception cref="ArgumentException">There is no such measure.</exception>
    public static SampleOptions Needs(IReadOnlyCollection<string> metrics)
    {
        ArgumentNullException.ThrowIfNull(metrics);
        if (metrics.FirstOrDefault(name => !Names.Contains(name)) is { } unknown) throw new ArgumentException($"There is no measure '{unknown}'; there are {string.Join(", ", Names)}.", nameof(metrics));
        return new SampleOptions { KeepFeatures = metrics.Any(name => name is "kid" or "prdc" or "mind" or "fid_infinity"), KeepLogits = metrics.Contains("is"), Spatial = metrics.Contains("sfid") };
    }

    /// <summary>Measures a set of pictures, alone or against a reference.</summary>
    /// <param name="generated">The pictures, with what <see cref="Needs"/> says.</param>
    /// <param name="reference">What they are compared with; null for the Inception Score alone.</param>
    /// <param name="metrics">Names of the measures.</param>
    /// <param name="kernel">How the kernel distance is taken; its subsets become smaller where a set is small.</param>
    /// <param name="convention">Whose estimates the Fréchet distance takes.</param>
    /// <param name="seed">Seed of the shuffles of FID∞.</param>
    /// <param name="cancellationToken">Ends the work between two measures.</param>
    /// <exception cref="ArgumentException">A measure needs what is not there; the message says what.</exception>
    public static SampleReport Measure(
        SampleFeatures generated, SampleReference? reference, IReadOnlyCollection<string> metrics, KernelDistanceOptions? kernel = null, FrechetConvention? convention = null,
        uint seed = 0, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(generated);
        Needs(metrics);
        reference?.RequireExtractor(generated.Extractor);
        using var scope = NewDisposeScope();
        var warnings = new List<string>();
        var report = new SampleReport { Images = generated.Count, ReferenceImages = reference?.Set?.Count, Extractor = generated.Extractor };
        SampleReference Reference(string metric) => reference ?? throw new ArgumentException($"{metric} compares with a reference; name one.", nameof(reference));
        Tensor ReferenceFeatures(string metric) => Reference(metric).Set?.Features ?? throw new ArgumentException($"{metric} needs the pictures of the reference; a file of mean and covariance does not do.", nameof(reference));
        Tensor Features(string metric) => generated.Features ?? throw new ArgumentException($"{metric} needs the features of every picture, which were not kept.", nameof(generated));
        foreach (var metric in metrics)
        {
            cancellationToken.ThrowIfCancellationRequested();
            report = metric switch
            {
                "fid" => report with { Fid = Fid(generated, Reference(metric), convention ?? FrechetConvention.Symmetric, warnings) },
                "fid_infinity" => report with { FidInfinity = FidInfinity(Features(metric), Reference(metric), seed, cancellationToken) },
                "kid" => report with { Kid = Kid(Features(metric), ReferenceFeatures(metric), kernel ?? new KernelDistanceOptions(), warnings, cancellationToken) },
                "is" => report with { InceptionScore = Score(generated, warnings) },
                "prdc" => WithManifolds(report, ReferenceFeatures(metric), Features(metric), cancellationToken),
                "mind" => report with { Mind = SlicedDistance.Between(Features(metric), ReferenceFeatures(metric)) },
                _ => report with { Sfid = Sfid(generated, Reference(metric)) },
            };
        }
        return report with { Warnings = warnings };
    }

    private static double Fid(SampleFeatures generated, SampleReference reference, FrechetConvention convention, List<string> warnings)
    {
        var fewest = Math.Min(generated.Count, reference.Set?.Count ?? long.MaxValue);
        if (fewest <= generated.Statistics.Dimension)
            warnings.Add($"FID of {fewest} pictures in {generated.Statistics.Dimension} dimensions is biased upwards, for the covariance is singular; compare it only with FIDs of as many pictures, or read KID or fid_infinity.");
        if (convention == FrechetConvention.Symmetric && fewest <= generated.Statistics.Dimension && generated.Features is { } few && reference.Set?.Features is { } others) return FrechetDistance.OfFeatures(few, others);
        var ((mean1, covariance1), (mean2, covariance2)) = (convention.Of(generated.Statistics), reference.Gaussian(convention));
        return FrechetDistance.Between(mean1, covariance1, mean2, covariance2);
    }

    private static Estimate FidInfinity(Tensor features, SampleReference reference, uint seed, CancellationToken cancellationToken)
    {
        var count = (int)features.shape[0];
        var (mean, covariance) = reference.Gaussian(FrechetConvention.Symmetric);
        double Measure(Tensor rows)
        {
            using var statistics = FeatureStatistics.Of(rows);
            return FrechetDistance.Between(statistics.Mean, statistics.Covariance, mean, covariance);
        }
        if (count < 2 * ExtrapolationPoints) throw new ArgumentException($"fid_infinity draws a line through {ExtrapolationPoints} sizes; {count} pictures are too few.", nameof(features));
        var sizes = SizeExtrapolation.StepsBetween(Math.Min(5000, count / 2), count, ExtrapolationPoints);
        var line = SizeExtrapolation.Of(features, Measure, sizes, SizeExtrapolation.Orders(count, ExtrapolationPoints, seed), cancellationToken);
        return new Estimate(line.AtInfinity, line.StandardError);
    }

    private static Estimate Kid(Tensor generated, Tensor reference, KernelDistanceOptions options, List<string> warnings, CancellationToken cancellationToken)
    {
        var fewest = (int)Math.Min(generated.shape[0], reference.shape[0]);
        if (fewest < options.SubsetSize)
        {
            warnings.Add($"KID's subsets hold {fewest} pictures instead of {options.SubsetSize}, for there are no more.");
            options = options with { SubsetSize = fewest };
        }
        return KernelDistance.Between(generated, reference, options, cancellationToken);
    }

    private static Estimate Score(SampleFeatures generated, List<string> warnings)
    {
        const int Splits = 10, UsualCount = 50_000;
        var logits = generated.Logits ?? throw new ArgumentException("The Inception Score needs the logits of every picture, which were not kept.", nameof(generated));
        if (generated.Count < UsualCount) warnings.Add($"An Inception Score of {generated.Count} pictures is lower than one of {UsualCount:N0}, the usual number.");
        return InceptionScore.Of(logits, (int)Math.Min(Splits, generated.Count));
    }

    private static SampleReport WithManifolds(SampleReport report, Tensor real, Tensor generated, CancellationToken cancellationToken)
    {
        var improved = PrecisionRecall.Of(real, generated, ManifoldOptions.TorchFidelity, cancellationToken);
        var reliable = PrecisionRecall.Of(real, generated, ManifoldOptions.Prdc, cancellationToken);
        return report with { Precision = improved.Precision, Recall = improved.Recall, Density = reliable.Density, Coverage = reliable.Coverage };
    }

    private static double Sfid(SampleFeatures generated, SampleReference reference)
    {
        var spatial = generated.Spatial ?? throw new ArgumentException("sfid needs statistics of the features with their places, which were not taken.", nameof(generated));
        var (mean, covariance) = reference.SpatialGaussian();
        return FrechetDistance.Between(spatial.Mean, spatial.Covariance, mean, covariance);
    }
}

using static TorchSharp.torch;

namespace Imago.Metrics;

/// <summary>What pictures are compared with: other pictures, or a file of their statistics.</summary>
public sealed class SampleReference
{
    private readonly string? _path;

    /// <summary>Pictures, which stay the caller's.</summary>
    public SampleReference(SampleFeatures set)
    {
        ArgumentNullException.ThrowIfNull(set);
        Set = set;
    }

    /// <summary>A file of statistics (<see cref="StatisticsFile"/>).</summary>
    public SampleReference(string statisticsPath)
    {
        ArgumentException.ThrowIfNullOrEmpty(statisticsPath);
        _path = statisticsPath;
    }

    /// <summary>The pictures, where it is pictures.</summary>
    public SampleFeatures? Set { get; }

    /// <summary>The network must be the same on both sides. What other programs' files come from is not known.</summary>
    /// <exception cref="ArgumentException">It is another.</exception>
    internal void RequireExtractor(string name)
    {
        if ((Set?.Extractor ?? StatisticsFile.ExtractorOf(_path!)) is { } mine && mine != name)
            throw new ArgumentException($"The reference was seen by {mine}, the pictures by {name}; take the same network, layer and resizing for both.", nameof(name));
    }

    /// <summary>Mean and covariance of the features; the caller owns them.</summary>
    internal (Tensor Mean, Tensor Covariance) Gaussian(FrechetConvention convention) => Set is null ? StatisticsFile.Read(_path!) : convention.Of(Set.Statistics);

    /// <summary>Mean and covariance of the features of sFID; the caller owns them.</summary>
    /// <exception cref="ArgumentException">They were not taken.</exception>
    internal (Tensor Mean, Tensor Covariance) SpatialGaussian()
    {
        if (Set is null) return StatisticsFile.ReadSpatial(_path!);
        var spatial = Set.Spatial ?? throw new ArgumentException("sfid needs statistics of the reference's features with their places, which were not taken.", nameof(Set));
        return (spatial.Mean, spatial.Covariance);
    }
}

namespace Imago.Metrics;

/// <summary>A number that was measured several times.</summary>
/// <param name="Mean">Mean of the measurements.</param>
/// <param name="StandardDeviation">Their standard deviation, divided by their count (not by one less).</param>
public readonly record struct Estimate(double Mean, double StandardDeviation)
{
    internal static Estimate Of(IReadOnlyCollection<double> values)
    {
        var mean = values.Average();
        return new Estimate(mean, Math.Sqrt(values.Average(value => (value - mean) * (value - mean))));
    }
}

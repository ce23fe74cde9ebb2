using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Metrics;

/// <summary>Perceptual path lengths without their outliers.</summary>
/// <param name="Mean">Their mean.</param>
/// <param name="StandardDeviation">Their standard deviation, divided by their count.</param>
/// <param name="Kept">How many were kept.</param>
/// <param name="Lower">The shortest length that is kept; null where none is dropped.</param>
/// <param name="Upper">The longest length that is kept; null where none is dropped.</param>
public readonly record struct PathLengthSummary(double Mean, double StandardDeviation, int Kept, double? Lower, double? Upper);

/// <summary>Perceptual path length (Karras et al. 2019, section 4.1): how far pictures move, by LPIPS, for a small step between latents.</summary>
public static class PerceptualPathLength
{
    /// <summary>d(G(z(t)), G(z(t + ε)))/ε², the length of each step, in float32 as the reference implementations take it.</summary>
    /// <param name="lpips">Distances of pairs of pictures, [N].</param>
    /// <param name="epsilon">ε.</param>
    public static Tensor Distances(Tensor lpips, double epsilon) => WrappedTensorDisposeScope(() => lpips.to(float32) / (epsilon * epsilon));

    /// <summary>Mean and deviation of the lengths between two percentiles, the limits included.</summary>
    /// <param name="distances">[N].</param>
    /// <param name="lower">Percentile below which lengths are dropped, its order statistic rounded down; null for none.</param>
    /// <param name="upper">Percentile above which lengths are dropped, rounded up; null for none.</param>
    /// <exception cref="ArgumentException">There are no lengths, or one is not a finite number.</exception>
    public static PathLengthSummary Summarise(Tensor distances, double? lower = 1, double? upper = 99)
    {
        ArgumentNullException.ThrowIfNull(distances);
        if (distances.dim() != 1 || distances.shape[0] == 0) throw new ArgumentException($"Lengths are [N], one at least; got [{string.Join(", ", distances.shape)}].", nameof(distances));
        using var scope = NewDisposeScope();
        var sorted = distances.to(float64).sort().Values.data<double>().ToArray();
        if (!sorted.All(double.IsFinite)) throw new ArgumentException("A path length is not a finite number.", nameof(distances));
        double Position(double percentile) => percentile / 100 * (sorted.Length - 1);
        double? low = lower is { } l ? sorted[(int)Math.Floor(Position(l))] : null;
        double? high = upper is { } u ? sorted[(int)Math.Ceiling(Position(u))] : null;
        double[] kept = [.. sorted.Where(length => !(length < low) && !(length > high))];
        var (mean, deviation) = Estimate.Of(kept);
        return new PathLengthSummary(mean, deviation, kept.Length, low, high);
    }
}

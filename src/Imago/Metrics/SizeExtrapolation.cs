using Imago.Randomness;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Metrics;

/// <summary>What a measure that depends on the number of pictures would be with infinitely many (Chong and Forsyth 2020).</summary>
/// <param name="Sizes">The numbers of pictures at which it was taken.</param>
/// <param name="Values">What it was there.</param>
/// <param name="AtInfinity">Where the line through them, as a function of 1/N, meets 1/N = 0.</param>
/// <param name="Slope">Slope of that line.</param>
/// <param name="StandardError">Standard error of <paramref name="AtInfinity"/> by the residuals of the line; the subsets overlap, so it is a lower bound. NaN with two sizes.</param>
public sealed record SizeExtrapolation(IReadOnlyList<int> Sizes, IReadOnlyList<double> Values, double AtInfinity, double Slope, double StandardError)
{
    /// <summary>Numbers of pictures in equal steps, cut to whole ones.</summary>
    /// <param name="fewest">The first.</param>
    /// <param name="all">The last.</param>
    /// <param name="points">How many.</param>
    /// <exception cref="ArgumentOutOfRangeException">There are fewer than two points, or no room between the ends.</exception>
    public static IReadOnlyList<int> StepsBetween(int fewest, int all, int points)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(points, 2);
        ArgumentOutOfRangeException.ThrowIfLessThan(fewest, 2);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(all, fewest);
        var step = (double)(all - fewest) / (points - 1);
        return [.. Enumerable.Range(0, points).Select(i => i == points - 1 ? all : (int)(i * step + fewest))];
    }

    /// <summary>Orders of the rows, each a shuffle of the one before, by NumPy's generator.</summary>
    /// <param name="count">Rows.</param>
    /// <param name="points">Orders.</param>
    /// <param name="seed">Seed of the shuffles.</param>
    public static IEnumerable<long[]> Orders(int count, int points, uint seed)
    {
        var random = new NumpyRandom(seed);
        long[] order = [.. Enumerable.Range(0, count)];
        for (var point = 0; point < points; point++)
        {
            random.Shuffle(order.AsSpan());
            yield return [.. order];
        }
    }

    /// <summary>The least-squares line of values against 1/N.</summary>
    /// <exception cref="ArgumentException">There are not as many values as sizes, or fewer than two different sizes.</exception>
    public static SizeExtrapolation Fit(IReadOnlyList<int> sizes, IReadOnlyList<double> values)
    {
        ArgumentNullException.ThrowIfNull(sizes);
        ArgumentNullException.ThrowIfNull(values);
        if (sizes.Count != values.Count || sizes.Distinct().Count() < 2) throw new ArgumentException($"A line needs values at two sizes at least; got {values.Count} values at sizes {string.Join(", ", sizes)}.", nameof(sizes));
        double[] x = [.. sizes.Select(size => 1.0 / size)];
        var (meanX, meanY) = (x.Average(), values.Average());
        var spread = x.Sum(value => (value - meanX) * (value - meanX));
        var slope = x.Zip(values, (a, b) => (a - meanX) * (b - meanY)).Sum() / spread;
        var atInfinity = meanY - slope * meanX;
        var residual = x.Zip(values, (a, b) => b - atInfinity - slope * a).Sum(r => r * r) / (x.Length - 2);
        return new SizeExtrapolation(sizes, values, atInfinity, slope, Math.Sqrt(residual * (1.0 / x.Length + meanX * meanX / spread)));
    }

    /// <summary>A measure of the first rows of shuffled features, at each size, and the line through the values.</summary>
    /// <param name="features">[N, D]: features, or logits.</param>
    /// <param name="measure">The measure of some of them.</param>
    /// <param name="sizes">How many, the largest at most N.</param>
    /// <param name="orders">The order of the rows at each size.</param>
    /// <param name="cancellationToken">Ends the work after the size at hand.</param>
    public static SizeExtrapolation Of(Tensor features, Func<Tensor, double> measure, IReadOnlyList<int> sizes, IEnumerable<long[]> orders, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(features);
        ArgumentNullException.ThrowIfNull(measure);
        ArgumentNullException.ThrowIfNull(sizes);
        return Fit(sizes, [.. sizes.Zip(orders, (size, order) =>
        {
            cancellationToken.ThrowIfCancellationRequested();
            using var scope = NewDisposeScope();
            return measure(features.index_select(0, tensor(order[..size])));
        })]);
    }
}

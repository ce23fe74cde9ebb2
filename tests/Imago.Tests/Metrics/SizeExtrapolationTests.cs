using Imago.Metrics;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Tests;

public class SizeExtrapolationTests
{
    [Fact]
    public void Line_ThroughABiasOfOneOverN_GivesTheValueWithoutIt()
    {
        var sizes = SizeExtrapolation.StepsBetween(100, 1000, 7);
        var line = SizeExtrapolation.Fit(sizes, [.. sizes.Select(n => 3 + 50.0 / n)]);
        Assert.Equal((3, 50), (line.AtInfinity, line.Slope), (a, b) => Math.Abs(a.Item1 - b.Item1) < 1e-9 && Math.Abs(a.Item2 - b.Item2) < 1e-6);
        Assert.Equal(0, line.StandardError, 1e-9);
        Assert.Equal((100, 1000), (sizes[0], sizes[^1]));
    }

    /// <summary>FID of samples of a Gaussian against the Gaussian itself is all bias, which falls as 1/N: little of it is left.</summary>
    [Fact]
    public void Extrapolation_OfTheBiasOfTheFrechetDistance_NearsZero()
    {
        using var scope = NewDisposeScope();
        var x = randn([2000, 4], float64, generator: new Generator(2));
        var standard = (zeros(4, float64), eye(4, dtype: float64));
        double Measure(Tensor rows)
        {
            using var statistics = FeatureStatistics.Of(rows);
            return FrechetDistance.Between(statistics.Mean, statistics.Covariance, standard.Item1, standard.Item2);
        }
        var sizes = SizeExtrapolation.StepsBetween(200, 2000, 8);
        var line = SizeExtrapolation.Of(x, Measure, sizes, SizeExtrapolation.Orders(2000, 8, seed: 1));
        Assert.True(Math.Abs(line.AtInfinity) < line.Values.Average() / 3, $"{line.AtInfinity} of {string.Join(' ', line.Values)}");
    }

    [Fact]
    public void Orders_AreShufflesOfEachOther()
    {
        var orders = SizeExtrapolation.Orders(15, 2, seed: 0).ToList();                     // RandomState(0).shuffle(arange(15)), twice
        Assert.Equal([1, 6, 8, 9, 14, 4, 2, 13, 10, 7, 11, 3, 0, 5, 12], orders[0]);
        Assert.Equal([8, 14, 9, 5, 3, 1, 11, 7, 4, 12, 10, 0, 13, 2, 6], orders[1]);
    }

    [Fact]
    public void OneSize_IsRefused() => Assert.Throws<ArgumentException>(() => SizeExtrapolation.Fit([10, 10], [1, 2]));
}

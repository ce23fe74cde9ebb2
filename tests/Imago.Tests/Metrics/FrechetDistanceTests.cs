using Imago.Metrics;
using Imago.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Tests;

public class FrechetDistanceTests
{
    private const int Dimension = 6;

    private static Tensor Features(ulong seed, long count = 50) =>
        randn([count, Dimension], float64, generator: new Generator(seed)).matmul(randn([Dimension, Dimension], float64, generator: new Generator(seed + 100))) + seed;

    private static double Between(Tensor first, Tensor second)
    {
        using var a = FeatureStatistics.Of(first);
        using var b = FeatureStatistics.Of(second);
        return FrechetDistance.Between(a, b);
    }

    [Fact]
    public void Distance_OfASetToItself_IsZero()
    {
        using var scope = NewDisposeScope();
        Assert.Equal(0, Between(Features(1), Features(1)), 1e-8);
        Assert.Equal(0, Between(Features(1, count: 3), Features(1, count: 3)), 1e-6);       // of rank two
    }

    /// <summary>Covariances that commute: d² = |μ₁ − μ₂|² + Σ (√λ₁ − √λ₂)².</summary>
    [Fact]
    public void Distance_OfCommutingCovariances_IsThatOfTheirDeviations()
    {
        using var scope = NewDisposeScope();
        var (rotation, _) = linalg.qr(randn([3, 3], float64, generator: new Generator(4)));
        Tensor Covariance(params double[] deviations) => (rotation * tensor(deviations).square()).matmul(rotation.t());
        var distance = FrechetDistance.Between(tensor([1.0, 2, 3]), Covariance(1, 2, 0), tensor([1.0, 0, 3]), Covariance(3, 2, 5));
        Assert.Equal(4 + 4 + 0 + 25, distance, 1e-6);
    }

    [Fact]
    public void Distance_OfMeansAlone_IsTheirSquaredDistance() =>
        Assert.Equal(25, FrechetDistance.Between(tensor([0.0, 0]), zeros(2, 2, float64), tensor([3.0, 4]), zeros(2, 2, float64)), 1e-12);

    [Fact]
    public void Distance_IsSymmetric_AndTheSameAfterARotation()
    {
        using var scope = NewDisposeScope();
        var (a, b) = (Features(1), Features(2));
        var (rotation, _) = linalg.qr(randn([Dimension, Dimension], float64, generator: new Generator(3)));
        var distance = Between(a, b);
        Assert.True(distance > 1);
        Assert.Equal(1, Between(b, a) / distance, 1e-10);
        Assert.Equal(1, Between(a.matmul(rotation), b.matmul(rotation)) / distance, 1e-10);
    }

    /// <summary>Fewer samples than dimensions, a constant and a doubled column: finite, and near that of covariances that are hardly not singular.</summary>
    [Fact]
    public void Distance_OfSingularCovariances_IsTheLimitOfRegularOnes()
    {
        using var scope = NewDisposeScope();
        var (a, b) = (Features(1, count: 4), Features(2, count: 5));
        a[.., 2] = 0.25;
        b[.., 3] = b[.., 4];
        using var first = FeatureStatistics.Of(a);
        using var second = FeatureStatistics.Of(b);
        var little = 1e-12 * eye(Dimension, dtype: float64);
        var regular = FrechetDistance.Between(first.Mean, first.Covariance + little, second.Mean, second.Covariance + little);
        Assert.Equal(regular, FrechetDistance.Between(first, second), 1e-4);
    }

    /// <summary>Two sets from a linear congruential generator, whose distance SciPy gives as 0.6712019031 both by the root of the product and by eigenvalues.</summary>
    [Fact]
    public void Distance_OfTheReferenceSets_IsThatOfSciPy()
    {
        using var scope = NewDisposeScope();
        var (a, b) = (ReferenceSets.A(), ReferenceSets.B());
        Assert.Equal(0.6712019031, Between(a, b), 1e-9);
        Assert.Equal(0.6712019031, FrechetDistance.OfFeatures(a, b), 1e-9);
        using var first = FeatureStatistics.Of(a);
        using var second = FeatureStatistics.Of(b);
        Assert.Equal(0.6710439808, FrechetDistance.Between(first, second, FrechetConvention.StyleGan2Ada), 1e-9);
    }

    /// <summary>Rows added one after another in float32: 2²⁴ swallows every 1 that follows it.</summary>
    [Fact]
    public void SinglePrecisionMean_LosesWhatFloat32Loses()
    {
        using var scope = NewDisposeScope();
        using var statistics = FeatureStatistics.Of(tensor(new float[] { 1 << 24, 1, 1, 1 }).view(4, 1));
        Assert.Equal((1 << 24) / 4.0, statistics.SinglePrecisionMean.item<double>());
        Assert.Equal(((1 << 24) + 3) / 4.0, statistics.Mean.item<double>());
    }

    [Fact]
    public void Distance_OfOneFeature_IsDefinedWhereCovariancesAreDividedByTheCount()
    {
        using var scope = NewDisposeScope();
        using var first = FeatureStatistics.Of(tensor([0.0, 0]).view(1, 2));
        using var second = FeatureStatistics.Of(tensor([3.0, 4]).view(1, 2));
        Assert.Equal(25, FrechetDistance.Between(first, second, FrechetConvention.StyleGan2Ada), 1e-12);
        Assert.Throws<InvalidOperationException>(() => FrechetDistance.Between(first, second));
    }

    [Fact]
    public void Statistics_InBatchesShardsAndAnyOrder_AreThoseOfTheWhole()
    {
        using var scope = NewDisposeScope();
        var x = 1000 + Features(5, count: 61);
        using var whole = FeatureStatistics.Of(x);
        using var first = new FeatureStatistics(Dimension);
        using var second = new FeatureStatistics(Dimension);
        foreach (var batch in x.flip(0)[..40].split(7)) first.Add(batch);
        second.Add(x.flip(0)[40..]);
        first.Add(second);
        Assert.Equal(61, first.Count);
        Assert.True(first.Mean.allclose(x.mean([0L]), 1e-12) && whole.Mean.allclose(first.Mean, 1e-12));
        Assert.True(first.Covariance.allclose(cov(x.t()), 1e-10) && whole.Covariance.allclose(first.Covariance, 1e-10));
    }

    [Fact]
    public void Statistics_LeaveNothingBehind()
    {
        using var scope = NewDisposeScope();
        var x = Features(1);
        using var statistics = new FeatureStatistics(Dimension);
        var before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        statistics.Add(x);
        statistics.Add(statistics);
        FrechetDistance.Between(statistics, statistics);
        Assert.Equal(before, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
    }

    [Fact]
    public void WhatHasNoDistance_IsRefused()
    {
        using var scope = NewDisposeScope();
        var x = Features(1);
        var broken = x.clone();
        broken[17, 3] = double.NaN;
        Assert.Contains("finite", Assert.Throws<ArgumentException>(() => FeatureStatistics.Of(broken)).Message, StringComparison.Ordinal);
        Assert.Contains("two", Assert.Throws<InvalidOperationException>(() => Between(x[..1], x)).Message, StringComparison.Ordinal);
        Assert.Contains("6 numbers", Assert.Throws<ArgumentException>(() => Between(x, x[.., ..4])).Message, StringComparison.Ordinal);
        Assert.Contains("symmetric", Assert.Throws<ArgumentException>(() => FrechetDistance.Between(zeros(2), tensor(new float[,] { { 1, 2 }, { 0, 1 } }), zeros(2), eye(2))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void StatisticsFile_GivesBackWhatWasWritten_AndRefusesWhatIsNone()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        using var statistics = FeatureStatistics.Of(Features(1));
        string Write(params (string Name, Tensor Value)[] arrays)
        {
            var path = folder.File($"{arrays.Length}-{arrays[^1].Value.numel()}.npz");
            NumpyFile.WriteArchive(path, arrays.Select(array => KeyValuePair.Create(array.Name, array.Value)), compress: true);
            return path;
        }
        var (mean, covariance) = StatisticsFile.Read(Write(("mu", statistics.Mean), ("sigma", statistics.Covariance)));
        Assert.True(mean.Equals(statistics.Mean) && covariance.Equals(statistics.Covariance));
        Assert.Contains("sigma", Assert.Throws<CheckpointException>(() => StatisticsFile.Read(Write(("mu", statistics.Mean)))).Message, StringComparison.Ordinal);
        Assert.Contains("[D, D]", Assert.Throws<CheckpointException>(() => StatisticsFile.Read(Write(("mu", statistics.Mean), ("sigma", zeros(6, 5))))).Message, StringComparison.Ordinal);
    }
}

using Imago.Probability;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Tests;

public class BoundsTests
{
    private static readonly Generator Noise = new(3);

    private static LinearGaussianModel Model(out Tensor x)
    {
        x = randn([6], float64, generator: new Generator(1));
        return new LinearGaussianModel(randn([6, 2], float64, generator: new Generator(2)), zeros(6, float64), 0.8);
    }

    private static DiagonalGaussian Guess => new(tensor(new[,] { { 0.3, -0.4 } }), tensor(new[,] { { -0.5, -1.0 } }));

    [Fact]
    public void LinearGaussianModel_ElboPlusKlToThePosterior_IsTheLogEvidence()
    {
        using var scope = NewDisposeScope();
        var model = Model(out var x);
        Assert.Equal(model.Evidence.LogDensity(x), model.Elbo(x, Guess) + model.KlToPosterior(x, Guess), 1e-9);
    }

    [Fact]
    public void Bounds_OfMoreSamples_RiseFromTheElboToTheLogEvidence()
    {
        using var scope = NewDisposeScope();
        var model = Model(out var x);
        var (q, w) = (Guess, randn([6, 2], float64, generator: new Generator(2)));
        var z = q.Sample(randn([400_000, 2], float64, generator: new Generator(4)));
        var logWeights = Reconstruction.Gaussian(z.matmul(w.t()).view(-1, 6, 1, 1), x.view(1, 6, 1, 1), 0.8).neg() + DiagonalGaussian.LogPrior(z) - q.LogDensity(z);
        double Bound(int k) => ImportanceBounds.Iwae(logWeights.view(-1, k)).mean().item<double>();
        Assert.Equal(model.Elbo(x, q), Bound(1), 0.05);
        double[] bounds = [Bound(1), Bound(5), Bound(50), Bound(400_000)];
        Assert.Equal(bounds.Order(), bounds);
        Assert.Equal(model.Evidence.LogDensity(x), bounds[^1], 0.02);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(64)]
    [InlineData(1000)]
    public void StreamingLogMeanExp_InAnyPieces_IsTheBoundOfAll(int piece)
    {
        using var scope = NewDisposeScope();
        var values = 300 * randn([3, 200], float64, generator: new Generator(1));
        using var streaming = new StreamingLogMeanExp();
        for (long begin = 0; begin < 200; begin += piece) streaming.Add(values.narrow(1, begin, Math.Min(piece, 200 - begin)));
        Assert.InRange((streaming.Result() - ImportanceBounds.Iwae(values)).abs().max().item<double>(), 0, 1e-10);
        Assert.Equal(200, streaming.Count);
    }

    [Fact]
    public void StreamingLogMeanExp_OfImpossibleSamples_IsMinusInfinity()
    {
        using var scope = NewDisposeScope();
        using var streaming = new StreamingLogMeanExp();
        streaming.Add(full([1, 3], double.NegativeInfinity, float64));
        Assert.Equal(double.NegativeInfinity, streaming.Result().item<double>());
        streaming.Add(zeros([1, 3], float64));
        Assert.Equal(-Math.Log(2), streaming.Result().item<double>(), 1e-12);
    }

    [Fact]
    public void EffectiveSampleSize_LiesBetweenOneAndAll()
    {
        using var scope = NewDisposeScope();
        Assert.Equal(8, ImportanceBounds.EffectiveSampleSize(zeros(1, 8)).item<float>(), 1e-5);
        Assert.Equal(1, ImportanceBounds.EffectiveSampleSize(tensor(new float[,] { { 0, 200, 0 } })).item<float>(), 1e-5);
    }

    [Fact]
    public void AggregatePosterior_OfADataset_EqualsTheNaiveMixture()
    {
        using var scope = NewDisposeScope();
        var q = new DiagonalGaussian(randn([7, 3], float64, generator: Noise), 0.3 * randn([7, 3], float64, generator: Noise));
        var z = q.Sample(randn([7, 3], float64, generator: Noise));
        var densities = AggregatePosterior.OfDataset(q, z);
        var naive = stack([.. Enumerable.Range(0, 7).Select(i => stack([.. Enumerable.Range(0, 7).Select(j =>
            new DiagonalGaussian(q.Mean[j].unsqueeze(0), q.LogVar[j].unsqueeze(0)).LogDensity(z[i].unsqueeze(0)).squeeze(0))]).exp().mean().log())]);
        Assert.InRange((densities.LogAggregate - naive).abs().max().item<double>(), 0, 1e-10);
    }

    [Fact]
    public void AggregatePosterior_ItsThreeParts_SumToTheSampledKl()
    {
        using var scope = NewDisposeScope();
        var q = new DiagonalGaussian(randn([7, 3], float64, generator: Noise), 0.3 * randn([7, 3], float64, generator: Noise));
        var z = q.Sample(randn([7, 3], float64, generator: Noise));
        foreach (var estimator in Enum.GetValues<TotalCorrelationEstimator>())
        {
            var parts = AggregatePosterior.OfBatch(q, z, 1000, estimator);
            var sum = (parts.MutualInformation + parts.TotalCorrelation + parts.DimensionWiseKl).item<double>();
            Assert.Equal((q.LogDensity(z) - DiagonalGaussian.LogPrior(z)).mean().item<double>(), sum, 1e-9);
        }
    }

    [Theory]
    [InlineData(MmdKernel.Gaussian)]
    [InlineData(MmdKernel.InverseMultiquadratic)]
    public void Mmd_OfOneDistribution_IsNearZeroAndOfTwoIsNot(MmdKernel kernel)
    {
        using var scope = NewDisposeScope();
        var generator = new Generator(9);
        var (a, b) = (randn([400, 4], generator: generator), randn([400, 4], generator: generator));
        Assert.InRange(MaximumMeanDiscrepancy.Estimate(kernel, a, b).item<float>(), -0.02, 0.02);
        Assert.True(MaximumMeanDiscrepancy.Estimate(kernel, a, b + 2).item<float>() > 0.1);
    }

    [Fact]
    public void MixturePrior_OfOneComponent_IsThatGaussian()
    {
        using var scope = NewDisposeScope();
        var q = new DiagonalGaussian(randn(1, 3), randn(1, 3));
        var z = randn(5, 3);
        Assert.True(new MixturePrior(q).LogDensity(z).allclose(q.LogDensity(z), 1e-4, 1e-5));
    }

    [Fact]
    public void VectorQuantization_AmongEqualCodes_TakesTheFirstAndPassesTheGradient()
    {
        using var scope = NewDisposeScope();
        var codebook = tensor(new float[,] { { 1, 0 }, { 0, 2 }, { 1, 0 } });
        var z = tensor(new float[,] { { 0.9f, 0.1f } }).requires_grad_();
        var nearest = VectorQuantization.Nearest(z, codebook);
        Assert.Equal(0, nearest.Indices.item<long>());
        var straight = VectorQuantization.StraightThrough(z, nearest.Codes);
        straight.sum().backward();
        Assert.True(straight.allclose(nearest.Codes));
        Assert.True(z.grad!.allclose(ones_like(z)));
    }
}

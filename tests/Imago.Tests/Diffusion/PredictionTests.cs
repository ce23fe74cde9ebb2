using Imago.Diffusion;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Tests;

public class PredictionTests
{
    private static readonly NoiseLevel[] Levels =
        [VariancePreserving.StableDiffusion.At(400), new VarianceExploding().AtRatio(5), new RectifiedFlow().At(300), new(0, 1, 999), new(1, 0, 0), new(1e-3, 1, 998)];

    public static TheoryData<Prediction, Prediction> Pairs => [.. from a in Enum.GetValues<Prediction>() from b in Enum.GetValues<Prediction>() select (a, b)];

    private static Tensor Draw(long seed) => randn([2, 3, 4, 4], float64, generator: new Generator((ulong)seed));

    [Theory, MemberData(nameof(Pairs))]
    public void Convert_AtEveryLevelWhereItIsDefined_IsExact(Prediction from, Prediction to)
    {
        using var scope = NewDisposeScope();
        var (x0, epsilon) = (Draw(1), Draw(2));
        foreach (var level in Levels)
        {
            var x = Estimates.Noisy(x0, epsilon, level);
            var output = from.Of(x0, epsilon, level.Alpha, level.Sigma);
            var undefined = from != to && ((from == Prediction.Epsilon && level.Alpha == 0) || (from == Prediction.Sample && level.Sigma == 0));
            if (undefined) Assert.Throws<ArgumentException>(() => Predictions.Convert(from, to, output, x, level));
            else Assert.True(Predictions.Convert(from, to, output, x, level).allclose(to.Of(x0, epsilon, level.Alpha, level.Sigma), 1e-12, 1e-11));
        }
    }

    [Theory, InlineData(Prediction.Epsilon), InlineData(Prediction.Sample), InlineData(Prediction.Velocity), InlineData(Prediction.Flow)]
    public void FromNetwork_ThatKnowsTheAnswer_GivesTheImageInAnyScale(Prediction prediction)
    {
        using var scope = NewDisposeScope();
        var (process, x0, epsilon) = (VariancePreserving.StableDiffusion, Draw(1), Draw(2));
        var level = process.At(500);
        var denoise = Denoisers.FromNetwork((x, time) =>
        {
            Assert.True(x.allclose(Estimates.Noisy(x0, epsilon, level), 1e-12, 1e-12));
            Assert.Equal([500f, 500f], time.data<float>().ToArray());
            return cat([prediction.Of(x0, epsilon, level.Alpha, level.Sigma), x], 1);             // a learned variance is left aside
        }, prediction, process);
        Assert.True(denoise(Estimates.Noisy(x0, epsilon, level), level).allclose(x0, 1e-11, 1e-11));
        Assert.True(denoise(x0 + level.Ratio * epsilon, new(1, level.Ratio, level.Time)).allclose(x0, 1e-11, 1e-11));
    }

    [Theory, InlineData(Prediction.Epsilon), InlineData(Prediction.Sample), InlineData(Prediction.Velocity), InlineData(Prediction.Flow)]
    public void Preconditioned_ByAProcess_IsTheDenoiserOfTheNetwork(Prediction prediction)
    {
        using var scope = NewDisposeScope();
        NoiseProcess process = prediction == Prediction.Flow ? new RectifiedFlow() : VariancePreserving.StableDiffusion;
        static Tensor Network(Tensor x, Tensor time) => (1.3 * x + time.to(float64).view(-1, 1, 1, 1) / 1000).tanh();
        var (x, level) = (Draw(3), new NoiseLevel(1, 2.5, process.AtRatio(2.5).Time));
        var expected = Denoisers.FromNetwork(Network, prediction, process)(x, level);
        Assert.True(Denoisers.Preconditioned(Network, sigma => Preconditioning.Of(prediction, process, sigma))(x, level).allclose(expected, 1e-10, 1e-12));
    }

    [Fact]
    public void Edm_AtEverySigma_HasInputAndTargetOfUnitVariance() => Assert.All(Ramps.Exponential(80, 0.002, 19), sigma =>
    {
        var c = Preconditioning.Edm(sigma);
        Assert.Equal(1, c.In * c.In * (0.25 + sigma * sigma), 1e-12);
        Assert.Equal(c.Out * c.Out, (1 - c.Skip) * (1 - c.Skip) * 0.25 + c.Skip * c.Skip * sigma * sigma, 1e-12);
        Assert.Equal(1, c.LossWeight * c.Out * c.Out, 1e-12);
    });

    [Fact]
    public void Clipped_Estimates_StayWithinTheRange()
    {
        using var scope = NewDisposeScope();
        Assert.True(Denoisers.Clipped((x, _) => 10 * x, 0.5)(Draw(1), Levels[0]).abs().max().item<double>() <= 0.5);
    }

    [Fact]
    public void DynamicThresholding_DividesByTheQuantileOfEachImage()
    {
        using var scope = NewDisposeScope();
        var x0 = cat([linspace(0, 4, 5, float64).view(1, 1, 1, 5), linspace(0, 0.4, 5, float64).view(1, 1, 1, 5)]);
        var got = Thresholding.Dynamic(x0, 0.75, 10);
        Assert.Equal([0, 1 / 3.0, 2 / 3.0, 1, 1], got[0].data<double>().ToArray(), new Near());
        Assert.True(got[1].allclose(x0[1]));                                                        // the bound is at least 1
    }

    [Fact]
    public void ConsistencyScalings_AtTheCleanEnd_LeaveTheImageAlone()
    {
        Assert.Equal(new ConsistencyScalings(1, 0), ConsistencyScalings.Latent(0));
        Assert.Equal(new ConsistencyScalings(1, 0), ConsistencyScalings.Pixel(0.002));
    }

    [Fact]
    public void Denoiser_OfANetwork_LeavesItsInputAsItWas()
    {
        using var scope = NewDisposeScope();
        var x = Draw(1);
        var before = x.clone();
        Denoisers.FromNetwork((input, _) => input * 0.5, Prediction.Velocity, VariancePreserving.StableDiffusion).Clipped()(x, Levels[1]);
        Assert.True(x.eq(before).all().item<bool>());
    }

    private sealed class Near : IEqualityComparer<double>
    {
        public bool Equals(double x, double y) => Math.Abs(x - y) < 1e-12;

        public int GetHashCode(double value) => 0;
    }
}

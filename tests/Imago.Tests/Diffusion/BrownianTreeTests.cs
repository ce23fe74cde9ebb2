using Imago.Diffusion;
using Imago.Randomness;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Tests;

public class BrownianTreeTests
{
    private static BrownianTree Path(ulong seed = 5, long size = 3, double start = 0.02, double end = 20) => new([size], float64, start, end, seed);

    private static double Largest(Tensor difference) => difference.abs().max().item<double>();

    [Fact]
    public void Increments_OfNeighbouringTimes_AddUpToTheWhole()
    {
        using var scope = NewDisposeScope();
        using var path = Path();
        double[] times = [0.02, 0.3, 1.7, 1.70001, 9, 20];
        var parts = times.Zip(times.Skip(1), path.Increment).ToArray();
        Assert.InRange(Largest(stack(parts).sum([0L]) - path.Increment(0.02, 20)), 0, 1e-12);
    }

    [Fact]
    public void Increment_AskedLater_IsTheSame()
    {
        using var scope = NewDisposeScope();
        using var first = Path();
        using var second = Path();
        var early = first.Increment(1, 2);
        for (int i = 0; i < 5; i++) second.Increment(3 + i, 4.5 + i);
        Assert.InRange(Largest(early - second.Increment(1, 2)), 0, 1e-12);
    }

    [Fact]
    public void Increments_AreIndependentNormalsWithTheLengthAsVariance()
    {
        const int n = 20_000;
        using var scope = NewDisposeScope();
        using var path = Path(size: n);
        var (a, b) = (path.Increment(0.5, 1.5), path.Increment(1.5, 5.1));
        var standardError = Math.Sqrt(2.0 / n);
        Assert.InRange((a.var() / 1 - 1).item<double>(), -5 * standardError, 5 * standardError);
        Assert.InRange((b.var() / 3.6 - 1).item<double>(), -5 * standardError, 5 * standardError);
        Assert.InRange((a * b).mean().item<double>() / Math.Sqrt(3.6), -5 / Math.Sqrt(n), 5 / Math.Sqrt(n));
    }

    [Theory]
    [InlineData(0.0078125, 0.007812)]          // exactly halfway: to even
    [InlineData(0.0234375, 0.023438)]
    [InlineData(1.5e-6, 2e-6)]                 // the double is a little above
    [InlineData(3.5e-6, 3e-6)]                 // and a little below
    [InlineData(14.614643096923828, 14.614643)]
    public void Times_AreRoundedLikePythons(double time, double rounded)
    {
        using var path = Path(start: time, end: 100);
        Assert.Equal(rounded, path.Start);
    }

    [Fact]
    public void Source_OfOneSeedAnImage_DoesNotDependOnTheBatch()
    {
        using var scope = NewDisposeScope();
        var (process, like) = (new VarianceExploding(), zeros(3, 4, 2, 2));
        var all = NoiseSources.BrownianTree(like, 0.1, 10, [7, 8, 9]);
        var one = NoiseSources.BrownianTree(like[..1], 0.1, 10, [8]);
        Assert.InRange((all(process.AtRatio(10), process.AtRatio(3))[1] - one(process.AtRatio(10), process.AtRatio(3))[0]).abs().max().item<float>(), 0, 1e-6);
    }

    [Fact]
    public void Source_OutsideItsRange_IsRefused()
    {
        var process = new VarianceExploding();
        using var like = zeros(1, 2);
        var source = NoiseSources.BrownianTree(like, 0.1, 10, [1]);
        Assert.Throws<ArgumentOutOfRangeException>(() => source(process.AtRatio(12), process.AtRatio(11)));
        Assert.Throws<ArgumentOutOfRangeException>(() => source(process.AtRatio(1), process.AtRatio(0.01)));
        Assert.Throws<ArgumentException>(() => NoiseSources.BrownianTree(like, 0.1, 10, [1, 2]));
    }

    [Fact]
    public void Source_AlongOnePath_GivesNearlyTheSameImageWithMoreSteps()
    {
        using var scope = NewDisposeScope();
        var (mixture, sampler) = (MixtureWorld.Mixture(), Samplers.Find("dpmpp_2m_sde").Run);
        var x = MixtureWorld.Start(40, 2, MixtureWorld.ScheduleToClean("variance-exploding", 2)[0]);
        Tensor Run(int steps, bool isTree)
        {
            var schedule = MixtureWorld.ScheduleToClean("variance-exploding", steps);
            return sampler(mixture.Denoise, x, schedule, new() { Noise = isTree ? NoiseSources.BrownianTree(x, schedule, [3]) : NoiseSources.Independent(x, new Generator(3)) });
        }
        double Distance(bool isTree) => (Run(60, isTree) - Run(120, isTree)).square().mean().sqrt().item<double>();
        Assert.True(3 * Distance(isTree: true) < Distance(isTree: false), $"{Distance(true):g3} along a path, {Distance(false):g3} with independent noise");
    }

    [Fact]
    public void Source_OverAFlowFromPureNoise_ServesEveryStochasticSampler()
    {
        using var scope = NewDisposeScope();
        var (mixture, schedule) = (MixtureWorld.Mixture(), MixtureWorld.WholeFlow(6));
        var x = MixtureWorld.Start(2, 2, schedule[0]);
        foreach (var name in (string[])["euler_ancestral", "dpmpp_sde", "dpmpp_2m_sde", "dpmpp_3m_sde", "dpmpp_2s_ancestral"])
            Assert.True(Samplers.Find(name).Run(mixture.Denoise, x, schedule, new() { Noise = NoiseSources.BrownianTree(x, schedule, [3, 4]) }).isfinite().all().item<bool>());
    }

    [Fact]
    public void SeedSequence_OfZero_IsNumPys()
    {
        Assert.Equal([2968811710u, 3677149159, 745650761, 2884920346, 2642120001, 549907821], new SeedSequence(0).GenerateState(6));
        Assert.Equal([15793235383387715774ul, 12390638538380655177], new SeedSequence(0).GenerateState64(2));
        Assert.Equal([4088532484u, 613525653, 3267360767], new SeedSequence(0, [0, 0]).GenerateState(3));
    }
}

using Imago.Diffusion;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Tests;

public class VariationalBoundTests
{
    private static readonly VariancePreserving Process = new(BetaSchedule.Linear, 40, 1e-3, 0.3);

    public static TheoryData<ReverseVariance> Variances => [.. Enum.GetValues<ReverseVariance>()];

    /// <summary>The data are N(0, s²): for every step the posterior averaged over x₀ is a Gaussian too, and the KL of the best Gaussian is known.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(12)]
    [InlineData(38)]
    public void Term_OfTheExactModelOfGaussianData_IsItsClosedForm(int step)
    {
        const double s2 = 0.36;
        const int images = 4000, pixels = 16;
        using var scope = NewDisposeScope();
        using var generator = new Generator(1);
        var bound = VariationalBound.Of(Process);
        int[] steps = [.. Enumerable.Repeat(step, images)];
        var (t, s) = (bound.LevelOf(step), bound.LevelOf(step + 1));
        Tensor Normal() => randn([images, 1, 4, 4], dtype: float64, generator: generator);
        var x0 = Math.Sqrt(s2) * Normal();
        var x = Estimates.Noisy(x0, Normal(), t);
        var exact = t.Alpha * s2 / (t.Alpha * t.Alpha * s2 + t.Sigma * t.Sigma) * x;
        // Kingma et al. 2021, Eq. 14: ½(SNR(s) − SNR(t)) E|x₀ − x̂₀|², the error being the posterior's variance.
        var variance = s2 * t.Sigma * t.Sigma / (t.Alpha * t.Alpha * s2 + t.Sigma * t.Sigma);
        var expected = 0.5 * (s.Snr - t.Snr) * variance / Math.Log(2);
        var terms = bound.Term(x0, x, bound.Reverse(x, exact, null, steps), steps);
        Assert.InRange(terms.mean().item<double>() / expected, 1 - 5 * Math.Sqrt(2.0 / (images * pixels)), 1 + 5 * Math.Sqrt(2.0 / (images * pixels)));
    }

    [Fact]
    public void Term_OfTheTruth_IsZeroBeforeTheLastStep()
    {
        using var scope = NewDisposeScope();
        var (x0, x, bound) = (rand(2, 1, 4, 4, dtype: float64), rand(2, 1, 4, 4, dtype: float64), VariationalBound.Of(Process));
        var terms = bound.Term(x0, x, bound.Reverse(x, x0, null, [0, 20]), [0, 20]);
        Assert.True(terms.allclose(zeros(2, float64), 0, 1e-12));
    }

    [Fact]
    public void Prior_OfAProcessThatEndsInNoise_IsZero()
    {
        using var scope = NewDisposeScope();
        var bound = VariationalBound.Of(new VariancePreserving(BetaSchedule.Linear, zeroTerminalSnr: true));
        Assert.Equal(0, bound.Prior(rand(1, 3, 8, 8, dtype: float64)).item<double>(), 1e-12);
    }

    [Fact]
    public void Reverse_OfAFullRange_IsOneOfTheFixedVariances()
    {
        using var scope = NewDisposeScope();
        var x = zeros(1, 1, 2, 2, dtype: float64);
        Tensor LogVariance(ReverseVariance variance, double w) => VariationalBound.Of(Process, variance).Reverse(x, x, full_like(x, w), [7]).LogVar;
        Assert.True(LogVariance(ReverseVariance.LearnedRange, 1).allclose(LogVariance(ReverseVariance.FixedLarge, 0)));
        Assert.True(LogVariance(ReverseVariance.LearnedRange, -1).allclose(LogVariance(ReverseVariance.FixedSmall, 0)));
    }

    [Fact]
    public void Posterior_OfARectifiedFlow_HasTheMomentsOfTheChain()
    {
        using var scope = NewDisposeScope();
        var flow = new RectifiedFlow();
        var schedule = new NoiseSchedule([flow.AtAmount(0.9), flow.AtAmount(0.5), flow.AtAmount(0.2), flow.AtAmount(0)]);
        var x0 = full([1, 1, 1, 1], 0.7, float64);
        var x = schedule[0].Alpha * x0;
        var posterior = new VariationalBound(schedule).Posterior(x, x0, [0]);
        Assert.Equal(schedule[1].Alpha * 0.7, posterior.Mean.item<double>(), 1e-12);               // the mean of x_s where x_t is at its own mean
    }

    [Theory, MemberData(nameof(Variances))]
    public void Evaluate_AllStepsOrSome_AgreeWithinTheirErrors(ReverseVariance variance)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(2);
        var bound = VariationalBound.Of(Process, variance);
        Tensor[] batches = [.. Enumerable.Range(0, 12).Select(_ => randint(0, 256, [16, 1, 4, 4], generator: generator).to(float32) / 127.5 - 1)];
        (Tensor, Tensor?) Network(Tensor x, NoiseLevel level) => ((x * level.Alpha * 0.5).clamp(-1, 1), variance == ReverseVariance.Learned ? full_like(x, -2) : zeros_like(x));
        var all = VariationalBoundEvaluation.Evaluate(bound, Network, batches, new() { Seed = 1 });
        var some = VariationalBoundEvaluation.Evaluate(bound, Network, batches, new() { StepsPerBatch = 13, Seed = 2 });
        var error = Math.Sqrt(all.StandardError * all.StandardError + some.StandardError * some.StandardError);
        Assert.InRange(some.BitsPerDimension - all.BitsPerDimension, -5 * error, 5 * error);
        Assert.Equal(bound.Steps, all.Curve.Count);
        Assert.Equal(all.BitsPerDimension, all.Curve[^1].Rate, 1e-9);
        Assert.True(all.Curve.Zip(all.Curve.Skip(1)).All(pair => pair.Second.Rate >= pair.First.Rate - 1e-9));
    }

    [Fact]
    public void Evaluate_ByAnyNumberOfBatches_LeavesNoTensorBehind()
    {
        var x0 = zeros(2, 1, 4, 4);
        using (x0)
        {
            var before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
            VariationalBoundEvaluation.Evaluate(VariationalBound.Of(Process), (x, _) => (x * 0.5, null), [x0, x0, x0], new() { StepsPerBatch = 3 });
            Assert.Equal(before, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
        }
    }

    [Fact]
    public void LearnsVariance_OfTheBound_FollowsTheVarianceAlone()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(4);
        var x0 = rand(4, 1, 4, 4, generator: generator) * 2 - 1;
        var (mean, variance) = (zeros_like(x0).requires_grad_(), zeros_like(x0).requires_grad_());
        var loss = DiffusionObjectives.Loss(new() { LearnsVariance = true }, Process, (_, _) => cat([mean, variance], 1), x0, generator);
        (loss.PerImage.sum() - 0 * loss.SquaredError.sum()).backward();
        Assert.True(variance.grad!.abs().sum().item<float>() > 0);
        var plain = zeros_like(x0).requires_grad_();
        DiffusionObjectives.Loss(new(), Process, (_, _) => plain.alias(), x0, new DiffusionDraw(loss.Levels, Epsilon(), Epsilon())).PerImage.sum().backward();
        Assert.True(mean.grad!.allclose(plain.grad!, 1e-4, 1e-6));

        Tensor Epsilon()
        {
            using var again = new Generator(4);
            rand(4, 1, 4, 4, generator: again);
            return DiffusionObjectives.Draw(new(), Process, x0, again).Epsilon;
        }
    }

    [Fact]
    public void Constructor_OfAChainThatDoesNotEndClean_IsRefused() =>
        Assert.Throws<ArgumentException>(() => new VariationalBound(new NoiseSchedule([Process.At(30), Process.At(20), Process.At(10)])));

    [Theory]
    [InlineData("flow")]
    [InlineData("variance-preserving")]
    public void Bound_OfADensity_IsExactForNormalData_WhateverTheChain(string name)
    {
        using var scope = NewDisposeScope();
        var process = MixtureWorld.Processes[name];
        var chain = new NoiseSchedule([.. new[] { 1e4, 30, 3, 0.7, 0.05 }.Select(process.AtRatio), process.AtRatio(0)], process);
        var x0 = randn([4000, 2, 1, 1], float64, generator: new Generator(1));
        (Tensor, Tensor?) Best(Tensor x, NoiseLevel level) => (level.Alpha / (level.Alpha * level.Alpha + level.Sigma * level.Sigma) * x, null);
        BoundReport Evaluate(ReverseVariance variance) => VariationalBoundEvaluation.Evaluate(new VariationalBound(chain, variance, isDensity: true), Best, [x0], new BoundOptions());
        var exact = -Probability.DiagonalGaussian.LogPrior(x0).mean().item<double>() / (2 * Math.Log(2));
        var report = Evaluate(ReverseVariance.StandardNormal);
        Assert.InRange(report.BitsPerDimension - exact, -3 * report.StandardError, 3 * report.StandardError);
        Assert.True(Evaluate(ReverseVariance.FixedSmall).BitsPerDimension > exact + 0.1);
    }
}

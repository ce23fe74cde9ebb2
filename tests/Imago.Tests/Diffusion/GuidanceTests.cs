using Imago.Diffusion;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Tests;

public class GuidanceTests
{
    private static readonly NoiseProcess Process = VariancePreserving.StableDiffusion;
    private static readonly NoiseSchedule Schedule = new([Process.At(999), Process.At(666), Process.At(333), Process.AtRatio(0)]);

    [Theory]
    [InlineData("classifier_free")]
    [InlineData("tangential")]
    [InlineData("zero_star")]
    [InlineData("magnitude_aware")]
    [InlineData("adaptive_projected")]
    public void Guided_WithTheScaleOfNoGuidance_AsksForTheConditionAlone(string kind)
    {
        using var scope = NewDisposeScope();
        var (c, _, x) = Answers();
        using var run = new GuidanceRun(Schedule);
        var guided = GuidedDenoisers.Separate((_, _) => c.alias(), (_, _) => throw new InvalidOperationException("not needed"))
            .Guided(new() { Rule = Rule(kind) with { Scale = 1 } }, run);
        Assert.True(guided(x, Schedule[0]).allclose(c, 0, 0));
    }

    [Fact]
    public void ClassifierFree_InTheOriginalFormulation_IsTheUsualOneWithAScaleOfOneMore()
    {
        using var scope = NewDisposeScope();
        var (c, u, _) = Answers();
        Assert.True(Guidance.ClassifierFree(c, u, 2.5, original: true).allclose(Guidance.ClassifierFree(c, u, 3.5)));
    }

    [Theory]
    [InlineData(Prediction.Epsilon)]
    [InlineData(Prediction.Velocity)]
    [InlineData(Prediction.Flow)]
    public void Guided_ClassifierFree_IsTheSameInEverySpace(Prediction space)
    {
        using var scope = NewDisposeScope();
        var (c, u, x) = Answers();
        using var run = new GuidanceRun(Schedule);
        var branches = GuidedDenoisers.Separate((_, _) => c.alias(), (_, _) => u.alias());
        var guided = branches.Guided(new() { Rule = new ClassifierFreeRule { Scale = 4 }, Space = space }, run);
        Assert.True(guided(x, Schedule[1]).allclose(Guidance.ClassifierFree(c, u, 4), 1e-9, 1e-9));
    }

    [Fact]
    public void AdaptiveProjected_WithoutMomentumBoundOrProjection_IsClassifierFree()
    {
        using var scope = NewDisposeScope();
        var (c, u, _) = Answers();
        using var run = new GuidanceRun(Schedule);
        var projected = new AdaptiveProjectedRule { Scale = 6, Threshold = 0, Eta = 1 }.Combine(c, u, 0, run);
        Assert.True(projected.allclose(Guidance.ClassifierFree(c, u, 6), 1e-10));
    }

    [Fact]
    public void Projected_WithoutEta_IsOrthogonalToTheCondition()
    {
        using var scope = NewDisposeScope();
        var (c, u, _) = Answers();
        Assert.True((Guidance.Projected(c - u, c, 0) * c).flatten(1).sum([1L]).allclose(zeros(2, float64), 0, 1e-10));
    }

    [Fact]
    public void Momentum_OverSteps_IsTheGeometricSumOfDifferences()
    {
        using var scope = NewDisposeScope();
        using var run = new GuidanceRun(Schedule);
        var differences = Enumerable.Range(1, 4).Select(k => full([1, 1, 1, 1], k, float64)).ToList();
        var last = differences.Select(difference => run.Accumulate(difference, -0.5)).ToList()[^1];
        Assert.Equal(4 - 0.5 * (3 - 0.5 * (2 - 0.5 * 1)), last.item<double>(), 1e-12);
    }

    [Fact]
    public void Momentum_OfAnotherRun_StartsAnew()
    {
        using var scope = NewDisposeScope();
        var (c, u, _) = Answers();
        var rule = new AdaptiveProjectedRule { Momentum = 0.9 };
        Tensor First()
        {
            using var run = new GuidanceRun(Schedule);
            return rule.Combine(c, u, 0, run);
        }
        Assert.True(First().allclose(First(), 0, 0));
    }

    [Fact]
    public void Bounded_MakesNoDifferenceLongerThanTheThreshold()
    {
        using var scope = NewDisposeScope();
        var (c, u, _) = Answers();
        Assert.True(Guidance.Bounded(c - u, 0.5).flatten(1).norm(1).allclose(full(2, 0.5, float64)));
        Assert.True(Guidance.Bounded(c - u, 1e6).allclose(c - u));
    }

    [Fact]
    public void Rescaled_Fully_HasTheDeviationOfTheConditional()
    {
        using var scope = NewDisposeScope();
        var (c, u, _) = Answers();
        var rescaled = Guidance.Rescaled(Guidance.ClassifierFree(c, u, 8), c, 1);
        Assert.True(rescaled.flatten(1).std(1).allclose(c.flatten(1).std(1)));
    }

    [Fact]
    public void Nearest_LeavesARestOrthogonalToU()
    {
        using var scope = NewDisposeScope();
        var (c, u, _) = Answers();
        Assert.True(((c - Guidance.Nearest(c, u)) * u).flatten(1).sum([1L]).allclose(zeros(2, float64), 0, 1e-6));
    }

    [Fact]
    public void Tangential_IsTheProjectionOnTheFirstRightSingularVector()
    {
        using var scope = NewDisposeScope();
        var (c, u, _) = Answers();
        var (_, _, v) = linalg.svd(stack([c.flatten(1), u.flatten(1)], 1), fullMatrices: false);     // [B, 2, D]
        var first = v.select(1, 0);
        var projection = (u.flatten(1) * first).sum(1, keepdim: true) * first;
        Assert.True(Guidance.Tangential(c, u).flatten(1).allclose(projection, 1e-9, 1e-9));
    }

    [Fact]
    public void PlusPlusStep_WithoutGuidance_IsTheStepOfDdim()
    {
        using var scope = NewDisposeScope();
        var (_, u, x) = Answers();
        var (from, to) = (Schedule[0], Schedule[1]);
        var ddim = to.Alpha * u + to.Sigma * Estimates.Epsilon(x, u, from);
        Assert.True(Guidance.PlusPlusStep(u * 3, u, x, from, to, 0).allclose(ddim));
    }

    [Fact]
    public void PlusPlus_BetweenEqualBranches_IsEulersMethod()
    {
        using var scope = NewDisposeScope();
        var (_, _, x) = Answers();
        Denoiser denoise = (noisy, level) => 0.5 * noisy * level.Alpha;
        Assert.True(Samplers.PlusPlus(denoise, 0.6)(denoise, x, Schedule, new()).allclose(Samplers.Euler()(denoise, x, Schedule, new()), 1e-10));
    }

    /// <summary>Two Gaussian classes N(±m, s²) of equal weight: the exact unconditional denoiser guided by the exact classifier is the exact conditional denoiser.</summary>
    [Theory]
    [InlineData(999)]
    [InlineData(400)]
    [InlineData(5)]
    public void ByClassifier_WithTheExactClassifier_IsTheConditionalDenoiser(double time)
    {
        using var scope = NewDisposeScope();
        const double m = 0.8, s = 0.3;
        double Variance(NoiseLevel level) => level.Alpha * level.Alpha * s * s + level.Sigma * level.Sigma;
        Tensor LogJoint(Tensor x, NoiseLevel level, double sign) => (-0.5 * (x - level.Alpha * sign * m).square() / Variance(level)).flatten(1).sum([1L]);
        Tensor Conditional(Tensor x, NoiseLevel level, double sign) => sign * m + level.Alpha * s * s / Variance(level) * (x - level.Alpha * sign * m);
        Tensor LogClass(Tensor x, NoiseLevel level) => LogJoint(x, level, 1) - logsumexp(stack([LogJoint(x, level, 1), LogJoint(x, level, -1)]), 0);
        Tensor Unconditional(Tensor x, NoiseLevel level)
        {
            var p = LogClass(x, level).exp().view(-1, 1, 1, 1);
            return p * Conditional(x, level, 1) + (1 - p) * Conditional(x, level, -1);
        }
        var (_, _, noisy) = Answers();
        var level = Process.At(time);
        using var noGrad = no_grad();                       // as inside a sampler
        var guided = Guidance.ByClassifier(Unconditional, LogClass, 1)(noisy, level);
        Assert.True(guided.allclose(Conditional(noisy, level, 1), 1e-8, 1e-8));
    }

    [Fact]
    public void StepOf_BetweenTwoLevels_IsTheStepThatPassesThem()
    {
        using var run = new GuidanceRun(Schedule);
        Assert.Equal([0, 1, 2], Enumerable.Range(0, 3).Select(step => run.StepOf(Schedule[step])));
        Assert.Equal(1, run.StepOf(Process.At(500)));
        Assert.Equal(2, run.StepOf(Process.At(1)));
    }

    [Fact]
    public void Guided_OutsideTheInterval_AsksForTheConditionAlone()
    {
        var config = new GuidanceConfig { Rule = new ClassifierFreeRule(), Interval = new(0.34, 1) };
        Assert.Equal([0, 0, 1], config.Needs(0, 3).Concat(config.Needs(1, 3)));
    }

    [Theory]
    [InlineData(0.1, 5)]
    [InlineData(0, 1e9)]
    [InlineData(3, 4)]
    public void OfNoise_ContainsTheStepsOfThoseLevels(double low, double high)
    {
        var schedule = new NoiseSchedule([.. Enumerable.Range(0, 23).Select(i => Process.At(990 - 45 * i)), Process.AtRatio(0)]);
        var interval = GuidanceInterval.OfNoise(schedule, low, high);
        Assert.All(Enumerable.Range(0, schedule.Steps), step =>
            Assert.Equal(schedule[step].Ratio > low && schedule[step].Ratio <= high, interval.Contains(step, schedule.Steps)));
    }

    [Fact]
    public void Batched_IsSeparate_AndOneCall()
    {
        using var scope = NewDisposeScope();
        var (_, _, x) = Answers();
        var calls = 0;
        Tensor Denoise(Tensor input, NoiseLevel level, Tensor condition)
        {
            calls++;
            return input * condition.view(-1, 1, 1, 1);
        }
        Tensor[] conditions = [full(2, 3, float64), full(2, 5, float64)];
        Branches Of(long largest) => GuidedDenoisers.Batched<Tensor>(Denoise, parts => cat([.. parts]), conditions, largest);
        var (together, apart) = (Of(4)(x, Schedule[0], [0, 1]), Of(3)(x, Schedule[0], [0, 1]));
        Assert.Equal(1 + 2, calls);
        for (int branch = 0; branch < 2; branch++)
        {
            Assert.True(together[branch].allclose(apart[branch]));
            Assert.True(apart[branch].allclose(x * (3 + 2 * branch)));
        }
    }

    [Fact]
    public void Guided_WithAPerturbedBranch_MovesAwayFromIt()
    {
        using var scope = NewDisposeScope();
        var (c, u, x) = Answers();
        var t = c + u;
        using var run = new GuidanceRun(Schedule);
        var branches = GuidedDenoisers.Separate((_, _) => c.alias(), (_, _) => u.alias()).With((_, _) => t.alias());
        var config = new GuidanceConfig { Rule = new ClassifierFreeRule { Scale = 2 }, Perturbations = [new() { Scale = 3, Interval = GuidanceInterval.Whole, IncludesStart = true }] };
        Assert.True(branches.Guided(config, run)(x, Schedule[0]).allclose(2 * c - u + 3 * (c - t)));
    }

    [Fact]
    public void Guided_WithMomentumOverManySteps_LeavesNothingBehind()
    {
        var (c, u, x) = Answers();
        using (c) using (u) using (x)
        {
            using var run = new GuidanceRun(Schedule);
            var guided = GuidedDenoisers.Separate((_, _) => c.alias(), (_, _) => u.alias()).Guided(new() { Rule = new AdaptiveProjectedRule { Momentum = -0.5 } }, run);
            void Step()
            {
                using var scope = NewDisposeScope();
                guided(x, Schedule[0]);
            }
            Step();
            var before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
            for (int i = 0; i < 5; i++) Step();
            Assert.Equal(before, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
        }
    }

    [Fact]
    public void Guided_ByWhatCannotGuide_IsRefusedByName()
    {
        using var run = new GuidanceRun(Schedule);
        var branches = GuidedDenoisers.Separate((x, _) => x.alias());
        void Refused(string key, GuidanceConfig config) => Assert.Equal(key, Assert.Throws<ArgumentException>(() => branches.Guided(config, run)).ParamName);
        Refused("rescale", new() { Rescale = 2 });
        Refused("rescale", new() { Rule = new ZeroStarRule(), Rescale = 0.5 });
        Refused("interval", new() { Interval = new(0.5, 0.2) });
        Refused("momentum", new() { Rule = new AdaptiveProjectedRule { Momentum = 1.5 } });
        Refused("scale", new() { Rule = new ClassifierFreeRule { Scale = double.NaN } });
    }

    [Fact]
    public void Config_WrittenAsJson_IsReadBack()
    {
        var config = new GuidanceConfig { Rule = new AdaptiveProjectedMixRule { Scale = 3, Momentum = -0.5 }, Rescale = 0.7, Space = Prediction.Velocity };
        var read = ConfigJson.Read<GuidanceConfig>(ConfigJson.Write(config), "test");
        Assert.Equal(config.Rule, read.Rule);
        Assert.Equal((config.Rescale, config.Interval, config.Space), (read.Rescale, read.Interval, read.Space));
    }

    private static GuidanceRule Rule(string kind) => ConfigJson.Read<GuidanceRule>($$"""{ "kind": "{{kind}}" }""", "test");

    private static (Tensor C, Tensor U, Tensor X) Answers()
    {
        using var generator = new Generator(7);
        Tensor Normal() => randn([2, 3, 4, 4], dtype: float64, generator: generator);
        return (Normal(), Normal(), Normal());
    }
}

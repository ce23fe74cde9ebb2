using System.Collections.Concurrent;
using Imago.Diffusion;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Tests;

/// <summary>What holds for every sampler of the catalogue.</summary>
public class SamplerLawTests
{
    private static readonly ConcurrentDictionary<string, Tensor> Solutions = new();

    public static TheoryData<string> All() => [.. Samplers.All.Select(info => info.Name)];

    public static TheoryData<string, string> OfProcesses(bool stochastic, bool adaptive) =>
        [.. Samplers.All.Where(info => !info.IsForDistilled && (stochastic || !info.IsStochastic) && (adaptive || IsFixed(info))).SelectMany(info => MixtureWorld.Processes.Keys.Select(process => (info.Name, process)))];

    private static bool IsFixed(SamplerInfo info) => info.Evaluations(MixtureWorld.Schedule("flow", 10)) is not null;

    [Theory]
    [MemberData(nameof(OfProcesses), false, false)]
    public void Deterministic_OnAMixture_ConvergesWithItsOrder(string name, string process)
    {
        using var scope = NewDisposeScope();
        var (info, mixture) = (Samplers.Find(name), MixtureWorld.Mixture());
        var x = MixtureWorld.Start(16, 3, MixtureWorld.Schedule(process, 2)[0]);
        var exact = Solutions.GetOrAdd(process, _ => MixtureWorld.Solution(mixture, x, MixtureWorld.Schedule(process, 2)).DetachFromDisposeScope());
        double Error(int steps) => (info.Run(mixture.Denoise, x, MixtureWorld.Schedule(process, steps), new()) - exact).square().mean().sqrt().item<double>();
        var (coarse, fine) = (Error(96), Error(192));
        Assert.True(fine < 0.1, $"error {fine:g3}");
        Assert.True(Math.Log2(coarse / fine) > info.Order - 0.3, $"observed order {Math.Log2(coarse / fine):f2}, stated {info.Order}; errors {coarse:g3}, {fine:g3}");
    }

    [Theory]
    [MemberData(nameof(OfProcesses), true, true)]
    public void Any_OnAMixture_GivesItsMeanCovarianceAndWeights(string name, string process)
    {
        using var scope = NewDisposeScope();
        var (mixture, schedule) = (MixtureWorld.Mixture(), process == "flow" ? MixtureWorld.WholeFlow(90) : MixtureWorld.ScheduleToClean(process, 90, most: 40, least: 0.03));
        var x = MixtureWorld.Start(2000, 5, schedule[0]);
        AssertIsTheMixture(Samplers.Find(name).Run(mixture.Denoise, x, schedule, MixtureWorld.Seeded(x)).flatten(1));
    }

    /// <summary>Within five standard errors, of the samples' own spread.</summary>
    private static void AssertIsTheMixture(Tensor samples)
    {
        var (means, weights) = (tensor(MixtureWorld.Means), tensor(MixtureWorld.Weights));
        var mean = weights.matmul(means);
        var outer = (means - mean).t().matmul(weights.unsqueeze(1) * (means - mean));
        var covariance = outer + eye(MixtureWorld.Dimensions, dtype: float64) * MixtureWorld.Deviations[0] * MixtureWorld.Deviations[0];
        var centred = samples - mean;
        var products = (centred.unsqueeze(2) * centred.unsqueeze(1)).flatten(1);
        var nearest = (samples.unsqueeze(1) - means).square().sum(2L).argmin(1);
        var inMode = stack(Enumerable.Range(0, MixtureWorld.Weights.Length).Select(k => nearest.eq(k).to(float64)), 1);
        AssertNear("mean", samples, mean);
        AssertNear("covariance", products, covariance.flatten());
        AssertNear("weights", inMode, weights);

        static void AssertNear(string what, Tensor values, Tensor expected)
        {
            var errors = ((values.mean([0L]) - expected) / (values.std(0) / Math.Sqrt(values.shape[0]))).abs();
            Assert.True(errors.max().item<double>() < 5, $"{what}: {errors.max().item<double>():f1} standard errors off");
        }
    }

    [Theory]
    [MemberData(nameof(All))]
    public void Any_Run_LeavesItsInputAndNoTensor(string name)
    {
        var mixture = MixtureWorld.Mixture();
        var schedule = MixtureWorld.ScheduleToClean("variance-preserving", 7);
        using var x = MixtureWorld.Start(3, 1, schedule[0]);
        using var copy = x.clone();
        var context = MixtureWorld.Seeded(x);
        using (Samplers.Find(name).Run(mixture.Denoise, x, schedule, context)) { }
        var before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        using var result = Samplers.Find(name).Run(mixture.Denoise, x, schedule, context);
        Assert.Equal(1, DisposeScopeManager.Statistics.ThreadTotalLiveCount - before);
        Assert.Equal(x.dtype, result.dtype);
        Assert.True(x.equal(copy).all().item<bool>());
    }

    [Theory]
    [MemberData(nameof(All))]
    public void Any_Cancelled_StopsBeforeTheNextEvaluationAndLeavesNoTensor(string name)
    {
        var mixture = MixtureWorld.Mixture();
        var schedule = MixtureWorld.ScheduleToClean("variance-exploding", 9);
        using var x = MixtureWorld.Start(2, 1, schedule[0]);
        using var cancellation = new CancellationTokenSource();
        var evaluations = 0;
        Tensor Denoise(Tensor at, NoiseLevel level)
        {
            if (++evaluations == 4) cancellation.Cancel();
            return mixture.Denoise(at, level);
        }
        var context = MixtureWorld.Seeded(x) with { CancellationToken = cancellation.Token };
        var before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        Assert.Throws<OperationCanceledException>(() => Samplers.Find(name).Run(Denoise, x, schedule, context));
        Assert.Equal(4, evaluations);
        Assert.Equal(before, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
    }

    [Theory]
    [MemberData(nameof(All))]
    public void Any_Run_EvaluatesAsOftenAsStated(string name)
    {
        using var scope = NewDisposeScope();
        var (info, mixture) = (Samplers.Find(name), MixtureWorld.Mixture());
        foreach (var schedule in (NoiseSchedule[])[MixtureWorld.ScheduleToClean("variance-preserving", 11), MixtureWorld.Schedule("variance-exploding", 8), MixtureWorld.WholeFlow(12), MixtureWorld.WholeFlow(1)])
        {
            var (evaluations, x) = (0, MixtureWorld.Start(2, 1, schedule[0]));
            info.Run((at, level) => { evaluations++; return mixture.Denoise(at, level); }, x, schedule, MixtureWorld.Seeded(x));
            if (info.Evaluations(schedule) is { } stated) Assert.Equal(stated, evaluations);
            Assert.True(evaluations > 0);
        }
    }

    [Theory]
    [MemberData(nameof(All))]
    public void Any_OfOneImage_DoesNotDependOnItsBatch(string name)
    {
        using var scope = NewDisposeScope();
        var (info, mixture, schedule) = (Samplers.Find(name), MixtureWorld.Mixture(), MixtureWorld.ScheduleToClean("variance-preserving", 12));
        if (info.IsBatchwise) return;
        var x = MixtureWorld.Start(3, 9, schedule[0]);
        Tensor Run(Tensor at, params ulong[] seeds) => info.Run(mixture.Denoise, at, schedule, new() { Noise = NoiseSources.PerImage(at, [.. seeds.Select(seed => new Generator(seed))]) });
        var (all, one) = (Run(x, 11, 12, 13), Run(x[1..2], 12));
        Assert.InRange((all[1..2] - one).abs().max().item<double>(), 0, 1e-12);
    }

    [Theory]
    [MemberData(nameof(All))]
    public void Any_AfterItsSteps_ReportsThemToTheLastLevelAndGoesOnWithWhatItIsGiven(string name)
    {
        using var scope = NewDisposeScope();
        var (info, mixture, schedule) = (Samplers.Find(name), MixtureWorld.Mixture(), MixtureWorld.ScheduleToClean("flow", 9));
        var x = MixtureWorld.Start(2, 1, schedule[0]);
        var reports = new List<(int Step, NoiseLevel Level)>();
        var result = info.Run(mixture.Denoise, x, schedule, MixtureWorld.Seeded(x) with
        {
            AfterStep = (step, level, sample) =>
            {
                reports.Add((step, level));
                return level == schedule[^1] ? full_like(sample, 7) : sample;
            },
        });
        Assert.Equal(Enumerable.Range(0, reports.Count), reports.Select(report => report.Step));
        Assert.Equal(schedule[^1], reports[^1].Level);
        Assert.True(result.eq(7).all().item<bool>());
    }
}

using Imago.Diffusion;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Tests;

/// <summary>Methods that are the same under other names, or become each other.</summary>
public class SamplerRelationTests
{
    private static Tensor Run(Sampler sampler, NoiseSchedule schedule, ulong seed = 4)
    {
        using var scope = NewDisposeScope();
        var x = MixtureWorld.Start(5, seed, schedule[0]);
        return sampler(MixtureWorld.Mixture().Denoise, x, schedule, MixtureWorld.Seeded(x)).MoveToOuterDisposeScope();
    }

    private static void AssertEqual(Sampler one, Sampler other, string process = "variance-preserving", int steps = 9)
    {
        using var scope = NewDisposeScope();
        foreach (var schedule in (NoiseSchedule[])[MixtureWorld.Schedule(process, steps), MixtureWorld.ScheduleToClean(process, steps)])
            Assert.InRange((Run(one, schedule) - Run(other, schedule)).abs().max().item<double>(), 0, 1e-10);
    }

    [Fact]
    public void Ddim_WithoutNoise_IsEulerInExplodingCoordinates() => AssertEqual(Samplers.Ddim(), Samplers.Euler());

    [Fact]
    public void Ddim_WithAllNoise_IsDdpm() => AssertEqual(Samplers.Ddim(eta: 1), Samplers.Ddpm());

    [Fact]
    public void Ddpm_IsTheAncestralEuler() => AssertEqual(Samplers.Ddpm(), Samplers.EulerAncestral());

    [Fact]
    public void DpmPlusPlus_OfFirstOrder_IsDdim() => AssertEqual(Samplers.DpmMultistep(new() { Order = 1 }), Samplers.Ddim());

    [Fact]
    public void DpmSolver_OfFirstOrder_IsDdim() => AssertEqual(Samplers.DpmMultistep(new() { Order = 1, OfNoise = true }), Samplers.Ddim());

    [Fact]
    public void DpmPlusPlusSde_OfFirstOrder_IsDdpm() => AssertEqual(Samplers.DpmMultistep(new() { Order = 1, Eta = 1 }), Samplers.Ddpm());

    [Fact]
    public void DpmPlusPlus_OfSecondOrder_Is2M() => AssertEqual(Samplers.DpmMultistep(), Samplers.DpmPlusPlus2M());

    [Fact]
    public void DpmPlusPlus_WithReleasedCurvature_Is3M() => AssertEqual(Samplers.DpmMultistep(new() { Order = 3, Rule = SecondOrderRule.Heun, ReleasedCurvature = true }), Samplers.DpmPlusPlus3MSde(eta: 0));

    [Fact]
    public void Deis_OfSecondOrder_IsDpmSolverWithHeunsRule() => AssertEqual(Samplers.Deis(2), Samplers.DpmMultistep(new() { OfNoise = true, Rule = SecondOrderRule.Heun }));

    [Fact]
    public void UniPc_UncorrectedOfSecondOrder_IsDpmPlusPlus() =>
        AssertEqual(Samplers.UniPc(new() { Order = 2, LowersOrderAtEnd = false, Uncorrected = [.. Enumerable.Range(0, 20)] }), Samplers.DpmMultistep());

    [Fact]
    public void UniPc_UncorrectedOfThirdOrder_IsDpmPlusPlusOfThirdOrder() =>
        AssertEqual(Samplers.UniPc(new() { Order = 3, LowersOrderAtEnd = false, Uncorrected = [.. Enumerable.Range(0, 20)] }), Samplers.DpmMultistep(new() { Order = 3 }));

    [Fact]
    public void SaSolver_WithoutNoiseAndCorrector_IsExponentialAdams() =>
        AssertEqual(Samplers.SaSolver(new() { PredictorOrder = 3, CorrectorOrder = 0, OfNoise = true, Tau = _ => 0, LowersOrderAtEnd = false }), Samplers.Deis());

    [Fact]
    public void SaSolver_OfFirstOrderWithAllNoise_IsDdpm() => AssertEqual(Samplers.SaSolver(new() { PredictorOrder = 1, CorrectorOrder = 0, Tau = _ => 1 }), Samplers.Ddpm());

    [Fact]
    public void Tcd_WithGamma1_IsConsistencySampling() => AssertEqual(Samplers.Tcd(1), Samplers.Consistency());

    [Fact]
    public void Tcd_WithGamma0_IsDdim() => AssertEqual(Samplers.Tcd(0), Samplers.Ddim());

    [Fact]
    public void FlowHeun_OnAFlow_ConvergesLikeHeun()
    {
        using var scope = NewDisposeScope();
        double Distance(int steps) => (Run(Samplers.FlowHeun(), MixtureWorld.Schedule("flow", steps)) - Run(Samplers.Heun(), MixtureWorld.Schedule("flow", 400))).abs().max().item<double>();
        Assert.True(Distance(80) < Distance(20) / 8, $"{Distance(20):g3} with 20 steps, {Distance(80):g3} with 80");
    }

    [Fact]
    public void Consistency_InOneStep_IsTheEstimate()
    {
        using var scope = NewDisposeScope();
        var process = MixtureWorld.Processes["variance-preserving"];
        var schedule = new NoiseSchedule([process.AtRatio(10), process.AtRatio(0)]);
        var x = MixtureWorld.Start(5, 4, schedule[0]);
        Assert.True(Run(Samplers.Consistency(), schedule).equal(MixtureWorld.Mixture().Denoise(x, schedule[0])).all().item<bool>());
    }

    [Fact]
    public void Consistency_WithTheExactJump_GivesTheMixturesMeanAndSpread()
    {
        using var scope = NewDisposeScope();
        var (mixture, schedule) = (MixtureWorld.Mixture(), MixtureWorld.ScheduleToClean("variance-exploding", 4, most: 40));
        Tensor Jump(Tensor x, NoiseLevel level)
        {
            var down = new NoiseSchedule(Ramps.Exponential(level.Ratio, 0.01, 40).Select(schedule.Process!.AtRatio), schedule.Process);
            return Samplers.Heun()(mixture.Denoise, x, down, new());
        }
        var start = MixtureWorld.Start(3000, 5, schedule[0]);
        var samples = Samplers.Consistency()(Jump, start, schedule, MixtureWorld.Seeded(start)).flatten(1);
        var wanted = MixtureWorld.Draw(3000, 9).flatten(1);
        Assert.InRange((samples.mean([0L]) - wanted.mean([0L])).abs().max().item<double>(), 0, 5 * Math.Sqrt(2 / 3000.0) * 2);
        Assert.InRange((samples.std(0) / wanted.std(0) - 1).abs().max().item<double>(), 0, 0.06);
    }

    [Fact]
    public void Ddim_ThereAndBack_ReturnsToTheImage()
    {
        using var scope = NewDisposeScope();
        var down = MixtureWorld.ScheduleToClean("variance-preserving", 400, most: 20, least: 0.02);
        var up = new NoiseSchedule(down.Reverse(), down.Process);
        var image = MixtureWorld.Draw(6, 3);
        var mixture = MixtureWorld.Mixture();
        var noise = Samplers.Ddim()(mixture.Denoise, image, up, new());
        Assert.InRange((Samplers.Ddim()(mixture.Denoise, noise, down, new()) - image).abs().max().item<double>(), 0, 0.05);
    }

    [Fact]
    public void RePaint_KnownPixels_AreReturnedExactly()
    {
        using var scope = NewDisposeScope();
        var schedule = MixtureWorld.ScheduleToClean("variance-preserving", 8);
        var levels = schedule.Take(5).Concat(schedule.Skip(2).Take(2).Reverse()).Concat(schedule.Skip(3));        // down, up by two, down again
        var (image, mask) = (MixtureWorld.Draw(4, 2), tensor(new double[] { 1, 0 }).view(1, 2, 1, 1));
        var x = MixtureWorld.Start(4, 7, schedule[0]);
        var result = Samplers.RePaint(image, mask)(MixtureWorld.Mixture().Denoise, x, new NoiseSchedule(levels, schedule.Process), MixtureWorld.Seeded(x));
        Assert.True((result * mask).equal(image * mask).all().item<bool>());
        Assert.True((result - image).abs().max().item<double>() > 0);
    }

    [Fact]
    public void Ddpm_WithLearnedRange_HasTheVarianceThatTheNetworkSays()
    {
        using var scope = NewDisposeScope();
        var schedule = MixtureWorld.Schedule("variance-preserving", 6);
        var mixture = MixtureWorld.Mixture();
        Denoiser With(double w) => (x, level) => cat([mixture.Denoise(x, level), full_like(x, w)], 1);
        var x = MixtureWorld.Start(5, 4, schedule[0]);
        Tensor At(double w) => Samplers.Ddpm(PosteriorVariance.LearnedRange)(With(w), x, schedule, MixtureWorld.Seeded(x));
        Assert.InRange((At(-1) - Run(Samplers.Ddpm(), schedule)).abs().max().item<double>(), 0, 1e-12);
        Assert.InRange((At(1) - Run(Samplers.Ddpm(PosteriorVariance.Large), schedule)).abs().max().item<double>(), 0, 1e-12);
    }
}

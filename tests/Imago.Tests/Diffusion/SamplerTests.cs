using Imago.Diffusion;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Tests;

public class SamplerTests
{
    private static double Rms(Tensor difference) => difference.square().mean().sqrt().item<double>();

    [Fact]
    public void Find_OfAnUnknownName_ListsTheNames()
    {
        var error = Assert.Throws<ArgumentException>(() => Samplers.Find("eular"));
        Assert.Contains("\"eular\"", error.Message, StringComparison.Ordinal);
        Assert.All(Samplers.All, info => Assert.Contains(info.Name, error.Message, StringComparison.Ordinal));
        Assert.Equal("dpmpp_2m", Samplers.Find("DPMPP_2M").Name);
    }

    [Fact]
    public void All_HaveNamesOfTheirOwn() => Assert.Equal(Samplers.All.Count, Samplers.All.Select(info => info.Name).Distinct().Count());

    [Fact]
    public void Stochastic_WithoutNoise_SaysWhatIsMissing()
    {
        using var x = MixtureWorld.Start(1, 1, MixtureWorld.Schedule("flow", 3)[0]);
        var error = Assert.Throws<ArgumentException>(() => Samplers.EulerAncestral()(MixtureWorld.Mixture().Denoise, x, MixtureWorld.Schedule("flow", 3), new()));
        Assert.Contains("NoiseSources.Independent", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void BetweenLevels_WithoutAProcess_SaysWhatIsMissing()
    {
        using var x = MixtureWorld.Start(1, 1, MixtureWorld.Schedule("flow", 3)[0]);
        var error = Assert.Throws<InvalidOperationException>(() => Samplers.Dpm2()(MixtureWorld.Mixture().Denoise, x, new NoiseSchedule(MixtureWorld.Schedule("flow", 3)), new()));
        Assert.Contains("does not know its process", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("euler_ancestral", "euler")]
    [InlineData("dpm2_ancestral", "dpm2")]
    [InlineData("dpmpp_2m_sde", "dpmpp_2m")]
    public void Stochastic_WithoutEta_IsTheDeterministicMethod(string stochastic, string deterministic)
    {
        using var scope = NewDisposeScope();
        var (mixture, schedule) = (MixtureWorld.Mixture(), MixtureWorld.ScheduleToClean("variance-preserving", 9));
        var x = MixtureWorld.Start(4, 1, schedule[0]);
        Sampler quiet = stochastic switch { "euler_ancestral" => Samplers.EulerAncestral(eta: 0), "dpm2_ancestral" => Samplers.Dpm2Ancestral(eta: 0), _ => Samplers.DpmPlusPlus2MSde(eta: 0) };
        Assert.InRange(Rms(quiet(mixture.Denoise, x, schedule, new()) - Samplers.Find(deterministic).Run(mixture.Denoise, x, schedule, new())), 0, 1e-12);
    }

    /// <summary>Every method is written in σ/α, so the process only changes the scale in which x is kept.</summary>
    [Fact]
    public void Any_OnLevelsOfEqualRatio_GivesTheSameImageInEveryProcess()
    {
        using var scope = NewDisposeScope();
        var mixture = MixtureWorld.Mixture();
        double[] ratios = [8, 4, 2, 1, 0.5, 0.2, 0];
        foreach (var info in Samplers.All.Where(info => info.Name is "euler" or "heun" or "dpm2" or "lms" or "dpmpp_2m" or "dpmpp_sde" or "dpmpp_3m_sde" or "dpm_fast" or "restart"))
        {
            var results = MixtureWorld.Processes.Values.Select(process =>
            {
                var schedule = new NoiseSchedule(ratios.Select(process.AtRatio), process);
                var x = MixtureWorld.Start(5, 1, new VarianceExploding().AtRatio(8)) * schedule[0].Alpha;
                return info.Run(mixture.Denoise, x, schedule, MixtureWorld.Seeded(x));
            }).ToArray();
            Assert.All(results, result => Assert.InRange(Rms(result - results[0]), 0, 1e-10));
        }
    }

    [Fact]
    public void Adaptive_WithSmallerTolerance_ComesNearerToTheSolution()
    {
        using var scope = NewDisposeScope();
        var (mixture, schedule) = (MixtureWorld.Mixture(), MixtureWorld.Schedule("variance-preserving", 2));
        var x = MixtureWorld.Start(8, 4, schedule[0]);
        var exact = MixtureWorld.Solution(mixture, x, schedule);
        double Error(double tolerance) => Rms(Samplers.DpmAdaptive(new() { RelativeTolerance = tolerance, AbsoluteTolerance = tolerance })(mixture.Denoise, x, schedule, new()) - exact);
        var (coarse, fine) = (Error(1e-2), Error(1e-5));
        Assert.True(fine < coarse / 20 && fine < 1e-3, $"{coarse:g3}, {fine:g3}");
    }

    [Fact]
    public void Dopri5_UpAndDownAgain_IsWithinItsTolerance()
    {
        using var scope = NewDisposeScope();
        var (mixture, schedule) = (MixtureWorld.Mixture(), MixtureWorld.Schedule("flow", 2));
        var (image, sampler) = (MixtureWorld.Start(8, 2, schedule[^1]), Samplers.Dopri5(1e-9, 1e-9));
        var noise = Inversion.Of(sampler)(mixture.Denoise, image, schedule, new());
        Assert.InRange(Rms(sampler(mixture.Denoise, noise, schedule, new()) - image), 0, 1e-6);
        Assert.InRange(Rms(MixtureWorld.Solution(mixture, noise, schedule) - image), 0, 1e-6);
    }

    [Fact]
    public void Parameters_OutsideTheirRange_AreRefusedWhenTheSamplerIsMade()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => Samplers.Lms(0));
        Assert.Throws<ArgumentException>(() => Samplers.DpmAdaptive(new() { Order = 4 }));
        Assert.Throws<ArgumentOutOfRangeException>(() => Inversion.Ddim(-1));
    }

    [Fact]
    public void Documentation_NamesEverySampler()
    {
        var root = Imago.Golden.GoldenFolder.Repository();
        Assert.SkipWhen(root is null, "the tests do not run inside the repository");
        var text = File.ReadAllText(Path.Combine(root, "docs", "diffusion-mathematics.md"));
        Assert.All(Samplers.All, info => Assert.Contains($"`{info.Name}`", text, StringComparison.Ordinal));
    }

    [Fact]
    public void Noise_InSixteenBits_IsThatOfFp32Rounded()
    {
        using var scope = NewDisposeScope();
        var level = new VarianceExploding().AtRatio(1);
        Tensor Draw(ScalarType type) => NoiseSources.Independent(zeros([2, 20], type), new Generator(3))(level, level);
        Assert.True(Draw(bfloat16).equal(Draw(float32).to(bfloat16)).all().item<bool>());
        Assert.Equal(bfloat16, Draw(bfloat16).dtype);
    }

    [Fact]
    public void Restart_GoesUpAndDownAgain()
    {
        using var scope = NewDisposeScope();
        var (mixture, schedule) = (MixtureWorld.Mixture(), MixtureWorld.ScheduleToClean("variance-exploding", 12));
        var (x, levels) = (MixtureWorld.Start(2, 1, schedule[0]), new List<double>());
        var context = MixtureWorld.Seeded(x) with { AfterStep = (_, level, sample) => { levels.Add(level.Ratio); return sample; } };
        Samplers.Restart([new(0.3, 3, Repeats: 2, Steps: 4)])(mixture.Denoise, x, schedule, context);
        Assert.Equal(schedule.Steps + 2 * (1 + 4), levels.Count);
        Assert.Equal(2, levels.Zip(levels.Skip(1)).Count(step => step.Second > step.First));
        Assert.Equal(2, levels.Count(ratio => Math.Abs(ratio - 3) < 1e-12));
    }

    [Theory]
    [InlineData("euler", 1)]
    [InlineData("heun", 2)]
    [InlineData("dpmpp_2m", 2)]
    public void Inversion_AndTheSamplerDownAgain_GiveTheImageBack(string name, int order)
    {
        using var scope = NewDisposeScope();
        var (mixture, sampler) = (MixtureWorld.Mixture(), Samplers.Find(name).Run);
        double Error(int steps)
        {
            var schedule = MixtureWorld.Schedule("flow", steps);
            var image = MixtureWorld.Start(8, 2, schedule[^1]);
            var noise = Inversion.Of(sampler)(mixture.Denoise, image, schedule, new());
            return Rms(sampler(mixture.Denoise, noise, schedule, new()) - image);
        }
        Assert.InRange(Error(200), 0, 0.1);
        Assert.True(Math.Log2(Error(100) / Error(200)) > order - 0.3, $"observed order {Math.Log2(Error(100) / Error(200)):f2}");
    }

    [Fact]
    public void Inversion_WithIterations_IsTheExactInverseOfEuler()
    {
        using var scope = NewDisposeScope();
        var (mixture, schedule) = (MixtureWorld.Mixture(), MixtureWorld.Schedule("variance-preserving", 100));
        var image = MixtureWorld.Start(8, 2, schedule[^1]);
        double Error(int iterations) => Rms(Samplers.Euler()(mixture.Denoise, Inversion.Ddim(iterations)(mixture.Denoise, image, schedule, new()), schedule, new()) - image);
        Assert.InRange(Error(60), 0, 1e-9);
        Assert.True(Error(0) > 1e-3);
    }

    [Fact]
    public void Inversion_OfEuler_FromTheImageToPureNoise_IsExact()
    {
        using var scope = NewDisposeScope();
        var (mixture, schedule, image) = (MixtureWorld.Mixture(), MixtureWorld.WholeFlow(20), MixtureWorld.Draw(16, 3));
        double Error(int iterations) => Rms(Samplers.Euler()(mixture.Denoise, Inversion.OfEuler(iterations)(mixture.Denoise, image, schedule, new()), schedule, new()) - image);
        Assert.InRange(Error(100), 0, 1e-6);
        Assert.True(Error(8) < Error(1) / 4, $"{Error(1)} → {Error(8)}");
        Assert.Throws<ArgumentOutOfRangeException>(() => Inversion.OfEuler(0));
    }

    [Fact]
    public void Inversion_ToPureNoise_IsFinite()
    {
        using var scope = NewDisposeScope();
        var (mixture, schedule) = (MixtureWorld.Mixture(), MixtureWorld.WholeFlow(10));
        var image = MixtureWorld.Start(2, 2, schedule[^2]);
        foreach (var sampler in (Sampler[])[Samplers.Euler(), Samplers.Heun(), Samplers.Dpm2(), Samplers.Lms(), Samplers.DpmPlusPlus2M(), Samplers.DpmPlusPlus3MSde(eta: 0)])
            Assert.True(Inversion.Of(sampler)(mixture.Denoise, image, schedule, new()).isfinite().all().item<bool>());
    }
}

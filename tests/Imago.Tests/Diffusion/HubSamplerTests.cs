using Imago.Diffusion;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Tests;

/// <summary>A hub's scheduler as schedule, method and denoiser.</summary>
public class HubSamplerTests
{
    private static SchedulerConfig Config(string name, string more = "") => SchedulerConfig.Parse($$"""{"_class_name": "{{name}}"{{more}}}""", "test");

    /// <summary>ε of a single image at the origin: x/σ in the scale of the process.</summary>
    private static Tensor Noise(Tensor x, double time) => x.clone();

    public static TheoryData<string> Classes() => [.. Enum.GetValues<SchedulerKind>().Where(kind => kind != SchedulerKind.RePaint).Select(kind => kind.ToString())];

    [Theory]
    [MemberData(nameof(Classes))]
    public void Any_Class_RunsWithItsDefaultsToAFiniteImage(string name)
    {
        using var scope = NewDisposeScope();
        var hub = HubSampler.From(SchedulerConfig.Default(Enum.Parse<SchedulerKind>(name)), 8);
        using var generator = new Generator(3);
        var x = randn([2, 3, 4, 4], generator: generator) * hub.InitialScale;
        var context = new SamplingContext { Noise = NoiseSources.Independent(x, generator) };
        var result = hub.Sampler(hub.Denoiser((at, _) => 0.1 * at), x, hub.Schedule, context);
        Assert.Equal(float32, result.dtype);
        Assert.True(result.isfinite().all().item<bool>());
    }

    [Fact]
    public void Sampler_OfARun_LeavesOneTensor()
    {
        var hub = HubSampler.From(Config("PNDMScheduler"), 8);
        using var x = ones(1, 1, 2, 2, dtype: float64);
        var denoise = hub.Denoiser(Noise);
        var before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        using var result = hub.Sampler(denoise, x, hub.Schedule, new());
        Assert.Equal(1, DisposeScopeManager.Statistics.ThreadTotalLiveCount - before);
    }

    [Fact]
    public void EulerAndDdim_WithLeadingSteps_VisitTheSameLevels()
    {
        var (euler, ddim) = (HubSampler.From(Config("EulerDiscreteScheduler", ", \"timestep_spacing\": \"leading\""), 10), HubSampler.From(Config("DDIMScheduler"), 10));
        Assert.All(euler.Schedule.Zip(ddim.Schedule), pair =>
        {
            Assert.Equal(pair.Second.Alpha, pair.First.Alpha, 1e-6);
            Assert.Equal(pair.Second.Sigma, pair.First.Sigma, 1e-6);
        });
    }

    [Fact]
    public void Ddim_WithTrailingSteps_ArrivesBesideTheNextTimestep()
    {
        var schedule = HubSampler.From(Config("DDIMScheduler", ", \"timestep_spacing\": \"trailing\""), 3).Schedule;
        Assert.Equal([999, 666, 332], schedule.Take(3).Select(level => level.Time));
        Assert.Equal(666, schedule.To(0).Time);
        Assert.Equal(333, schedule.To(1).Time);                       // and goes on from 332
    }

    [Fact]
    public void Begin_OfARunFromAPicture_LeavesOutTheNoisierLevels()
    {
        var config = Config("DPMSolverMultistepScheduler");
        var (whole, part) = (HubSampler.From(config, 10), HubSampler.From(config, new SchedulerRequest { Steps = 10 }, new() { Begin = 4 }));
        Assert.Equal(whole.Schedule.Skip(4), part.Schedule);
        Assert.Equal(whole.Schedule[4], part.NoisedLevel);
    }

    [Fact]
    public void Bounded_AfterGuidance_ClipsTheCombinationAndNotItsParts()
    {
        using var scope = NewDisposeScope();
        var hub = HubSampler.From(Config("DDPMScheduler", ", \"prediction_type\": \"sample\""), 5);
        Denoiser Predicting(double value) => hub.Unbounded((x, _) => full_like(x, value));
        var (level, at) = (hub.Schedule[0], zeros(1, 1, 2, 2, dtype: float64));
        Tensor Guided(Tensor x, NoiseLevel l) => Predicting(2)(x, l) - 1.5 * Predicting(1)(x, l);
        Assert.Equal(0.5, hub.Bounded(Guided)(at, level).mean().item<double>(), 1e-12);
        Assert.Equal(1, hub.Bounded(Predicting(2))(at, level).mean().item<double>(), 1e-12);
    }

    [Fact]
    public void Network_OfATypeOfItsOwn_LeavesTheSampleInDouble()
    {
        using var scope = NewDisposeScope();
        var hub = HubSampler.From(Config("UniPCMultistepScheduler"), 6);
        var x = ones(1, 1, 2, 2, dtype: float64);
        var result = hub.Sampler(hub.Denoiser((at, _) => 0.3 * at.to(float32)), x, hub.Schedule, new());
        Assert.Equal(float64, result.dtype);
    }

    [Fact]
    public void RePaint_WithoutAPicture_SaysWhatItNeeds()
    {
        var error = Assert.Throws<ArgumentException>(() => HubSampler.From(Config("RePaintScheduler"), new SchedulerRequest { Steps = 20 }));
        Assert.Contains(nameof(HubArguments.Mask), error.Message);
    }

    [Fact]
    public void Ddpm_WithALogarithmForItsVariance_IsRefused()
    {
        var error = Assert.Throws<ArgumentException>(() => HubSampler.From(Config("DDPMScheduler", ", \"variance_type\": \"fixed_large_log\""), 5));
        Assert.Contains("fixed_large", error.Message);
    }

    [Fact]
    public void SinglestepOrders_OfElevenSteps_AreGroupsOfThreeAndARest() =>
        Assert.Equal([1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2], DpmSolverOptions.SinglestepOrders(11, 3));
}

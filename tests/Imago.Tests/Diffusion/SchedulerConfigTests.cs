using Imago.Diffusion;

namespace Imago.Tests;

public class SchedulerConfigTests
{
    private const string StableDiffusion = """
        {"_class_name": "PNDMScheduler", "_diffusers_version": "0.6.0", "beta_end": 0.012, "beta_schedule": "scaled_linear", "beta_start": 0.00085, "num_train_timesteps": 1000,
         "set_alpha_to_one": false, "skip_prk_steps": true, "steps_offset": 1, "trained_betas": null, "clip_sample": false, "of_another_class": [1, 2]}
        """;

    public static TheoryData<SchedulerKind> Kinds => [.. Enum.GetValues<SchedulerKind>()];

    private static SchedulerConfig Read(string keys, string name = "DPMSolverMultistepScheduler") => SchedulerConfig.Parse($$"""{"_class_name": "{{name}}", {{keys}}}""", "test");

    [Fact]
    public void Parse_OfAFile_TakesItsKeysAndTheClassesDefaults()
    {
        var config = SchedulerConfig.Parse(StableDiffusion, "test");
        Assert.Equal((SchedulerKind.Pndm, BetaSchedule.ScaledLinear, TimestepSpacing.Leading, 1), (config.Kind, config.BetaSchedule, config.TimestepSpacing, config.StepsOffset));
    }

    [Fact]
    public void As_AnotherClass_KeepsWhatWasGivenAndTakesItsDefaults()
    {
        var config = SchedulerConfig.Parse(StableDiffusion, "test").As(SchedulerKind.DpmSolverMultistep);
        Assert.Equal((0.012, TimestepSpacing.Linspace, true), (config.BetaEnd, config.TimestepSpacing, config.LowerOrderFinal));
    }

    [Fact]
    public void As_AnotherClass_MapsNamesOfSolvers()
    {
        var config = Read("\"solver_type\": \"heun\", \"algorithm_type\": \"dpmsolver++\"");
        Assert.Equal(SolverType.Bh2, config.As(SchedulerKind.UniPc).SolverType);
        Assert.Equal((SolverAlgorithm.Deis, SolverType.Logrho), (config.As(SchedulerKind.Deis).AlgorithmType, config.As(SchedulerKind.Deis).SolverType));
    }

    [Fact]
    public void Parse_OfDefaultsThatTheFileLists_LeavesThemOut() =>
        Assert.Equal(TimestepSpacing.Leading, Read("\"timestep_spacing\": \"linspace\", \"_use_default_values\": [\"timestep_spacing\"]", "DDIMScheduler").TimestepSpacing);

    [Fact]
    public void Parse_OfABareInfinity_IsUnderstood() => Assert.Equal(double.NegativeInfinity, Read("\"lambda_min_clipped\": -Infinity").LambdaMinClipped);

    [Theory, MemberData(nameof(Kinds))]
    public void Json_OfEveryClass_IsReadBack(SchedulerKind kind)
    {
        var config = SchedulerConfig.Default(kind) with { NumTrainTimesteps = 500, StepsOffset = 3 };
        var again = SchedulerConfig.Parse(config.ToJson(), "test");
        Assert.Equal(config.Kind, again.Kind);
        Assert.Equal(config.AllKeys().ToJsonString(), again.AllKeys().ToJsonString());
    }

    [Theory, MemberData(nameof(Kinds))]
    public void Steps_OfEveryClassInBothPrecisions_AreAlmostTheSame(SchedulerKind kind)
    {
        var config = SchedulerConfig.Default(kind);
        var published = config.StepsFor(7);
        var exact = config.StepsFor(new SchedulerRequest { Steps = 7, Precision = TablePrecision.Exact });
        Assert.Equal(published.Timesteps.Count, exact.Timesteps.Count);
        Assert.All(published.Timesteps.Zip(exact.Timesteps), pair => Assert.Equal(pair.First, pair.Second, 1e-2));
        Assert.All(published.Sigmas.Zip(exact.Sigmas), pair => Assert.Equal(pair.First, pair.Second, 1e-4 * Math.Max(1, pair.First)));
    }

    [Theory]
    [InlineData("DDIMScheduler", "\"beta_schedule\": \"quadratic\"", "beta_schedule")]
    [InlineData("DDIMScheduler", "\"num_train_timesteps\": 0", "num_train_timesteps")]
    [InlineData("DDIMScheduler", "\"num_train_timesteps\": 2000000000", "num_train_timesteps")]
    [InlineData("DDIMScheduler", "\"num_train_timesteps\": \"many\"", "num_train_timesteps")]
    [InlineData("DDIMScheduler", "\"trained_betas\": [0.1, 0.2]", "trained_betas")]
    [InlineData("DDIMScheduler", "\"beta_start\": NaN", "beta_start")]
    [InlineData("EulerDiscreteScheduler", "\"use_karras_sigmas\": true, \"use_beta_sigmas\": true", "use_beta_sigmas")]
    [InlineData("DPMSolverMultistepScheduler", "\"algorithm_type\": \"dpmsolver\"", "final_sigmas_type")]
    [InlineData("SASolverScheduler", "\"tau_func\": \"a function\"", "tau_func")]
    [InlineData("VQDiffusionScheduler", "\"clip_sample\": true", "_class_name")]
    public void Parse_OfImpossibleValues_NamesTheKey(string name, string keys, string named) =>
        Assert.Contains(named, Assert.Throws<CheckpointException>(() => Read(keys, name)).Message, StringComparison.Ordinal);

    [Theory, InlineData(""), InlineData("[]"), InlineData("{\"_class_name\": "), InlineData("{}"), InlineData("{\"_class_name\": 3}"), InlineData("{\"_class_name\": null}")]
    public void Parse_OfWhatIsNoConfiguration_IsRefused(string json) => Assert.Throws<CheckpointException>(() => SchedulerConfig.Parse(json, "test"));

    [Theory]
    [InlineData("DDIMScheduler", 1001, null)]
    [InlineData("PNDMScheduler", 3, null)]
    [InlineData("LCMScheduler", 51, null)]
    [InlineData("FlowMatchEulerDiscreteScheduler", 1, "\"shift_terminal\": 0.1")]
    [InlineData("FlowMatchEulerDiscreteScheduler", 5, "\"use_dynamic_shifting\": true")]
    [InlineData("EulerDiscreteScheduler", 0, null)]
    public void Steps_ThatAClassDoesNotDo_AreRefused(string name, int steps, string? keys) => Assert.ThrowsAny<ArgumentException>(() => Read(keys ?? "\"steps_offset\": 0", name).StepsFor(steps));

    [Fact]
    public void Trailing_WithSomeNumbersOfSteps_HasOneMoreTimestepAsPublished() =>
        Assert.Equal((62, -1.0), (Read("\"timestep_spacing\": \"trailing\"", "DDIMScheduler").StepsFor(61).Timesteps.Count, Read("\"timestep_spacing\": \"trailing\"", "DDIMScheduler").StepsFor(61).Timesteps[^1]));

    [Theory, InlineData("DDIMScheduler", typeof(VariancePreserving)), InlineData("EDMEulerScheduler", typeof(VarianceExploding)), InlineData("FlowMatchEulerDiscreteScheduler", typeof(RectifiedFlow))]
    public void Process_OfAClass_IsItsFamily(string name, Type family) => Assert.IsType(family, Read("\"rho\": 7", name).Process());

    [Fact]
    public void Process_WithZeroTerminalSnr_EndsAtPureNoise() =>
        Assert.Equal(0, Read("\"rescale_betas_zero_snr\": true", "EulerDiscreteScheduler").Process().At(999).Alpha);

    [Fact]
    public void Tables_InBothPrecisions_DifferByRoundingOnly()
    {
        var config = SchedulerConfig.Parse(StableDiffusion, "test");
        var (published, exact) = (SchedulerTables.Of(config), SchedulerTables.Of(config, TablePrecision.Exact));
        Assert.All(published.AlphaBars.Zip(exact.AlphaBars), pair => Assert.Equal(pair.Second, pair.First, 3e-6 * pair.Second));
        Assert.All(published.AlphaBars, alphaBar => Assert.Equal(alphaBar, (float)alphaBar));
    }

    [Fact]
    public void PartialRuns_OfTheWholeStrength_StartAtTheBeginning() => Assert.Equal((0, 0), (PartialRuns.Start(28, 1), PartialRuns.StartOfFlow(28, 1)));
}

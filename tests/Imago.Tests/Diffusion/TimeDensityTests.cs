using System.Reflection;
using System.Text.Json.Serialization;
using Imago.Diffusion;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Tests;

public class TimeDensityTests
{
    public static TheoryData<string> Kinds =>
        [.. typeof(TimeDensity).GetCustomAttributes<JsonDerivedTypeAttribute>().Select(derived => (string)derived.TypeDiscriminator!)];

    private static TimeDensity Create(string kind) =>
        (TimeDensity)Activator.CreateInstance(typeof(TimeDensity).GetCustomAttributes<JsonDerivedTypeAttribute>().Single(derived => kind.Equals(derived.TypeDiscriminator)).DerivedType)!;

    [Theory, MemberData(nameof(Kinds))]
    public void Quantile_IsMonotonicAndWithinTheRange(string kind)
    {
        using var scope = NewDisposeScope();
        var density = Create(kind);
        density.Validate();
        var value = density.Quantile((arange(0, 1000, dtype: float64) + 0.5) / 1000);
        var step = value.diff();
        Assert.True((step > 0).all().item<bool>() || (step < 0).all().item<bool>());
        Assert.True(value.min().item<double>() >= 0);
        if (density is FractionDensity) Assert.True(value.max().item<double>() <= 1);
    }

    /// <summary>The published densities: they integrate to 1, and are the inverse of the quantile function's slope.</summary>
    [Theory]
    [InlineData("uniform")]
    [InlineData("logit_normal")]
    [InlineData("cosmap")]
    [InlineData("log_normal")]
    [InlineData("log_logistic")]
    [InlineData("log_uniform")]
    [InlineData("v_diffusion")]
    public void Quantile_HasTheSlopeThatThePublishedDensityMeans(string kind)
    {
        using var scope = NewDisposeScope();
        var u = ((arange(0, 4000, dtype: float64) + 0.5) / 4000).requires_grad_();
        var value = Create(kind).Quantile(u);
        var slope = autograd.grad([value.sum()], [u])[0];
        Assert.Equal(1, (Density(kind, value) * slope).mean().item<double>(), 1e-5);                 // ∫ p dv, substituting v = Q(u)
        Assert.True((Density(kind, value) * slope).allclose(ones_like(u), 1e-5, 1e-5));
    }

    private static Tensor Density(string kind, Tensor t)
    {
        Tensor NormalDensity(Tensor z, double std) => (-0.5 * z.square()).exp() / (std * Math.Sqrt(2 * Math.PI));
        double Logistic(double z) => 1 / (1 + Math.Exp(-z));
        switch (kind)
        {
            case "uniform": return ones_like(t);
            case "logit_normal": return NormalDensity(t.logit(), 1) / (t * (1 - t));
            case "cosmap": return 2 / (Math.PI - 2 * Math.PI * t + 2 * Math.PI * t.square());
            case "log_normal": return NormalDensity((t.log() + 1.2) / 1.2, 1.2) / t;
            case "log_logistic": return t.log().sigmoid() * (1 - t.log().sigmoid()) / t / (Logistic(Math.Log(80)) - Logistic(Math.Log(0.002)));
            case "log_uniform": return 1 / (t * Math.Log(80 / 0.002));
            default: return 0.5 / (0.25 + t.square()) / (Math.Atan(80 / 0.5) - Math.Atan(0.002 / 0.5));
        }
    }

    [Fact]
    public void ModeTimes_WithoutScale_IsUniform()
    {
        using var scope = NewDisposeScope();
        var u = linspace(0, 1, 11, dtype: float64);
        Assert.True(new ModeTimes { Scale = 0 }.Quantile(u).allclose(1 - u));
    }

    [Fact]
    public void CosineInterpolated_BetweenEqualSides_IsTheCosineProcess()
    {
        using var scope = NewDisposeScope();
        var u = linspace(0, 1, 11, dtype: float64);
        var cosine = new CosineInterpolatedRatios { ImageD = 64, NoiseDLow = 64, NoiseDHigh = 64 }.Quantile(u);
        Assert.True(cosine.allclose(new VelocityDiffusionRatios().Quantile(1 - u), 1e-10));
    }

    [Fact]
    public void Uniform_Stratified_HasOneNumberInEveryCell()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(4);
        var u = TimeDensity.Uniform(16, isStratified: true, generator);
        Assert.Equal(Enumerable.Range(0, 16), (u * 16).floor().data<double>().Select(cell => (int)cell).Order());
    }

    [Fact]
    public void Stratified_OverAllWorkers_CoversEveryCellOnce()
    {
        using var scope = NewDisposeScope();
        var u = full(4, 0.5, float64);
        var cells = Enumerable.Range(0, 3).SelectMany(group => (TimeDensity.Stratified(u, group, 3) * 12).floor().data<double>().ToArray());
        Assert.Equal(Enumerable.Range(0, 12).Select(cell => (double)cell), cells.Order());
    }

    [Fact]
    public void UniformTimes_StratifiedOverAsManyAsTheProcessHas_VisitsEveryTimeOnce()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(6);
        var process = new VariancePreserving(BetaSchedule.Linear);
        var levels = new UniformTimes().Levels(process, TimeDensity.Uniform(process.TrainingSteps, isStratified: true, generator));
        Assert.Equal(Enumerable.Range(0, process.TrainingSteps), levels.Items.Select(level => (int)level.Time).Order());
    }

    [Fact]
    public void LogitNormalTimes_OfAFlow_AreShiftedAfterTheyAreDrawn()
    {
        using var scope = NewDisposeScope();
        var u = tensor(new[] { 0.5 }, float64);
        Assert.Equal(0.5, new LogitNormalTimes().Levels(new RectifiedFlow(), u).Items[0].Sigma, 1e-12);
        Assert.Equal(0.75, new LogitNormalTimes().Levels(new RectifiedFlow(Shift: 3), u).Items[0].Sigma, 1e-12);      // 3 · ½/(1 + 2 · ½)
    }

    [Fact]
    public void LogNormalRatios_OfAnyProcess_AreItsRatios()
    {
        using var scope = NewDisposeScope();
        var u = tensor(new[] { 0.2, 0.5, 0.9 }, float64);
        var ratios = new LogNormalRatios().Quantile(u).data<double>().ToArray();
        foreach (var process in new NoiseProcess[] { new VarianceExploding(), VariancePreserving.StableDiffusion, new RectifiedFlow() })
            Assert.All(new LogNormalRatios().Levels(process, u).Items.Zip(ratios), pair => Assert.Equal(pair.Second, pair.First.Ratio, 1e-9));
    }

    [Fact]
    public void Validate_OfAnEmptyRange_NamesTheKey() =>
        Assert.Equal("min_value", Assert.Throws<ArgumentException>(() => new LogUniformRatios { MinValue = 2, MaxValue = 1 }.Validate()).ParamName);
}

using Imago.Diffusion;

namespace Imago.Tests;

public class NoiseProcessTests
{
    private static readonly Dictionary<string, NoiseProcess> Processes = new()
    {
        ["stable diffusion"] = VariancePreserving.StableDiffusion,
        ["linear"] = new VariancePreserving(BetaSchedule.Linear),
        ["cosine"] = new VariancePreserving(BetaSchedule.Cosine),
        ["sigmoid"] = new VariancePreserving(BetaSchedule.Sigmoid),
        ["exp"] = new VariancePreserving(BetaSchedule.Exp),
        ["laplace"] = new VariancePreserving(BetaSchedule.Laplace),
        ["ten steps"] = new VariancePreserving(BetaSchedule.Linear, 10, 0.01, 0.3),
        ["zero terminal"] = new VariancePreserving(BetaSchedule.ScaledLinear, 1000, 0.00085, 0.012, zeroTerminalSnr: true),
        ["sde"] = new VariancePreservingSde(),
        ["angle"] = new CosineAngle(),
        ["edm"] = new VarianceExploding(),
        ["flow"] = new RectifiedFlow(3),
    };

    public static TheoryData<string> All => [.. Processes.Keys];

    private static double[] Times(NoiseProcess process) => Ramps.Linear(process.CleanestTime, process.NoisiestTime, 137);

    [Theory, MemberData(nameof(All))]
    public void Snr_AlongTheTimes_Falls(string name)
    {
        var process = Processes[name];
        var snrs = Times(process).Select(t => process.At(t).Snr).ToArray();
        Assert.All(snrs.Zip(snrs[1..]), pair => Assert.True(pair.First > pair.Second));
    }

    [Theory, MemberData(nameof(All))]
    public void AtRatio_OfALevel_IsThatLevel(string name)
    {
        var process = Processes[name];
        Assert.All(Times(process), time =>
        {
            var level = process.At(time);
            var again = process.AtRatio(level.Ratio);
            Assert.Equal(level.Alpha, again.Alpha, 1e-12);
            Assert.Equal(level.Sigma, again.Sigma, 1e-12 * Math.Max(1, level.Sigma));
            Assert.Equal(time, again.Time, 1e-6);
        });
    }

    [Theory, MemberData(nameof(All))]
    public void AtAmount_OfALevel_IsThatLevel(string name)
    {
        var process = Processes[name];
        foreach (var level in Times(process).Select(process.At).Where(level => double.IsFinite(process.Amount(level))))
            Assert.Equal(level.Sigma, process.AtAmount(process.Amount(level)).Sigma, 1e-12 * Math.Max(1, level.Sigma));
    }

    [Theory, MemberData(nameof(All))]
    public void AtRatio_OfZero_IsClean(string name) => Assert.Equal((1.0, 0.0), (Processes[name].AtRatio(0).Alpha, Processes[name].AtRatio(0).Sigma));

    [Theory, MemberData(nameof(All))]
    public void AtShare_OfTheWhole_IsTheNoisiestLevel(string name) => Assert.Equal(Processes[name].At(Processes[name].NoisiestTime).Sigma, Processes[name].AtShare(1).Sigma, 1e-9);

    [Theory, MemberData(nameof(All))]
    public void At_OutsideTheTimes_IsRefused(string name)
    {
        var process = Processes[name];
        Assert.Throws<ArgumentOutOfRangeException>(() => process.At(process.NoisiestTime + 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => process.At(process.CleanestTime - 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => process.AtRatio(-1));
    }

    [Theory, InlineData("stable diffusion"), InlineData("cosine"), InlineData("zero terminal"), InlineData("sde"), InlineData("angle")]
    public void VariancePreserving_AtEveryTime_KeepsTheVariance(string name) =>
        Assert.All(Times(Processes[name]).Select(Processes[name].At), level => Assert.Equal(1, level.Alpha * level.Alpha + level.Sigma * level.Sigma, 1e-14));

    [Fact]
    public void RectifiedFlow_AtEveryTime_IsAStraightLine() =>
        Assert.All(Times(new RectifiedFlow(3)).Select(new RectifiedFlow(3).At), level => Assert.Equal(1, level.Alpha + level.Sigma, 1e-15));

    [Fact]
    public void StableDiffusion_HasThePublishedLevels()
    {
        var process = VariancePreserving.StableDiffusion;
        Assert.Equal(0.00466010, process.AlphaBars[999], 1e-8);
        Assert.Equal(14.6146412, process.At(999).Ratio, 1e-7);
        Assert.Equal(0.0291672, process.At(0).Ratio, 1e-7);
    }

    [Theory, InlineData(BetaSchedule.Linear), InlineData(BetaSchedule.ScaledLinear), InlineData(BetaSchedule.Cosine)]
    public void ZeroTerminalSnr_OfASchedule_EndsAtNothingAndKeepsTheFirst(BetaSchedule schedule)
    {
        var before = Betas.AlphaBars(Betas.Of(schedule));
        var after = Betas.AlphaBars(Betas.ZeroTerminalSnr(Betas.Of(schedule)));
        Assert.Equal(0, after[^1]);
        Assert.Equal(before[0], after[0], 1e-12);
        Assert.All(before.Zip(after), pair => Assert.True(pair.Second <= pair.First + 1e-12));
    }

    [Fact]
    public void Betas_OfTheirProducts_AreTheSame()
    {
        var betas = Betas.Of(BetaSchedule.Sigmoid);
        Assert.All(betas.Zip(Betas.FromAlphaBars(Betas.AlphaBars(betas))), pair => Assert.Equal(pair.First, pair.Second, 1e-14));
    }

    [Fact]
    public void VariancePreserving_WhoseProductsRise_IsRefused() => Assert.Throws<ArgumentException>(() => new VariancePreserving([0.9, 0.95]));

    [Theory, InlineData(0.5, 0.5), InlineData(0.6, 0.6), InlineData(2, 3), InlineData(5, 0.7)]
    public void BetaQuantile_OfItsDistribution_IsTheInverse(double a, double b) =>
        Assert.All(Ramps.Linear(0.001, 0.999, 57), p => Assert.Equal(p, BetaDistribution.Cumulative(BetaDistribution.Quantile(p, a, b), a, b), 1e-13));

    [Fact]
    public void BetaCumulative_WithHalves_IsTheArcsine() =>
        Assert.All(Ramps.Linear(0.01, 0.99, 23), x => Assert.Equal(2 / Math.PI * Math.Asin(Math.Sqrt(x)), BetaDistribution.Cumulative(x, 0.5, 0.5), 1e-13));

    [Fact]
    public void DynamicShift_WithTheLogarithm_IsTheStaticShift() =>
        Assert.All(Ramps.Linear(0.01, 1, 23), s => Assert.Equal(TimeShift.Static(s, 3), TimeShift.Dynamic(s, Math.Log(3)), 1e-14));
}

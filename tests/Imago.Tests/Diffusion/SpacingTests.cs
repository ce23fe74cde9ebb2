using Imago.Diffusion;

namespace Imago.Tests;

public class SpacingTests
{
    private static readonly NoiseProcess[] Processes = [VariancePreserving.StableDiffusion, new VarianceExploding(), new RectifiedFlow(3), new VariancePreservingSde(), new CosineAngle()];

    /// <summary>λ has no end at the pure noise that a rectified flow starts from.</summary>
    public static TheoryData<string, int, int> All => [.. from spacing in Spacings.All from process in Enumerable.Range(0, Processes.Length) from steps in new[] { 1, 2, 10, 61 }
        where !(spacing.Name == "lu" && Processes[process] is RectifiedFlow) select (spacing.Name, process, steps)];

    public static TheoryData<string> ByNoise => ["karras", "exponential", "polyexponential", "beta", "lu", "kl_optimal"];

    [Theory, MemberData(nameof(All))]
    public void Schedule_OfEverySpacing_FallsToTheCleanImage(string name, int process, int steps)
    {
        var schedule = Spacings.Find(name).Run(Processes[process], steps);
        Assert.Equal(steps, schedule.Steps);
        Assert.True(schedule[^1].IsClean);
        Assert.All(schedule.Zip(schedule.Skip(1)), pair => Assert.True(pair.First.Ratio > pair.Second.Ratio));
    }

    [Theory, MemberData(nameof(ByNoise))]
    public void SpacingByNoise_StartsAndEndsAtTheEndsOfTraining(string name)
    {
        var process = VariancePreserving.StableDiffusion;
        var schedule = Spacings.Find(name).Run(process, 10);
        Assert.Equal(process.At(999).Ratio, schedule[0].Ratio, 1e-9);
        Assert.Equal(process.At(0).Ratio, schedule[^2].Ratio, 1e-9);
    }

    [Fact]
    public void SpacingInLambda_OfAFlow_IsRefused() => Assert.Throws<ArgumentException>(() => Spacings.Find("lu").Run(new RectifiedFlow(), 10));

    [Fact]
    public void SpacingByNoise_OfAProcessThatStartsAtPureNoise_IsRefused() =>
        Assert.Throws<ArgumentException>(() => Spacings.Find("karras").Run(new VariancePreserving(BetaSchedule.Linear, zeroTerminalSnr: true), 10));

    [Fact]
    public void Karras_OnStableDiffusion_IsAsPublished()
    {
        double[] published = [14.6146, 9.1029, 5.4784, 3.1686, 1.7494, 0.9141, 0.4469, 0.2014, 0.0819, 0.0292];
        Assert.All(Spacings.Karras()(VariancePreserving.StableDiffusion, 10).Zip(published), pair => Assert.Equal(pair.Second, pair.First.Ratio, 1e-4));
    }

    [Fact]
    public void Leading_WithStableDiffusionsOffset_IsAsPublished() =>
        Assert.Equal([801, 601, 401, 201, 1], Spacings.Leading(1)(VariancePreserving.StableDiffusion, 5).Take(5).Select(level => level.Time));

    [Fact]
    public void Trailing_OnAShiftedFlow_ShiftsEvenSteps() =>
        Assert.All(Spacings.Find("trailing").Run(new RectifiedFlow(3), 4).Zip([1, 0.9, 0.75, 0.5, 0]), pair => Assert.Equal(pair.Second, pair.First.Sigma, 1e-12));

    [Fact]
    public void AlignYourSteps_WithItsOwnNumberOfSteps_IsTheTable() =>
        Assert.All(Spacings.Find("ays_sdxl").Run(VariancePreserving.StableDiffusion, 10).Zip(AlignYourSteps.StableDiffusionXLSigmas), pair => Assert.Equal(pair.Second, pair.First.Ratio, 1e-12));

    [Fact]
    public void Find_OfAnUnknownName_ListsTheKnown() => Assert.Contains("karras", Assert.Throws<ArgumentException>(() => Spacings.Find("karas")).Message, StringComparison.Ordinal);

    [Fact]
    public void EndingAt_AnotherLevel_ReplacesTheLast()
    {
        var process = new VarianceExploding();
        Assert.Equal(0.002, Spacings.Find("karras").Run(process, 5).EndingAt(process.At(process.CleanestTime))[^1].Sigma, 1e-12);
    }

    [Fact]
    public void Custom_Amounts_AreTheLevels() => Assert.Equal([0.9, 0.3, 0], Spacings.Custom(new RectifiedFlow(), [0.9, 0.3, 0]).Select(level => level.Sigma));

    [Fact]
    public void AtTimes_EndsAtTheCleanImage() => Assert.Equal([999, 850, 0], Spacings.AtTimes(VariancePreserving.StableDiffusion, [999, 850]).Select(level => level.Time));
}

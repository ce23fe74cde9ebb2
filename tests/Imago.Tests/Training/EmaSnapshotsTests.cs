using Imago.Training;
using Imago.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Tests.Training;

public class EmaSnapshotsTests
{
    private static TrainingOptions Options(long steps) => TinyRun.Options with { Schedule = new LearningRateSchedule(), Steps = steps, EmaSnapshots = new EmaSnapshotOptions { EverySteps = 3, MostSnapshots = 12 } };

    private static string[] Stored(RunFolder run) => [.. Directory.GetFiles(run.Averages).Select(path => Path.GetFileNameWithoutExtension(path)).Order()];

    [Theory]
    [InlineData(10, 3, 3)]
    [InlineData(38, 3, 3)]
    [InlineData(39, 3, 6)]
    [InlineData(200, 3, 24)]
    public void Interval_Doubles_SoThatTheSnapshotsStayBounded(long step, int every, long interval) =>
        Assert.Equal(interval, new EmaSnapshotOptions { EverySteps = every, MostSnapshots = 12 }.Interval(step));

    [Fact]
    public void CrashedAndContinued_StoresWhatTheUninterruptedRunStores()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        var (whole, cut) = (RunFolder.Create(folder.File("whole"), 1), RunFolder.Create(folder.File("cut"), 1));
        Trainer.Run(TinyRun.Job(whole, Options(45)));
        foreach (var crash in (int[])[7, 43]) Assert.Throws<InvalidOperationException>(() => Trainer.Run(TinyRun.Job(cut, Options(45), step => step.Step == crash ? throw new InvalidOperationException() : 0)));
        Trainer.Run(TinyRun.Job(cut, Options(45)));
        ResumeTests.AssertSame(whole, cut);
        Assert.Equal(["00000006", "00000012", "00000018", "00000024", "00000030", "00000036", "00000042", "00000045"], Stored(whole));
        Assert.Equal(Stored(whole), Stored(cut));
        foreach (var name in Stored(whole)) Assert.Equal(File.ReadAllBytes(Path.Combine(whole.Averages, $"{name}.safetensors")), File.ReadAllBytes(Path.Combine(cut.Averages, $"{name}.safetensors")));
    }

    [Theory]
    [InlineData(0.07)]
    [InlineData(0.15)]
    public void Load_OfAWidth_IsTheAverageThatIsKeptDirectly(double width)
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        var (stored, direct) = (RunFolder.Create(folder.File("stored"), 1), RunFolder.Create(folder.File("direct"), 1));
        var job = TinyRun.Job(stored, Options(120) with { Ema = null, EmaSnapshots = new EmaSnapshotOptions { EverySteps = 3, MostSnapshots = 40 } });
        Trainer.Run(job);
        Trainer.Run(TinyRun.Job(direct, Options(120) with { EmaSnapshots = null, Ema = new EmaOptions { Warmup = EmaWarmup.PowerProfile, RelativeWidth = width } }));
        var network = job.Players[0].Module;
        var last = network.parameters().Select(parameter => parameter.detach().clone()).ToList();
        EmaSnapshots.Load(network, stored.Averages, width);
        using var wanted = Safetensors.Open(direct.LastWeights);
        var (error, distance) = (0.0, 0.0);
        foreach (var ((name, parameter), end) in network.named_parameters().Zip(last))
        {
            var average = wanted.Read(name);
            error += (parameter - average).square().sum().item<float>();
            distance += (end - average).square().sum().item<float>();
        }
        Assert.True(Math.Sqrt(error / distance) < 0.05, $"relative error {Math.Sqrt(error / distance)}");
    }

    [Fact]
    public void Load_WithoutSnapshots_SaysHowToHaveThem()
    {
        using var folder = new TemporaryFolder();
        using var module = nn.Linear(2, 2);
        Assert.Contains("--post-hoc-ema", Assert.Throws<CheckpointException>(() => EmaSnapshots.Load(module, folder.File("none"), 0.1)).Message, StringComparison.Ordinal);
    }
}

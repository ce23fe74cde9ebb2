using Imago.Training;
using Imago.Weights;
using static TorchSharp.torch;

namespace Imago.Tests.Training;

public class ResumeTests
{
    [Fact]
    public void CancelledAndContinued_EqualsTheUninterruptedRun()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        var (whole, cut) = (RunFolder.Create(folder.File("whole"), 1), RunFolder.Create(folder.File("cut"), 1));
        Trainer.Run(TinyRun.Job(whole));
        foreach (var last in (int[])[7, 8, 13])
        {
            using var stop = new CancellationTokenSource();
            var result = Trainer.Run(TinyRun.Job(cut), new Watch(progress => { if (progress.Step == last) stop.Cancel(); }), stop.Token);
            Assert.Equal((TrainingEnd.Cancelled, last), (result.End, result.Steps));
        }
        Assert.Equal(TrainingEnd.Finished, Trainer.Run(TinyRun.Job(cut)).End);
        AssertSame(whole, cut);
    }

    [Theory]
    [InlineData(2)]         // before the first checkpoint
    [InlineData(13)]        // between two checkpoints, after an evaluation
    public void CrashedAndContinued_EqualsTheUninterruptedRun(int crash)
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        var (whole, cut) = (RunFolder.Create(folder.File("whole"), 1), RunFolder.Create(folder.File("cut"), 1));
        Trainer.Run(TinyRun.Job(whole));
        Assert.Throws<InvalidOperationException>(() => Trainer.Run(TinyRun.Job(cut, disturb: step => step.Step == crash ? throw new InvalidOperationException() : 0)));
        using (var log = new StreamWriter(cut.MetricsFile, append: true)) log.Write("{\"kind\":\"train\",\"st");      // the line at which the process died
        Trainer.Run(TinyRun.Job(cut));
        AssertSame(whole, cut);
    }

    [Fact]
    public void UnwritableCheckpoint_IsReported_AndLosesNothingWrittenBefore()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        var (whole, cut) = (RunFolder.Create(folder.File("whole"), 1), RunFolder.Create(folder.File("cut"), 1));
        Trainer.Run(TinyRun.Job(whole));
        var kept = cut.StateFile + ".kept";
        var e = Assert.ThrowsAny<ImagoException>(() => Trainer.Run(TinyRun.Job(cut, disturb: step =>
        {
            if (step.Step == 7 && step.IsTraining && !Directory.Exists(cut.StateFile))
            {
                File.Move(cut.StateFile, kept);
                Directory.CreateDirectory(Path.Combine(cut.StateFile, "in the way"));      // no file can take the place of a folder that is not empty
            }
            return 0;
        })));
        Assert.Contains(cut.StateFile, e.Message);
        Assert.Contains(cut.ReadMetrics(), line => line.Step == 8);
        Directory.Delete(cut.StateFile, recursive: true);
        File.Move(kept, cut.StateFile);
        Trainer.Run(TinyRun.Job(cut));
        AssertSame(whole, cut);
    }

    [Fact]
    public void Folder_InUseByAnotherRun_IsRefused()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        var run = RunFolder.Create(folder.File("run"), 1);
        using var other = run.Lock();
        Assert.Contains("another process", Assert.Throws<ImagoException>(() => Trainer.Run(TinyRun.Job(run))).Message);
    }

    [Fact]
    public void Folder_ThatIsNotEmpty_IsRefusedForANewRun()
    {
        using var folder = new TemporaryFolder();
        RunFolder.Create(folder.File("run"), 1);
        Assert.Contains("--resume", Assert.Throws<ImagoException>(() => RunFolder.Create(folder.File("run"), 1)).Message);
    }

    [Fact]
    public void StateOfAnotherNetwork_IsRefusedByKey()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        var run = RunFolder.Create(folder.File("run"), 1);
        Trainer.Run(TinyRun.Job(run));
        var other = nn.Linear(2, 2);
        var job = TinyRun.Job(run);
        Assert.ThrowsAny<CheckpointException>(() => Trainer.Run(job with { Players = [new("network", other, (_, _) => throw new InvalidOperationException(), new AdamWConfig())] }));
    }

    internal static void AssertSame(RunFolder expected, RunFolder got)
    {
        foreach (var (a, b) in new[] { (expected.StateFile, got.StateFile), (expected.LastWeights, got.LastWeights), (expected.BestWeights, got.BestWeights) })
        {
            using var x = Safetensors.Open(a);
            using var y = Safetensors.Open(b);
            Assert.Equal(x.Tensors.Select(tensor => tensor.Name), y.Tensors.Select(tensor => tensor.Name));
            foreach (var (name, _, _) in x.Tensors) Assert.True(x.Read(name).Equals(y.Read(name)), $"{name} of {Path.GetFileName(a)}");
        }
        Assert.Equal(Lines(expected), Lines(got));
    }

    private static IEnumerable<string> Lines(RunFolder run) =>
        run.ReadMetrics().Select(line => $"{line.Kind} {line.Step} {line.Epoch} {string.Join(' ', line.Values.Select(entry => $"{entry.Key}={entry.Value:r}"))}");

    private sealed class Watch(Action<TrainingProgress> action) : IProgress<TrainingProgress>
    {
        public void Report(TrainingProgress value) => action(value);
    }
}

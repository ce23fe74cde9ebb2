using Imago.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Tests.Training;

public class TrainerTests
{
    [Fact]
    public void Run_OnALinearProblem_FindsTheLeastSquaresSolution()
    {
        using var scope = NewDisposeScope();
        var line = nn.Linear(3, 1);
        Trainer.Run(new TrainingJob<TinyRun.Batch>
        {
            Players = [new("line", line, (batch, _) => new LossTerms((line.forward(batch.X) - batch.X.matmul(tensor(new float[] { 1, -2, 3 }, 3, 1)) - 0.5).square().mean(), []),
                new SgdConfig { LearningRate = 0.1 })],
            Data = new TinyRun.Batches(1, size: 32),
            Options = new TrainingOptions { Steps = 400 },
        });
        Assert.True(line.weight!.allclose(tensor(new float[] { 1, -2, 3 }, 1, 3), atol: 1e-4));
        Assert.Equal(0.5, line.bias!.item<float>(), 1e-4);
    }

    [Fact]
    public void Run_OfPlainSteps_EqualsAHandWrittenLoop()
    {
        using var scope = NewDisposeScope();
        var (trained, expected) = (nn.Linear(3, 1), nn.Linear(3, 1));
        expected.load_state_dict(trained.state_dict());
        Trainer.Run(new TrainingJob<TinyRun.Batch>
        {
            Players = [new("line", trained, (batch, _) => new LossTerms(trained.forward(batch.X).square().mean(), []), new SgdConfig { LearningRate = 0.1 })],
            Data = new TinyRun.Batches(1, batchesPerEpoch: 3),
            Options = new TrainingOptions { Epochs = 2 },
        });
        foreach (var batch in new[] { 0, 1 }.SelectMany(epoch => new TinyRun.Batches(1, batchesPerEpoch: 3).Epoch(epoch)))
        {
            using (batch) expected.forward(batch.X).square().mean().backward();
            foreach (var parameter in expected.parameters())
            {
                using (no_grad()) parameter.sub_(0.1 * parameter.grad!);
                parameter.grad = null;
            }
        }
        Assert.True(trained.weight!.allclose(expected.weight!, rtol: 1e-6));
    }

    [Fact]
    public void Accumulation_OfTwoBatches_EqualsOneStepOnBoth()
    {
        using var scope = NewDisposeScope();
        var start = nn.Linear(3, 1);
        Tensor Train(int batchesPerEpoch, int size, int accumulation)
        {
            var line = nn.Linear(3, 1);
            line.load_state_dict(start.state_dict());
            Trainer.Run(new TrainingJob<TinyRun.Batch>
            {
                Players = [new("line", line, (batch, _) => new LossTerms((line.forward(batch.X) - 1).square().mean(), []), new SgdConfig { LearningRate = 0.1 })],
                Data = new Halves(batchesPerEpoch, size),
                Options = new TrainingOptions { Steps = 3, Accumulation = accumulation },
            });
            return line.weight!;
        }
        Assert.True(Train(2, 4, accumulation: 2).allclose(Train(1, 8, accumulation: 1), rtol: 1e-5));
    }

    [Fact]
    public void Evaluation_ChangesNothingInTheTraining()
    {
        using var scope = NewDisposeScope();
        var (with, without) = (TinyRun.Job(null), TinyRun.Job(null) with { Validation = null });
        var result = Trainer.Run(with);
        Trainer.Run(without);
        Assert.NotNull(result.Validation);
        foreach (var (key, value) in with.Players[0].Module.state_dict()) Assert.True(value.Equals(without.Players[0].Module.state_dict()[key]), key);
    }

    [Fact]
    public void Run_LeavesNoTensorBehind()
    {
        using var folder = new TemporaryFolder();
        var job = TinyRun.Job(RunFolder.Create(folder.File("run"), 1));
        Trainer.Run(job);
        var before = Held();
        Trainer.Run(job with { Folder = RunFolder.Create(folder.File("again"), 1) });
        Assert.Equal(before, Held());
        TinyRun.Dispose(job);

        // What something still refers to, gradients aside: tensors of earlier tests that wait for their finaliser do not count.
        long Held()
        {
            foreach (var parameter in job.Players.SelectMany(player => player.Module.parameters())) parameter.grad = null;
            GC.Collect();
            GC.WaitForPendingFinalizers();
            return Tensor.TotalCount;
        }
    }

    [Fact]
    public void Run_LeavesTheDefaultGeneratorAsItWas()
    {
        using var scope = NewDisposeScope();
        var job = TinyRun.Job(null);
        manual_seed(9);
        Trainer.Run(job);
        var after = rand(3);
        manual_seed(9);
        Assert.True(after.Equals(rand(3)));
    }

    [Fact]
    public void Patience_WithoutImprovement_EndsTheRun_AndTheBestIsTheLowest()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        var run = RunFolder.Create(folder.File("run"), 1);
        var job = TinyRun.Job(run, TinyRun.Options with { Steps = 1000, EvaluateEverySteps = 2, Patience = 3 }, step => step.IsTraining ? 0 : Math.Abs(step.Step - 10) * 100);
        var result = Trainer.Run(job);
        Assert.Equal((TrainingEnd.NoImprovement, 16, 10), (result.End, result.Steps, result.BestStep!.Value));
        Assert.Equal(result.BestLoss, run.ReadMetrics().Where(line => line.Kind == "validation").Min(line => line.Values["loss"]));
    }

    [Fact]
    public void NotANumber_EndsTheRun_NamesStepAndTerms_AndKeepsTheLastGoodCheckpoint()
    {
        using var scope = NewDisposeScope();
        using var folder = new TemporaryFolder();
        var run = RunFolder.Create(folder.File("run"), 1);
        var state = Array.Empty<byte>();
        var job = TinyRun.Job(run, disturb: step =>
        {
            if (step.Step == 12) state = File.ReadAllBytes(run.StateFile);
            return step.Step == 12 ? double.NaN : 0;
        });
        var e = Assert.Throws<TrainingDivergedException>(() => Trainer.Run(job));
        Assert.Equal(12, e.Step);
        Assert.Contains("step 12", e.Message);
        Assert.Contains("loss is NaN", e.Message);
        Assert.Contains("error ", e.Message);
        Assert.Equal(state, File.ReadAllBytes(run.StateFile));
    }

    [Fact]
    public void Options_AreTheirJson_AndUnknownKeysAreRefused()
    {
        using var folder = new TemporaryFolder();
        var run = RunFolder.Create(folder.File("run"), TinyRun.Options);
        Assert.Equal(TinyRun.Options, run.ReadConfig<TrainingOptions>());
        File.WriteAllText(run.ConfigFile, """{ "steps": 3, "stepz": 4 }""");
        Assert.Contains("stepz", Assert.Throws<CheckpointException>(run.ReadConfig<TrainingOptions>).Message);
    }

    [Fact]
    public void Options_WithoutAnEnd_OrOutOfRange_AreRefusedByName()
    {
        Assert.Contains("Steps", Assert.Throws<ArgumentException>(() => new TrainingOptions().Validate()).Message);
        Assert.Contains("Minutes", Assert.Throws<ArgumentOutOfRangeException>(() => new TrainingOptions { Minutes = -1 }.Validate()).Message);
    }

    [Fact]
    public void Minutes_EndTheRun_WithAnEvaluation()
    {
        using var scope = NewDisposeScope();
        var result = Trainer.Run(TinyRun.Job(null, TinyRun.Options with { Steps = null, Minutes = 0.1 / 60 }));
        Assert.Equal(TrainingEnd.Finished, result.End);
        Assert.Equal(result.Steps > 0, result.Validation is not null);
    }

    /// <summary>The same eight examples, as they are or in two halves.</summary>
    private sealed class Halves(int batchesPerEpoch, int size) : Imago.Data.IBatches<TinyRun.Batch>
    {
        public int BatchesPerEpoch => batchesPerEpoch;

        public IEnumerable<TinyRun.Batch> Epoch(int epoch, int firstBatch = 0, CancellationToken cancellationToken = default)
        {
            for (int k = firstBatch; k < batchesPerEpoch; k++) yield return new TinyRun.Batch(randn([8, 3], generator: new Generator((ulong)epoch))[TensorIndex.Slice(k * size, (k + 1) * size)].clone());
        }
    }
}

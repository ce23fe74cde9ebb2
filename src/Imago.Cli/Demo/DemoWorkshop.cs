using Imago.Autoencoders;
using Imago.Data;
using Imago.Data.Faces;
using Imago.Images;
using Imago.Models;
using Imago.Training;

namespace Imago.Cli.Demo;

/// <summary>The faces of the demo, and the models that learn from them.</summary>
internal sealed class DemoWorkshop
{
    private const long HeldOutFrom = 1_000_000;
    private readonly DemoPlan _plan;
    private readonly CommandContext _context;
    private readonly FaceDataset _faces, _heldOut;

    internal DemoWorkshop(DemoPlan plan, CommandContext context)
    {
        (_plan, _context) = (plan, context);
        _faces = new FaceDataset(plan.Faces, (ulong)plan.Seed, DemoPlan.Size, framing: FaceFraming.CloseUp);
        _heldOut = new FaceDataset(plan.HeldOut, (ulong)plan.Seed, DemoPlan.Size, HeldOutFrom, FaceFraming.CloseUp);
        (Faces, HeldOut) = (new CachedDataset(_faces), new CachedDataset(_heldOut));
    }

    /// <summary>Faces to learn from.</summary>
    internal ImageDataset Faces { get; }

    /// <summary>Faces that no model has seen.</summary>
    internal ImageDataset HeldOut { get; }

    /// <summary>The faces as a run knows them.</summary>
    internal DatasetSplits Splits => new(Faces, HeldOut, HeldOut) { Name = "faces-close", Description = "The faces of the demo." };

    /// <summary>The faces as a run's configuration names them.</summary>
    /// <param name="batch">Faces in a step.</param>
    internal RunDataConfig Data(int batch) => new() { Source = "faces-close", Seed = _plan.Seed, Count = _plan.Faces, BatchSize = batch };

    /// <summary>What is true of the i-th face to learn from.</summary>
    internal FaceFactors Factors(int index) => _faces.Factors(index);

    /// <summary>What is true of the i-th held-out face.</summary>
    internal FaceFactors HeldOutFactors(int index) => _heldOut.Factors(index);

    /// <summary>Trains an autoencoder.</summary>
    /// <param name="title">For the progress bar.</param>
    /// <param name="objective">What for.</param>
    /// <param name="steps">How long.</param>
    /// <param name="folder">Where to keep the run, replacing that of an earlier demo; null to keep nothing.</param>
    internal Autoencoder Learn(string title, ObjectiveConfig objective, long steps, string? folder = null)
    {
        var config = new AutoencoderRunConfig
        {
            Data = Data(DemoPlan.BatchSize),
            Network = Network(isVariational: objective.Name != "ae"),
            Objective = objective,
            Optimizer = new AdamWConfig { LearningRate = 2e-3 },
            Seed = _plan.Seed,
            Training = Options(steps) with { Ema = new EmaOptions { Decay = 0.99 } },
        };
        var run = folder is null ? null : Afresh(folder, config);
        var training = new AutoencoderTraining(config, Splits, _context.Device);
        Watch(title, (progress, cancellation) => training.Run(run, progress, cancellation));
        return training.Model;
    }

    /// <summary>Trains the network that reads the factor <c>smile</c> off a face.</summary>
    internal ImageClassifier LearnToMeasureSmiles()
    {
        var judge = new ImageClassifierConfig { Channels = 3, Size = DemoPlan.Size, Outputs = 1, Dropout = 0 }.Create(_plan.Seed);
        var smile = Faces.Attributes.ToList().FindIndex(attribute => attribute.Name == "smile");
        var job = new TrainingJob<ImageBatch>
        {
            Players = [new Player<ImageBatch>("judge", judge, Loss, new AdamWConfig { LearningRate = 2e-3 })],
            Data = new ImageLoader(Faces, new LoaderOptions { BatchSize = DemoPlan.BatchSize, Seed = _plan.Seed, DropLast = true }),
            Options = Options(_plan.JudgeSteps),
        };
        Watch("learning to measure smiles", (progress, cancellation) => Trainer.Run(job, progress, cancellation));
        judge.eval();
        return judge;

        LossTerms Loss(ImageBatch batch, StepContext step)
        {
            var read = judge.call(batch.ToFloat(PixelRange.ZeroToOne).to(step.ComputeType)).squeeze(1);
            return new LossTerms((read - batch.Attributes!.select(1, smile)).square().mean(), []);
        }
    }

    /// <summary>A run's folder, replacing that of an earlier demo.</summary>
    internal static RunFolder Afresh<TConfig>(string folder, TConfig config)
    {
        if (RunFolder.Exists(folder)) Directory.Delete(folder, recursive: true);
        return RunFolder.Create(folder, config);
    }

    private static ConvConfig Network(bool isVariational) => new()
    {
        Channels = 3,
        Height = DemoPlan.Size,
        Width = DemoPlan.Size,
        Widths = [32, 64, 128, 192],
        Hidden = [],
        Latent = DemoPlan.Latents,
        Activation = Activation.Silu,
        NormGroups = 2,
        Variational = isVariational,
    };

    internal TrainingOptions Options(long steps) => new()
    {
        Steps = steps,
        Seed = _plan.Seed,
        Precision = Precision.Bf16,
        Schedule = new LearningRateSchedule { Shape = ScheduleShape.Cosine, WarmupSteps = Math.Min(100, steps / 10) },
        EvaluateEverySteps = (int)Math.Max(1, steps / 4),
        EvaluationBatches = 4,
    };

    internal void Watch(string title, Func<IProgress<TrainingProgress>, CancellationToken, TrainingResult> run)
    {
        _context.Track(title, sink => run(sink.For<TrainingProgress>(report => (report.Step, report.TotalSteps, $"{report.ExamplesPerSecond:0} images/s")), _context.Cancellation));
        _context.Cancellation.ThrowIfCancellationRequested();
    }
}

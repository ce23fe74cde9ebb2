using Imago.Data;
using Imago.Diffusion;
using Imago.Generation.Conditions;
using Imago.Generation.Lora;
using Imago.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Generation;

/// <summary>Trains a diffusion model from its configuration.</summary>
/// <example><code>
/// using var training = DiffusionTraining.Prepare(config);
/// var result = training.Run();
/// var pictures = ImageGenerator.Generate(training.Model, new GenerationRequest { Pictures = PictureWish.Many(Condition.None, 16) });
/// </code></example>
public sealed class DiffusionTraining : IDisposable
{
    /// <summary>Where a run of low-rank changes keeps them, as others load them.</summary>
    internal const string LoraName = "pytorch_lora_weights.safetensors";

    private readonly DiffusionRunConfig _config;
    private readonly IBatches<ExampleBatch> _data;
    private readonly IBatches<ExampleBatch>? _validation;
    private readonly IReadOnlyList<LatentFile> _latents;
    private readonly SampleSheet _sheet;
    private readonly LoraAdapter? _adapter;
    private readonly TrainingConditions _conditions;

    private DiffusionTraining(DiffusionRunConfig config, DiffusionModel model, TrainingExamples examples, SampleSheet sheet)
    {
        (_config, Model, _sheet) = (config, model, sheet);
        (_data, _validation, _latents) = (examples.Train, examples.Validation, examples.Files);
        _conditions = new TrainingConditions(model, config.Conditioner.Dropout);
        if (config.Lora is not { } lora) return;
        foreach (var parameter in model.Trained.parameters()) parameter.requires_grad_(false);
        model.Trained.eval();
        _adapter = new LoraAdapter(model.Network, lora, config.Seed);
    }

    /// <summary>The model. After <see cref="Run"/> it holds the weights that are kept (the moving average, where there is one) and is in evaluation mode.</summary>
    public DiffusionModel Model { get; }

    /// <summary>Builds the model, and encodes the data where latents are drawn (once for all runs on the same data and autoencoder).</summary>
    /// <param name="config">What to train, on what, and how.</param>
    /// <param name="splits">The data, if they are open already; <see langword="null"/> to open those of the configuration.</param>
    /// <param name="folder">Where the run is kept; one that holds a run already goes on with its own copy of autoencoder and tokenizer.</param>
    /// <param name="device">Where to compute; <see langword="null"/> for the CPU.</param>
    /// <param name="progress">Told how many pictures are encoded.</param>
    /// <param name="cancellationToken">Stops encoding.</param>
    /// <exception cref="ArgumentException">The configuration contradicts itself or the data; the message names the setting.</exception>
    /// <exception cref="ImagoException">Data, autoencoder or weights cannot be used.</exception>
    public static DiffusionTraining Prepare(
        DiffusionRunConfig config, DatasetSplits? splits = null, RunFolder? folder = null, Device? device = null, IProgress<WorkProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        config.Validate();
        splits ??= config.Data.Open(cancellationToken: cancellationToken);
        device ??= CPU;
        var kept = folder is not null && DiffusionFiles.IsRun(folder.Path) ? DiffusionFiles.ModelOf(folder.Path) : null;
        var isStarted = folder is not null && File.Exists(folder.StateFile);
        var parts = StartingParts.Open(config, kept, isStarted);
        TrainingExamples? examples = null;
        try
        {
            examples = TrainingExamples.Open(config, splits, parts.Codec, device, progress, cancellationToken);
            var model = parts.Model(config, splits, examples).To(device);
            if (!isStarted && config.Lora is null && model.Encoder is Conditioner { Text: { Config.ReadingSteps: > 0 } text }) TextReading.Learn(text, splits.Train.Attributes, examples.Train, config.Seed + 2, progress, cancellationToken);
            if (folder is not null && kept is null) Keep(model, config, DiffusionFiles.ModelOf(folder.Path));
            return new DiffusionTraining(config, model, examples, SampleSheet.For(model, splits));
        }
        catch
        {
            examples?.Dispose();
            parts.Dispose();
            throw;
        }
    }

    /// <summary>Trains to the end, or until it is cancelled.</summary>
    /// <param name="folder">Where to keep log, pictures and checkpoints; a folder with a checkpoint is continued. <see langword="null"/> to keep nothing.</param>
    /// <param name="progress">Told after every step, on the calling thread.</param>
    /// <param name="cancellationToken">Ends the run after the step at hand.</param>
    /// <inheritdoc cref="Trainer.Run" path="/exception"/>
    public TrainingResult Run(RunFolder? folder = null, IProgress<TrainingProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        var result = Trainer.Run(new TrainingJob<ExampleBatch>
        {
            Players = [_adapter is null ? new("model", Model.Trained, Loss, _config.Optimizer) : new("lora", _adapter, Loss, _config.Optimizer)],
            Data = _data,
            Validation = _validation,
            Options = _config.Training,
            Folder = folder,
            DrawSamples = folder is null ? null : step => _sheet.Draw(Model, step, Path.Combine(folder.Samples, $"step-{step:000000}.png")),
        }, progress, cancellationToken);
        if (folder is null) return result;
        if (_adapter is null) DiffusionFiles.SaveWeights(Model, DiffusionFiles.ModelOf(folder.Path));
        else LoraFiles.Save(_adapter, _config.Lora!, LoraAdapter.PrefixOf(Model.Network), Path.Combine(folder.Path, LoraName));
        return result;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _adapter?.Detach();
        _adapter?.Dispose();
        _conditions.Dispose();
        Model.Dispose();
        foreach (var file in _latents) file.Dispose();
    }

    /// <summary>The objective on one batch. In an evaluation nothing is withheld, and noise and levels are the same each time.</summary>
    private LossTerms Loss(ExampleBatch batch, StepContext step)
    {
        var x0 = batch.Draw(step.Noise, Model.Device);
        var condition = _conditions.Of(batch.Known, step);
        var loss = DiffusionObjectives.Loss(_config.Objective, Model.Process, (x, time) => Model.Network.forward(x.to(step.ComputeType), time, condition), x0, step.Noise);
        return new LossTerms(loss.Mean(), [("error", loss.SquaredError.mean())]);
    }

    /// <summary>What a run does not change is written at its start: with low-rank changes, all weights, unless they are those of a published pipeline.</summary>
    private static void Keep(DiffusionModel model, DiffusionRunConfig config, string folder)
    {
        DiffusionFiles.SaveWithoutWeights(model, folder);
        if (config.Lora is not null && model.Config.Pipeline is null) DiffusionFiles.SaveWeights(model, folder);
    }
}

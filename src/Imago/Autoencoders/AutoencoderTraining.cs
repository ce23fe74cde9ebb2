using Imago.Data;
using Imago.Images;
using Imago.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Autoencoders;

/// <summary>Trains an autoencoder from its configuration.</summary>
/// <example><code>
/// using var training = new AutoencoderTraining(config);
/// var result = training.Run();
/// var reconstruction = training.Model.Decode(training.Model.Encode(x).Mean);
/// </code></example>
public sealed class AutoencoderTraining : IDisposable
{
    private const int SampleColumns = 8, SampleRows = 2;
    private readonly AutoencoderRunConfig _config;
    private readonly DatasetSplits _splits;
    private readonly Device _device;

    /// <summary>Builds the network with the weights of its seed; loads nothing.</summary>
    /// <param name="config">What to train, on what, and how.</param>
    /// <param name="splits">The data, if they are open already; <see langword="null"/> to open those of the configuration.</param>
    /// <param name="device">Where to compute; <see langword="null"/> for the CPU.</param>
    /// <exception cref="ArgumentException">The configuration contradicts itself; the message names the setting.</exception>
    /// <exception cref="DataException">The data cannot be used.</exception>
    public AutoencoderTraining(AutoencoderRunConfig config, DatasetSplits? splits = null, Device? device = null)
    {
        if (config.Kind != "autoencoder") throw new CheckpointException($"This is the configuration of a run of kind {config.Kind}, not of an autoencoder.");
        config.Training.Validate();
        config.Optimizer.Validate();
        config.Objective.Validate();
        (_config, _splits, _device) = (config, splits ?? config.Data.Open(), device ?? CPU);
        Model = config.Network.Create(config.Seed);
        Model.to(_device);
    }

    /// <summary>The network. After <see cref="Run"/> it holds the weights that are kept (the moving average, where there is one) and is in evaluation mode.</summary>
    public Autoencoder Model { get; }

    /// <summary>Trains to the end, or until it is cancelled.</summary>
    /// <param name="folder">Where to keep log, pictures and checkpoints; a folder with a checkpoint is continued. <see langword="null"/> to keep nothing.</param>
    /// <param name="progress">Told after every step, on the calling thread.</param>
    /// <param name="cancellationToken">Ends the run after the step at hand.</param>
    /// <inheritdoc cref="Trainer.Run" path="/exception"/>
    public TrainingResult Run(RunFolder? folder = null, IProgress<TrainingProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        var (data, validation) = (_config.Data.TrainingBatches(_splits), _config.Data.ValidationBatches(_splits));
        RequireSize(data);
        using var examples = folder is null ? null : Examples(validation);
        var second = new List<IDisposable>();
        try
        {
            return Trainer.Run(new TrainingJob<ImageBatch>
            {
                Players = Players(data, second),
                Data = data,
                Validation = validation,
                Options = _config.Training,
                Folder = folder,
                DrawSamples = folder is null ? null : step => DrawSamples(step, examples!, Path.Combine(folder.Samples, $"step-{step:000000}.png")),
            }, progress, cancellationToken);
        }
        finally
        {
            second.ForEach(network => network.Dispose());
        }
    }

    /// <inheritdoc/>
    public void Dispose() => Model.Dispose();

    /// <summary>The autoencoder, and the second network of objectives that have one, which the caller disposes.</summary>
    private Player<ImageBatch>[] Players(ImageLoader data, List<IDisposable> second)
    {
        switch (_config.Objective.Name)
        {
            case FactorVae.Name:
            {
                var latents = Model.LatentShape(data.Height, data.Width).Aggregate(1L, (product, size) => product * size);
                var factor = new FactorVae(_config.Objective, (int)latents, _config.Seed);
                second.Add(factor);
                factor.Discriminator.to(_device);
                return
                [
                    Autoencoder((batch, step) => factor.Loss(Model, Pixels(batch), ContextOf(step))),
                    new("discriminator", factor.Discriminator, (batch, step) => factor.DiscriminatorLoss(Model, Pixels(batch), ContextOf(step)), FactorVae.DiscriminatorOptimizer),
                ];
            }
            case GuidedVae.Name:
            {
                var guided = new GuidedVae(_config.Objective, Model, _config.Seed);
                var attribute = ExampleSelector.Parse(_config.Objective.Attribute!, _splits.Train);
                second.Add(guided);
                guided.Judge.to(_device);
                return
                [
                    Autoencoder((batch, step) => guided.Loss(Model, Pixels(batch), attribute.Of(batch).to(_device), ContextOf(step))),
                    new("judge", guided.Judge, (batch, step) => guided.JudgeLoss(Model, Pixels(batch), attribute.Of(batch).to(_device), ContextOf(step)), GuidedVae.JudgeOptimizer),
                ];
            }
            default:
                var objective = Objectives.Create(_config.Objective);
                return [Autoencoder((batch, step) => objective(Model, Pixels(batch), ContextOf(step)))];
        }
    }

    private Player<ImageBatch> Autoencoder(Func<ImageBatch, StepContext, LossTerms> loss) => new("autoencoder", Model, loss, _config.Optimizer);

    private Tensor Pixels(ImageBatch batch) => batch.ToFloat(Model.Pixels, _device);

    private ObjectiveContext ContextOf(StepContext step) => new(step.Step, step.TotalSteps, _splits.Train.Count, step.Noise, step.ComputeType, step.IsTraining);

    private void RequireSize(ImageLoader data)
    {
        try
        {
            Model.LatentShape(data.Height, data.Width);
        }
        catch (ArgumentException e)
        {
            throw new ArgumentException($"The images are {data.Width}×{data.Height}, which the network does not take ({e.Message.Split('\n')[0]}); choose another size.", e);
        }
        if (data.Channels != Model.Channels) throw new ArgumentException($"The images have {data.Channels} channels and the network {Model.Channels}; set the channels of one to those of the other.");
    }

    private static Tensor Examples(ImageLoader validation)
    {
        using var batch = validation.Epoch(0).First();
        return batch.Bytes[TensorIndex.Slice(0, Math.Min(SampleColumns, batch.Count))].clone().DetachFromDisposeScope();
    }

    /// <summary>A row of held-out images, a row of their reconstructions, and rows of samples from the prior: the same noise every time.</summary>
    private void DrawSamples(long step, Tensor examples, string path)
    {
        using var scope = NewDisposeScope();
        using var noise = new Generator((ulong)_config.Seed);
        var x = Pictures.ToFloat(examples, Model.Pixels).to(_device);
        var rows = new List<Tensor> { x, Model.ToPixels(Model.Decode(Model.Encode(x).Mean)) };
        if (Model.IsVariational)
        {
            var latent = Model.LatentShape((int)x.shape[2], (int)x.shape[3]);
            var z = randn([SampleRows * SampleColumns, .. latent], generator: noise).to(_device);
            rows.AddRange(Model.ToPixels(Model.Decode(z)).chunk(SampleRows));
        }
        var labels = new[] { "held out", "rebuilt" }.Concat(Enumerable.Repeat("drawn", SampleRows)).Take(rows.Count).ToArray();
        var grid = ImageGrid.Draw([.. rows.Select(row => Pictures.FromBatch(row.cpu(), Model.Pixels))], new GridOptions { Title = $"step {step}", RowLabels = labels });
        ImageFile.Write(path, grid);
    }
}

using Imago.Data;
using Imago.Images;
using Imago.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Flows;

/// <summary>Trains a normalising flow from its configuration, by maximum likelihood.</summary>
/// <example><code>
/// using var training = new FlowTraining(config);
/// training.Run();
/// using var noise = new torch.Generator(1);
/// var pictures = training.Model.Sample(16, noise, temperature: 0.8);
/// </code></example>
public sealed class FlowTraining : IDisposable
{
    private const int Drawn = 32;
    private const double SampleTemperature = 0.8;
    private readonly FlowRunConfig _config;
    private readonly DatasetSplits _splits;
    private readonly Device _device;

    /// <summary>Builds the network with the weights of its seed; loads nothing.</summary>
    /// <param name="config">What to train, on what, and how.</param>
    /// <param name="splits">The data, if they are open already; <see langword="null"/> to open those of the configuration.</param>
    /// <param name="device">Where to compute; <see langword="null"/> for the CPU.</param>
    /// <exception cref="ArgumentException">The configuration contradicts itself; the message names the setting.</exception>
    /// <exception cref="DataException">The data cannot be used.</exception>
    public FlowTraining(FlowRunConfig config, DatasetSplits? splits = null, Device? device = null)
    {
        config.Validate();
        (_config, _splits, _device) = (config, splits ?? config.Data.Open(), device ?? CPU);
        Model = config.Network.Create(config.Seed);
        Model.To(_device);
    }

    /// <summary>The flow. After <see cref="Run"/> it holds the weights that are kept and is in evaluation mode.</summary>
    public NormalizingFlow Model { get; }

    /// <summary>Trains to the end, or until it is cancelled.</summary>
    /// <param name="folder">Where to keep log, pictures and checkpoints; a folder with a checkpoint is continued. <see langword="null"/> to keep nothing.</param>
    /// <param name="progress">Told after every step, on the calling thread.</param>
    /// <param name="cancellationToken">Ends the run after the step at hand.</param>
    /// <inheritdoc cref="Trainer.Run" path="/exception"/>
    public TrainingResult Run(RunFolder? folder = null, IProgress<TrainingProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        var data = _config.Data.TrainingBatches(_splits);
        if ((data.Channels, data.Height, data.Width) != (_config.Network.Channels, _config.Network.Height, _config.Network.Width))
            throw new ArgumentException($"The pictures are {data.Channels}×{data.Height}×{data.Width} and the network is made for {_config.Network.Channels}×{_config.Network.Height}×{_config.Network.Width}; choose another --size.");
        return Trainer.Run(new TrainingJob<ImageBatch>
        {
            Players = [new("flow", Model, Loss, _config.Optimizer)],
            Data = data,
            Validation = _config.Data.ValidationBatches(_splits),
            Options = _config.Training,
            Folder = folder,
            DrawSamples = folder is null ? null : step => DrawSamples(step, Path.Combine(folder.Samples, $"step-{step:000000}.png")),
        }, progress, cancellationToken);
    }

    /// <inheritdoc/>
    public void Dispose() => Model.Dispose();

    /// <summary>−log P of the pictures, in nats an image, from one draw of dequantisation.</summary>
    private LossTerms Loss(ImageBatch batch, StepContext step)
    {
        Model.ComputeType = step.ComputeType;
        var loss = -Model.LogProbability(batch.Bytes.to(_device), step.Noise).mean();
        return new LossTerms(loss, [("bits_per_dimension", loss / (_config.Network.Dimensions * Math.Log(2)))]);
    }

    private void DrawSamples(long step, string path)
    {
        using var scope = NewDisposeScope();
        using var noise = new Generator((ulong)_config.Seed);
        StepSheet.Write(path, step, Model.Sample(Drawn, noise, SampleTemperature));
    }
}

using Imago.Data;
using Imago.Images;
using Imago.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Adversarial;

/// <summary>Trains a generative adversarial network from its configuration.</summary>
/// <example><code>
/// using var training = new GanTraining(config);
/// training.Run();
/// var pictures = training.Model.Sample(16, noise);
/// </code></example>
public sealed class GanTraining : IDisposable
{
    private const int Drawn = 32;
    private readonly GanRunConfig _config;
    private readonly DatasetSplits _splits;
    private readonly Device _device;
    private readonly nn.Module<Tensor, Tensor> _discriminator;

    /// <summary>Builds the networks with the weights of their seed; loads nothing.</summary>
    /// <param name="config">What to train, on what, and how.</param>
    /// <param name="splits">The data, if they are open already; <see langword="null"/> to open those of the configuration.</param>
    /// <param name="device">Where to compute; <see langword="null"/> for the CPU.</param>
    /// <exception cref="ArgumentException">The configuration contradicts itself; the message names the setting.</exception>
    /// <exception cref="DataException">The data cannot be used.</exception>
    public GanTraining(GanRunConfig config, DatasetSplits? splits = null, Device? device = null)
    {
        config.Validate();
        (_config, _splits, _device) = (config, splits ?? config.Data.Open(), device ?? CPU);
        Model = new Gan(config.Network, config.Network.CreateGenerator(config.Seed)).To(_device);
        _discriminator = config.Network.CreateDiscriminator(config.Seed + 1);
        _discriminator.to(_device);
    }

    /// <summary>What draws. After <see cref="Run"/> it holds the weights that are kept (the moving average, where there is one).</summary>
    public Gan Model { get; }

    /// <summary>Trains to the end, or until it is cancelled. There is no held-out loss: neither player's says how good the pictures are.</summary>
    /// <param name="folder">Where to keep log, pictures and checkpoints; a folder with a checkpoint is continued. <see langword="null"/> to keep nothing.</param>
    /// <param name="progress">Told after every step, on the calling thread.</param>
    /// <param name="cancellationToken">Ends the run after the step at hand.</param>
    /// <inheritdoc cref="Trainer.Run" path="/exception"/>
    public TrainingResult Run(RunFolder? folder = null, IProgress<TrainingProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        var (data, network) = (_config.Data.TrainingBatches(_splits), _config.Network);
        if ((data.Channels, data.Height, data.Width) != (network.Channels, network.Height, network.Width))
            throw new ArgumentException($"The pictures are {data.Channels}×{data.Height}×{data.Width} and the networks are made for {network.Channels}×{network.Height}×{network.Width}; choose another --size.");
        return Trainer.Run(new TrainingJob<ImageBatch>
        {
            Players = AdversarialPlay.Players<ImageBatch>(_config.Objective, Model.Generator, _discriminator, Pair, _config.Optimizer),
            Data = data,
            Options = _config.Training,
            Folder = folder,
            DrawSamples = folder is null ? null : step => DrawSamples(step, Path.Combine(folder.Samples, $"step-{step:000000}.png")),
        }, progress, cancellationToken);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Model.Dispose();
        _discriminator.Dispose();
    }

    private (Tensor Real, Tensor Generated) Pair(ImageBatch batch, StepContext step) =>
        (batch.ToFloat(PixelRange.MinusOneToOne, _device), Model.Generator.call(step.Normal([batch.Count, _config.Network.Latent], _device)));

    private void DrawSamples(long step, string path)
    {
        using var scope = NewDisposeScope();
        using var noise = new Generator((ulong)_config.Seed);
        StepSheet.Write(path, step, Model.Sample(Drawn, noise));
    }
}

using System.Globalization;
using Imago.Data;
using Imago.Diffusion;
using Imago.Images;
using Imago.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Metrics;

/// <summary>
/// A classifier of noisy pictures, p(y|x) at every level of noise: what classifier guidance follows (Dhariwal and Nichol 2021, section 4). It is told the level as two more
/// channels, the shares of picture and noise. One serves every process: x is brought to α² + σ² = 1 first.
/// </summary>
public sealed class NoisyClassifier : IDisposable
{
    private readonly ImageClassifier _network;

    /// <summary>Puts it together.</summary>
    /// <param name="network">The network, with <see cref="LevelChannels"/> channels more than the pictures; it belongs to the classifier from now on, and is put in evaluation mode.</param>
    /// <param name="config">What is known of it.</param>
    public NoisyClassifier(ImageClassifier network, ClassifierConfig config)
    {
        ArgumentNullException.ThrowIfNull(network);
        (_network, Config) = (network, config);
        network.eval();
        foreach (var parameter in network.parameters()) parameter.requires_grad_(false);
    }

    /// <summary>Channels in which the network is told the level.</summary>
    public const int LevelChannels = 2;

    /// <summary>The process along which it is trained.</summary>
    public static CosineAngle Process { get; } = new();

    /// <summary>What is known of it.</summary>
    public ClassifierConfig Config { get; }

    /// <summary>Channels of the pictures.</summary>
    public int Channels => Config.Network.Channels - LevelChannels;

    /// <summary>Reads one from a folder of <c>imago train classifier --noisy</c>.</summary>
    /// <exception cref="CheckpointException">The folder holds none, or one of clean pictures.</exception>
    public static NoisyClassifier Load(string folder)
    {
        var (network, config) = ClassifierFiles.Load(folder);
        if (config.IsNoisy) return new NoisyClassifier(network, config);
        network.Dispose();
        throw new CheckpointException($"{folder} holds a classifier of clean pictures, whose gradients lead nowhere in noise; train one with imago train classifier --noisy.");
    }

    /// <summary>Moves it to a device.</summary>
    public NoisyClassifier To(Device device)
    {
        _network.to(device);
        return this;
    }

    /// <summary>log p(y|x) of every class.</summary>
    /// <param name="x">Noisy pictures, [B, C, H, W], of clean ones in [−1, 1].</param>
    /// <param name="levels">How noisy each is.</param>
    /// <returns>[B, classes], float32, differentiable in x.</returns>
    public Tensor LogProbabilities(Tensor x, NoiseLevels levels) => nn.functional.log_softmax(_network.call(Input(x, levels)), 1);

    /// <summary>The number of a class.</summary>
    /// <param name="name">Its name, or its number.</param>
    /// <exception cref="ArgumentException">There is no such class; the message lists them.</exception>
    public int ClassOf(string name)
    {
        for (var i = 0; i < Config.Classes.Count; i++)
        {
            if (string.Equals(Config.Classes[i], name, StringComparison.OrdinalIgnoreCase)) return i;
        }
        return int.TryParse(name, CultureInfo.InvariantCulture, out var number) && number >= 0 && number < Config.Classes.Count
            ? number
            : throw new ArgumentException($"The classifier knows no class '{name}'; it knows {string.Join(", ", Config.Classes)}.", nameof(name));
    }

    /// <summary>The share of pictures whose class it tells at a level of noise.</summary>
    /// <param name="data">Labelled pictures.</param>
    /// <param name="level">How much noise is added.</param>
    /// <param name="seed">Seed of the noise.</param>
    /// <param name="cancellationToken">Stops between two batches.</param>
    public double Accuracy(IBatches<ImageBatch> data, NoiseLevel level, long seed = 0, CancellationToken cancellationToken = default)
    {
        using var noGrad = no_grad();
        using var random = new Generator((ulong)seed);
        var (right, count) = (0L, 0L);
        foreach (var batch in data.Epoch(0, cancellationToken: cancellationToken))
        {
            using var _ = batch;
            using var scope = NewDisposeScope();
            var x0 = batch.ToFloat(PixelRange.MinusOneToOne);
            var levels = NoiseLevels.Same(level, batch.Count);
            right += LogProbabilities(levels.Noisy(x0, randn(x0.shape, generator: random)), levels).argmax(1).eq(LabelsOf(batch)).sum().item<long>();
            count += batch.Count;
        }
        return count > 0 ? (double)right / count : throw new InvalidOperationException("There are no pictures to be right about.");
    }

    /// <inheritdoc/>
    public void Dispose() => _network.Dispose();

    /// <summary>What the network sees: (x/√(α² + σ²), α/√(α² + σ²), σ/√(α² + σ²)), the picture as the network takes clean ones, from 0 to 1.</summary>
    internal static Tensor Input(Tensor x, NoiseLevels levels)
    {
        Tensor Unit(Func<NoiseLevel, double> number) => levels.Over(x, level => number(level) / Math.Sqrt(level.Alpha * level.Alpha + level.Sigma * level.Sigma));
        Tensor Plane(Func<NoiseLevel, double> number) => Unit(number).expand(-1, 1, x.shape[2], x.shape[3]);
        return cat([x * Unit(_ => 1) / 2 + 0.5, Plane(level => level.Alpha), Plane(level => level.Sigma)], 1);
    }

    internal static Tensor LabelsOf(ImageBatch batch) => batch.Labels ?? throw new ArgumentException("A classifier learns from pictures in classes; these have none.");
}

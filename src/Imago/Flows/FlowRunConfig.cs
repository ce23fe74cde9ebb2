using Imago.Autoencoders;
using Imago.Models;
using Imago.Training;

namespace Imago.Flows;

/// <summary>Everything that a run of a normalising flow depends on: the <c>config.json</c> of its folder.</summary>
public sealed record FlowRunConfig
{
    /// <summary>What is trained: always <c>flow</c>.</summary>
    public string Kind { get; init; } = FlowFiles.Kind;

    /// <summary>The version of Imago that made the run.</summary>
    public string ImagoVersion { get; init; } = typeof(FlowRunConfig).Assembly.GetName().Version!.ToString(3);

    /// <summary>The pictures.</summary>
    public required RunDataConfig Data { get; init; }

    /// <summary>The network.</summary>
    public required FlowConfig Network { get; init; }

    /// <summary>How its weights change.</summary>
    public OptimizerConfig Optimizer { get; init; } = new AdamWConfig();

    /// <summary>How it is trained and for how long.</summary>
    public required TrainingOptions Training { get; init; }

    /// <summary>Seed of the first weights.</summary>
    public long Seed { get; init; }

    /// <summary>A Glow that suits pictures: halved while at least four positions a side are left, at most four times.</summary>
    /// <param name="channels">Channels of the pictures.</param>
    /// <param name="height">Their height.</param>
    /// <param name="width">Their width.</param>
    /// <exception cref="ArgumentException">A side is odd.</exception>
    public static GlowConfig NetworkFor(int channels, int height, int width)
    {
        const int SmallestMap = 4, MostLevels = 4;
        var levels = 0;
        for (var (h, w) = (height, width); levels < MostLevels && h % 2 == 0 && w % 2 == 0 && Math.Min(h, w) / 2 >= SmallestMap; (h, w) = (h / 2, w / 2)) levels++;
        if (levels == 0) throw new ArgumentException($"A flow halves its pictures, and {width}×{height} pixels cannot be halved; choose an even size of 8 or more.");
        return new GlowConfig { Channels = channels, Height = height, Width = width, Levels = levels };
    }

    /// <summary>Throws when the values contradict each other.</summary>
    /// <exception cref="ArgumentException">The message names the value.</exception>
    public void Validate()
    {
        if (Kind != FlowFiles.Kind) throw new CheckpointException($"This is the configuration of a run of kind {Kind}, not of a flow.");
        Network.Validate();
        Optimizer.Validate();
        Training.Validate();
    }
}

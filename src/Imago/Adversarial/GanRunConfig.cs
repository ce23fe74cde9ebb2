using System.Text.Json.Serialization;
using Imago.Autoencoders;
using Imago.Models;
using Imago.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Adversarial;

/// <summary>What the networks of a generative adversarial network are made of. The record is the JSON.</summary>
public sealed record GanConfig
{
    private static readonly ConfigRules Rules = new("GAN configuration");

    /// <summary>Channels of the images.</summary>
    public required int Channels { get; init; }

    /// <summary>Height of the images, in pixels.</summary>
    public required int Height { get; init; }

    /// <summary>Width of the images, in pixels.</summary>
    public required int Width { get; init; }

    /// <summary>Numbers of noise, Z.</summary>
    public int Latent { get; init; } = 64;

    /// <summary>Channels at each resolution, from the finest on; each is half of the one before.</summary>
    public required IReadOnlyList<int> Widths { get; init; }

    /// <summary>Halvings between the image and the coarsest map.</summary>
    [JsonIgnore]
    public int Halvings => Widths.Count - 1;

    /// <summary>Networks that suit pictures: halved while four positions a side are left, widths 1, 2, 4, 4, … times the first.</summary>
    /// <param name="channels">Channels of the pictures.</param>
    /// <param name="height">Their height.</param>
    /// <param name="width">Their width.</param>
    /// <param name="first">Channels at the finest resolution.</param>
    public static GanConfig For(int channels, int height, int width, int first = 32)
    {
        const int SmallestMap = 4;
        var widths = new List<int> { first };
        for (var (h, w) = (height, width); h % 2 == 0 && w % 2 == 0 && Math.Min(h, w) / 2 >= SmallestMap; (h, w) = (h / 2, w / 2)) widths.Add(Math.Min(2 * widths[^1], 4 * first));
        return new GanConfig { Channels = channels, Height = height, Width = width, Widths = widths };
    }

    /// <summary>A generator with fresh weights: noise [B, Z] → images [B, C, H, W] in about [−1, 1].</summary>
    /// <param name="seed">Where the weights come from.</param>
    public nn.Module<Tensor, Tensor> CreateGenerator(long seed = 0)
    {
        Validate();
        return Seeded.Build(seed, () => new GanGenerator(this));
    }

    /// <summary>A discriminator with fresh weights: images [B, C, H, W] → scores [B].</summary>
    /// <param name="seed">Where the weights come from.</param>
    public nn.Module<Tensor, Tensor> CreateDiscriminator(long seed = 0)
    {
        Validate();
        return Seeded.Build(seed, () => new GanDiscriminator(this));
    }

    /// <summary>Throws when the values cannot make networks.</summary>
    /// <exception cref="ArgumentException">The message names the value and what it must be.</exception>
    public void Validate()
    {
        Rules.Require(Channels is 1 or 3 or 4, "channels", Channels, "1, 3 or 4");
        Rules.Require(Latent is > 0 and <= 65536, "latent", Latent, "between 1 and 65536");
        Rules.Require(Widths.Count is > 0 and <= 12 && Widths.All(width => width is > 0 and <= 8192), "widths", Widths, "1 to 12 numbers of channels between 1 and 8192");
        var factor = 1 << Halvings;
        Rules.Require(Height is > 0 and <= 4096 && Height % factor == 0, "height", Height, $"a multiple of {factor} (one halving between each two widths), at most 4096");
        Rules.Require(Width is > 0 and <= 4096 && Width % factor == 0, "width", Width, $"a multiple of {factor} (one halving between each two widths), at most 4096");
    }
}

/// <summary>Everything that a run of a generative adversarial network depends on: the <c>config.json</c> of its folder.</summary>
public sealed record GanRunConfig
{
    /// <summary>What is trained: always <c>gan</c>.</summary>
    public string Kind { get; init; } = GanFiles.Kind;

    /// <summary>The version of Imago that made the run.</summary>
    public string ImagoVersion { get; init; } = typeof(GanRunConfig).Assembly.GetName().Version!.ToString(3);

    /// <summary>The pictures.</summary>
    public required RunDataConfig Data { get; init; }

    /// <summary>The networks.</summary>
    public required GanConfig Network { get; init; }

    /// <summary>Game and penalties.</summary>
    public AdversarialObjective Objective { get; init; } = new();

    /// <summary>How both players change: Adam without momentum, as in Huang et al. 2024, table 6.</summary>
    public OptimizerConfig Optimizer { get; init; } = new AdamConfig { LearningRate = 5e-4, Beta1 = 0, Beta2 = 0.99 };

    /// <summary>How it is trained and for how long.</summary>
    public required TrainingOptions Training { get; init; }

    /// <summary>Seed of the first weights.</summary>
    public long Seed { get; init; }

    /// <summary>Throws when the values contradict each other.</summary>
    /// <exception cref="ArgumentException">The message names the value.</exception>
    public void Validate()
    {
        if (Kind != GanFiles.Kind) throw new CheckpointException($"This is the configuration of a run of kind {Kind}, not of a GAN.");
        Network.Validate();
        Objective.Validate();
        Optimizer.Validate();
        Training.Validate();
    }
}

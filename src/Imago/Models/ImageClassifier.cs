using Imago.Layers;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Imago.Models;

/// <summary>What an <see cref="ImageClassifier"/> is made of.</summary>
public sealed record ImageClassifierConfig
{
    /// <summary>Channels of the images.</summary>
    public required int Channels { get; init; }

    /// <summary>Side of the square images in pixels, a multiple of 2^(number of <see cref="Widths"/>).</summary>
    public required int Size { get; init; }

    /// <summary>Numbers that the network gives: one logit a class, or one value a quantity.</summary>
    public required int Outputs { get; init; }

    /// <summary>Channels at each resolution, from the pixels inwards; multiples of 16.</summary>
    public IReadOnlyList<int> Widths { get; init; } = [32, 64, 128, 128];

    /// <summary>Units of the hidden linear layer.</summary>
    public int Hidden { get; init; } = 64;

    /// <summary>Share of the features that a training step forgets.</summary>
    public double Dropout { get; init; } = 0.3;

    /// <summary>Builds the network with fresh weights; the same seed gives the same ones.</summary>
    /// <exception cref="ArgumentException">The size does not fit the widths, or a width is no multiple of 16.</exception>
    public ImageClassifier Create(long seed = 0)
    {
        var factor = 1 << Widths.Count;
        if (Size <= 0 || Size % factor != 0) throw new ArgumentException($"ImageClassifier: size is {Size}; it must be a multiple of {factor}, one halving for each of the {Widths.Count} widths.");
        if (Widths.Any(width => width <= 0 || width % 16 != 0)) throw new ArgumentException($"ImageClassifier: widths are [{string.Join(", ", Widths)}]; each must be a multiple of 16.");
        return Seeded.Build(seed, () => new ImageClassifier(this));
    }
}

/// <summary>
/// A small network that reads classes or quantities off an image: at each resolution a 4×4 convolution that halves it, group normalisation and SiLU;
/// then a hidden layer and the outputs. It judges what generative models draw.
/// </summary>
public sealed class ImageClassifier : nn.Module<Tensor, Tensor>
{
    private readonly ModuleList<Conv2d> convs;
    private readonly ModuleList<GroupNorm> norms;
    private readonly Dropout dropout;
    private readonly Linear hidden;
    private readonly Linear output;

    internal ImageClassifier(ImageClassifierConfig config)
        : base(nameof(ImageClassifier))
    {
        int[] widths = [config.Channels, .. config.Widths];
        var side = config.Size >> config.Widths.Count;
        FeatureCount = config.Hidden;
        convs = nn.ModuleList([.. config.Widths.Select((width, i) => new Conv2d(widths[i], width, 4, stride: 2, padding: 1))]);
        norms = nn.ModuleList([.. config.Widths.Select(width => new GroupNorm(width / 16, width))]);
        dropout = nn.Dropout(config.Dropout);
        hidden = new Linear(widths[^1] * side * side, config.Hidden);
        output = new Linear(config.Hidden, config.Outputs);
        RegisterComponents();
    }

    /// <summary>Reads images.</summary>
    /// <param name="x">[B, C, H, W] in [0, 1]; its type is that of the computation.</param>
    /// <returns>[B, Outputs], float32.</returns>
    public override Tensor forward(Tensor x) => output.call(Hidden(x)).to(float32);

    /// <summary>Numbers of <see cref="Features"/> for an image.</summary>
    internal int FeatureCount { get; }

    /// <summary>What the network gives for features.</summary>
    /// <param name="features">[B, Hidden].</param>
    /// <returns>[B, Outputs], float32.</returns>
    internal Tensor Outputs(Tensor features) => output.call(features).to(float32);

    /// <summary>What the network sees in images: its hidden layer, from which the outputs are a linear function.</summary>
    /// <param name="x">[B, C, H, W] in [0, 1]; its type is that of the computation.</param>
    /// <returns>[B, Hidden], float32.</returns>
    public Tensor Features(Tensor x) => Hidden(x).to(float32);

    private Tensor Hidden(Tensor x)
    {
        var h = x - 0.5;
        foreach (var (conv, norm) in convs.Zip(norms)) h = nn.functional.silu(norm.call(conv.call(h)));
        return nn.functional.silu(hidden.call(dropout.call(h.flatten(1))));
    }
}

using System.Text.Json.Serialization;
using Imago.Models;
using Imago.Probability;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Flows;

/// <summary>What a normalising flow is made of. The record is the JSON (keys in snake_case, the kind of network under <c>network</c>).</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "network")]
[JsonDerivedType(typeof(GlowConfig), "glow")]
public abstract record FlowConfig
{
    private static readonly ConfigRules Rules = new("Flow configuration");

    /// <summary>Channels of the images.</summary>
    public required int Channels { get; init; }

    /// <summary>Height of the images, in pixels.</summary>
    public required int Height { get; init; }

    /// <summary>Width of the images, in pixels.</summary>
    public required int Width { get; init; }

    /// <summary>Numbers in an image, D.</summary>
    [JsonIgnore]
    public long Dimensions => (long)Channels * Height * Width;

    /// <summary>Builds the network with fresh weights.</summary>
    /// <param name="seed">Where the weights come from.</param>
    /// <exception cref="ArgumentException">A value is out of range; the message names it.</exception>
    public NormalizingFlow Create(long seed = 0)
    {
        Validate();
        return Seeded.Build(seed, Build);
    }

    /// <summary>Throws when the values cannot make a network.</summary>
    /// <exception cref="ArgumentException">The message names the value and what it must be.</exception>
    public virtual void Validate()
    {
        Require(Channels is 1 or 3 or 4, "channels", Channels, "1, 3 or 4");
        Require(Height is > 0 and <= 4096, "height", Height, "between 1 and 4096");
        Require(Width is > 0 and <= 4096, "width", Width, "between 1 and 4096");
    }

    internal abstract NormalizingFlow Build();

    internal static void Require(bool holds, string key, object value, string expected) => Rules.Require(holds, key, value, expected);
}

/// <summary>
/// An invertible map between images and noise: z = f(x), x = f⁻¹(z), and with it the exact density log p(x) = log N(f(x); 0, I) + log |det ∂f/∂x| (Rezende and Mohamed 2015, Eq. 5–7).
/// </summary>
public abstract class NormalizingFlow : nn.Module
{
    private const int Levels = 256;

    /// <summary>Names the module.</summary>
    protected NormalizingFlow(string name)
        : base(name)
    {
    }

    /// <summary>What it is made of.</summary>
    public abstract FlowConfig Config { get; }

    /// <summary>The type in which the networks inside compute; densities and what passes from layer to layer are float32 always.</summary>
    public virtual ScalarType ComputeType { get; set; } = ScalarType.Float32;

    /// <summary>z = f(x).</summary>
    /// <param name="x">Images, float32 [B, C, H, W].</param>
    /// <returns>Noise [B, D], and log |det ∂z/∂x| of each image [B].</returns>
    public abstract (Tensor Z, Tensor LogDeterminant) Encode(Tensor x);

    /// <summary>x = f⁻¹(z).</summary>
    /// <param name="z">Noise, [B, D].</param>
    /// <returns>[B, C, H, W].</returns>
    public abstract Tensor Decode(Tensor z);

    /// <summary>log p(x) = log N(f(x); 0, I) + log |det ∂f/∂x|, in nats, [B].</summary>
    /// <param name="x">Images, float32 [B, C, H, W], in <see cref="Continuous"/>'s scale.</param>
    public Tensor LogDensity(Tensor x)
    {
        var (z, logDeterminant) = Encode(x);
        return DiagonalGaussian.LogPrior(z) + logDeterminant;
    }

    /// <summary>The bound log P(bytes) ≥ E[log p(bytes + u)] − D log 256 of uniform dequantisation (Theis et al. 2016, Eq. 3), from one draw u: in nats, [B].</summary>
    /// <param name="bytes">uint8 [B, C, H, W].</param>
    /// <param name="generator">Where u comes from.</param>
    public Tensor LogProbability(Tensor bytes, Generator generator) => LogDensity(Continuous(bytes, generator)) - Config.Dimensions * Math.Log(Levels);

    /// <summary>x = (bytes + u) / 256 − ½ with u uniform in [0, 1): what the flow is a density of.</summary>
    /// <param name="bytes">uint8 [B, C, H, W].</param>
    /// <param name="generator">Where u comes from; drawn on the CPU.</param>
    public static Tensor Continuous(Tensor bytes, Generator generator) => (bytes.to(float32) + rand(bytes.shape, generator: generator).to(bytes.device)) / Levels - 0.5;

    /// <summary>Draws images.</summary>
    /// <param name="count">How many.</param>
    /// <param name="generator">Where the noise comes from.</param>
    /// <param name="temperature">Deviation of the noise: below 1 for more usual pictures (Kingma and Dhariwal 2018, section 6).</param>
    /// <returns>float32 [B, C, H, W] in [0, 1].</returns>
    public Tensor Sample(int count, Generator generator, double temperature = 1)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(temperature);
        using var noGrad = no_grad();
        var device = parameters().First().device;
        return ToPixels(Decode(temperature * randn([count, Config.Dimensions], generator: generator).to(device)));
    }

    /// <summary>From the flow's scale to [0, 1]. What is not finite, far out in the noise, is black.</summary>
    public static Tensor ToPixels(Tensor x) => (x + 0.5).nan_to_num(0, 1, 0).clamp(0, 1);

    /// <summary>bits per dimension = −log₂ P / D.</summary>
    /// <param name="logProbability">In nats.</param>
    public double BitsPerDimension(double logProbability) => -logProbability / (Config.Dimensions * Math.Log(2));

    /// <summary>Moves it to a device.</summary>
    public NormalizingFlow To(Device device)
    {
        this.to(device);
        return this;
    }
}

using Imago.Encoders;
using Imago.Layers;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Imago.Models;

/// <summary>Both encoders of CLIP (Radford et al. 2021), with the keys and defaults of transformers' <c>CLIPConfig</c>.</summary>
public sealed record ClipConfig : EncoderConfig
{
    /// <summary>The encoder of texts.</summary>
    public ClipTextConfig TextConfig { get; init; } = new();

    /// <summary>The encoder of pictures.</summary>
    public ClipVisionConfig VisionConfig { get; init; } = new();

    /// <summary>Features of the space of texts and pictures.</summary>
    public int ProjectionDim { get; init; } = 512;

    /// <summary>Logarithm of what a fresh network multiplies cosines by.</summary>
    public double LogitScaleInitValue { get; init; } = 2.6592;

    /// <inheritdoc/>
    public override void Validate()
    {
        TextConfig.Validate();
        VisionConfig.Validate();
        Require(ProjectionDim is > 0 and <= 16384, "projection_dim", ProjectionDim, "between 1 and 16384");
        Require(double.IsFinite(LogitScaleInitValue), "logit_scale_init_value", LogitScaleInitValue, "a number");
    }

    /// <summary>Builds the network with fresh weights.</summary>
    /// <param name="seed">Where the weights come from.</param>
    /// <exception cref="ArgumentException">A value is out of range; the message names the key.</exception>
    public ClipModel Create(long seed = 0)
    {
        Validate();
        return Seeded.Build(seed, () => new ClipModel(this));
    }

    /// <summary>Builds the network without values, for a file to fill; on the device <c>meta</c> it has shapes and no memory.</summary>
    internal ClipModel CreateEmpty(Device device)
    {
        Validate();
        using var _ = Initialization.On(device, draw: false);
        return new ClipModel(this);
    }
}

/// <summary>Texts and pictures as vectors of one space, in which what belongs together points the same way. Fields are the keys of published files.</summary>
public sealed class ClipModel : nn.Module
{
    private readonly ClipTextTransformer text_model;
    private readonly ClipVisionTransformer vision_model;
    private readonly Linear visual_projection;
    private readonly Linear text_projection;
    private readonly Parameter logit_scale;

    internal ClipModel(ClipConfig config)
        : base(nameof(ClipModel))
    {
        Config = config;
        text_model = new ClipTextTransformer(config.TextConfig);
        vision_model = new ClipVisionTransformer(config.VisionConfig);
        visual_projection = ClipLayerShape.Projection(config.VisionConfig.HiddenSize, config.ProjectionDim);
        text_projection = ClipLayerShape.Projection(config.TextConfig.HiddenSize, config.ProjectionDim);
        logit_scale = new Parameter(full([], config.LogitScaleInitValue, ScalarType.Float32, Initialization.DeviceOr(null)));
        RegisterComponents();
    }

    /// <summary>What the network is made of.</summary>
    public ClipConfig Config { get; }

    /// <summary>Vectors of texts, [B, E], not normalised.</summary>
    /// <param name="ids">Numbers of tokens, int64 [B, L].</param>
    /// <param name="mask">1 for each token that counts, 0 for padding, [B, L]; null if all do.</param>
    /// <param name="type">The type to compute in.</param>
    public Tensor EmbedTexts(Tensor ids, Tensor? mask = null, ScalarType type = ScalarType.Float32) =>
        WrappedTensorDisposeScope(() => text_projection.call(text_model.call(ids, mask, type).Pooled!));

    /// <summary>Vectors of pictures, [B, E], not normalised.</summary>
    /// <param name="pixels">[B, 3, H, W], standardised as the network was trained; their type is that of the computation.</param>
    public Tensor EmbedImages(Tensor pixels) => WrappedTensorDisposeScope(() => visual_projection.call(vision_model.call(pixels).Pooled!));

    /// <summary>How well pictures fit texts: the logits of the classification that the network was trained on.</summary>
    /// <param name="images">Vectors of pictures [I, E].</param>
    /// <param name="texts">Vectors of texts [T, E].</param>
    /// <returns>[I, T].</returns>
    public Tensor Logits(Tensor images, Tensor texts) => WrappedTensorDisposeScope(() => Cosines(images, texts) * logit_scale.exp());

    /// <summary>The CLIP score max(100 cos, 0) (Hessel et al. 2021, whose weight is 2.5 instead of 100).</summary>
    /// <inheritdoc cref="Logits"/>
    public static Tensor Score(Tensor images, Tensor texts) => WrappedTensorDisposeScope(() => (100 * Cosines(images, texts)).clamp_min(0));

    /// <summary>A vector divided by its length.</summary>
    /// <param name="vectors">[B, E].</param>
    public static Tensor Normalised(Tensor vectors) => WrappedTensorDisposeScope(() => vectors / vectors.square().sum([-1L], keepdim: true).sqrt());

    private static Tensor Cosines(Tensor images, Tensor texts) => Normalised(images).matmul(Normalised(texts).transpose(0, 1));
}

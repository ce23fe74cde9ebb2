using Imago.Encoders;
using Imago.Layers;
using Imago.Models.Blocks;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Imago.Models;

/// <summary>
/// The image encoder of CLIP (Radford et al. 2021) with the keys and defaults of transformers' <c>CLIPVisionConfig</c>. With <c>CLIPVisionModelWithProjection</c> among
/// the architectures it also gives the embedding in the space of texts and pictures.
/// </summary>
public sealed record ClipVisionConfig : ImageEncoderConfig
{
    /// <summary>Features of a token.</summary>
    public int HiddenSize { get; init; } = 768;

    /// <summary>Features inside the feed-forward layers.</summary>
    public int IntermediateSize { get; init; } = 3072;

    /// <summary>Features of the embedding.</summary>
    public int ProjectionDim { get; init; } = 512;

    /// <summary>Number of layers.</summary>
    public int NumHiddenLayers { get; init; } = 12;

    /// <summary>Heads of each attention.</summary>
    public int NumAttentionHeads { get; init; } = 12;

    /// <inheritdoc/>
    public override int PatchSize { get; init; } = 32;

    /// <summary>The non-linearity of the feed-forward layers, as transformers names it.</summary>
    public string HiddenAct { get; init; } = "quick_gelu";

    /// <summary>Added to the variance in every normalisation.</summary>
    public double LayerNormEps { get; init; } = 1e-5;

    internal bool HasProjection => Architectures?.Contains("CLIPVisionModelWithProjection") ?? false;

    internal ClipLayerShape Layer => new(HiddenSize, NumAttentionHeads, IntermediateSize, NumHiddenLayers, Activations.Named(HiddenAct)!.Value, LayerNormEps);

    /// <inheritdoc/>
    public override void Validate()
    {
        RequireSizes(HiddenSize, NumHiddenLayers, NumAttentionHeads, IntermediateSize);
        RequirePatches();
        Require(ProjectionDim is > 0 and <= 16384, "projection_dim", ProjectionDim, "between 1 and 16384");
        Require(Activations.Named(HiddenAct) is not null, "hidden_act", HiddenAct, "quick_gelu, gelu, gelu_new, relu, silu, tanh or mish");
        Require(LayerNormEps > 0, "layer_norm_eps", LayerNormEps, "positive");
    }

    private protected override ImageEncoder Build() => new ClipVision(this);
}

/// <summary>The network of <see cref="ClipVisionConfig"/>; fields are the keys of published files.</summary>
internal sealed class ClipVision : ImageEncoder
{
    private readonly ClipVisionConfig _config;
    private readonly ClipVisionTransformer vision_model;
    private readonly Linear? visual_projection;

    internal ClipVision(ClipVisionConfig config)
        : base(nameof(ClipVision))
    {
        _config = config;
        vision_model = new ClipVisionTransformer(config);
        visual_projection = config.HasProjection ? ClipLayerShape.Projection(config.HiddenSize, config.ProjectionDim) : null;
        RegisterComponents();
    }

    public override ImageEncoderConfig Config => _config;

    private protected override EncoderOutput Compute(Tensor pixels, Tensor? masked)
    {
        if (masked is not null) throw new ArgumentException($"{nameof(ClipVision)}: the network knows no hidden patches.", nameof(masked));
        var output = vision_model.call(pixels);
        return output with { Embedding = visual_projection?.call(output.Pooled!) };
    }
}

/// <summary>Class token and patches → pre_layrnorm → layers; the class token of the last, normalised, is what is pooled.</summary>
internal sealed class ClipVisionTransformer : nn.Module<Tensor, EncoderOutput>
{
    private readonly VisionEmbeddings embeddings;
    private readonly LayerNorm pre_layrnorm;
    private readonly ClipLayers encoder;
    private readonly LayerNorm post_layernorm;

    internal ClipVisionTransformer(ClipVisionConfig config)
        : base(nameof(ClipVisionTransformer))
    {
        embeddings = new VisionEmbeddings(config);
        pre_layrnorm = new LayerNorm(config.HiddenSize, config.LayerNormEps);
        encoder = new ClipLayers(config.Layer);
        post_layernorm = new LayerNorm(config.HiddenSize, config.LayerNormEps);
        RegisterComponents();
    }

    public override EncoderOutput forward(Tensor pixels)
    {
        var states = encoder.call(pre_layrnorm.call(embeddings.call(pixels)), null, false);
        return new EncoderOutput(states, states[^1]) { Pooled = post_layernorm.call(states[^1].select(1, 0)) };
    }

    private sealed class VisionEmbeddings : nn.Module<Tensor, Tensor>
    {
        private readonly int _grid;
        private readonly Parameter class_embedding;
        private readonly Conv2d patch_embedding;
        private readonly Embedding position_embedding;

        internal VisionEmbeddings(ClipVisionConfig config)
            : base(nameof(VisionEmbeddings))
        {
            _grid = config.Grid;
            class_embedding = Initialization.Normal(null, Math.Pow(config.HiddenSize, -0.5), config.HiddenSize);
            patch_embedding = new Conv2d(config.NumChannels, config.HiddenSize, config.PatchSize, stride: config.PatchSize, bias: false);
            position_embedding = new Embedding(1 + _grid * _grid, config.HiddenSize, std: 0.02);
            RegisterComponents();
        }

        public override Tensor forward(Tensor pixels) => WrappedTensorDisposeScope(() =>
        {
            var map = patch_embedding.call(pixels);
            return ImageTokens.WithClass(class_embedding, FeatureMap.ToTokens(map)) + ImageTokens.Positions(position_embedding.weight, _grid, map).to(map.dtype);
        });
    }
}

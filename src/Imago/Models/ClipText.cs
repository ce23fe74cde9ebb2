using Imago.Encoders;
using Imago.Layers;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Imago.Models;

/// <summary>
/// The text encoder of CLIP (Radford et al. 2021) with the keys and defaults of transformers' <c>CLIPTextConfig</c>. With <c>CLIPTextModelWithProjection</c> among
/// the architectures it also gives the embedding in the space of texts and pictures.
/// </summary>
public sealed record ClipTextConfig : TextEncoderConfig
{
    /// <inheritdoc/>
    public override int VocabSize { get; init; } = 49408;

    /// <summary>Features of a token.</summary>
    public int HiddenSize { get; init; } = 512;

    /// <summary>Features inside the feed-forward layers.</summary>
    public int IntermediateSize { get; init; } = 2048;

    /// <summary>Features of the embedding.</summary>
    public int ProjectionDim { get; init; } = 512;

    /// <summary>Number of layers.</summary>
    public int NumHiddenLayers { get; init; } = 12;

    /// <summary>Heads of each attention.</summary>
    public int NumAttentionHeads { get; init; } = 8;

    /// <summary>Tokens of the longest text.</summary>
    public int MaxPositionEmbeddings { get; init; } = 77;

    /// <summary>The non-linearity of the feed-forward layers, as transformers names it.</summary>
    public string HiddenAct { get; init; } = "quick_gelu";

    /// <summary>Added to the variance in every normalisation.</summary>
    public double LayerNormEps { get; init; } = 1e-5;

    /// <summary>
    /// The token at which a text is pooled: its first occurrence. The number 2, which old files hold by mistake, stands for the largest number in the text.
    /// </summary>
    public int EosTokenId { get; init; } = 49407;

    internal bool HasProjection => Architectures?.Contains("CLIPTextModelWithProjection") ?? false;

    /// <inheritdoc/>
    public override void Validate()
    {
        RequireSizes(HiddenSize, NumHiddenLayers, NumAttentionHeads, IntermediateSize);
        Require(VocabSize is > 0 and <= 10_000_000, "vocab_size", VocabSize, "between 1 and 10,000,000");
        Require(ProjectionDim is > 0 and <= 16384, "projection_dim", ProjectionDim, "between 1 and 16384");
        Require(MaxPositionEmbeddings is > 0 and <= 65536, "max_position_embeddings", MaxPositionEmbeddings, "between 1 and 65536");
        Require(Activations.Named(HiddenAct) is not null, "hidden_act", HiddenAct, "quick_gelu, gelu, gelu_new, relu, silu, tanh or mish");
        Require(LayerNormEps > 0, "layer_norm_eps", LayerNormEps, "positive");
    }

    internal ClipLayerShape Layer => new(HiddenSize, NumAttentionHeads, IntermediateSize, NumHiddenLayers, Activations.Named(HiddenAct)!.Value, LayerNormEps);

    private protected override TextEncoder Build() => new ClipText(this);
}

/// <summary>The network of <see cref="ClipTextConfig"/>; fields are the keys of published files.</summary>
internal sealed class ClipText : TextEncoder
{
    private readonly ClipTextConfig _config;
    private readonly ClipTextTransformer text_model;
    private readonly Linear? text_projection;

    internal ClipText(ClipTextConfig config)
        : base(nameof(ClipText))
    {
        _config = config;
        text_model = new ClipTextTransformer(config);
        text_projection = config.HasProjection ? ClipLayerShape.Projection(config.HiddenSize, config.ProjectionDim) : null;
        RegisterComponents();
    }

    public override TextEncoderConfig Config => _config;

    public override Tensor Normalised(Tensor hidden) => text_model.Normalised(hidden);

    private protected override EncoderOutput Compute(Tensor ids, Tensor? mask, ScalarType type)
    {
        var output = text_model.call(ids, mask, type);
        return output with { Embedding = text_projection?.call(output.Pooled!) };
    }
}

/// <summary>Token and position embeddings → causal layers → final_layer_norm, and its row at the end token.</summary>
internal sealed class ClipTextTransformer : nn.Module<Tensor, Tensor?, ScalarType, EncoderOutput>
{
    private readonly ClipTextConfig _config;
    private readonly TokenEmbeddings embeddings;
    private readonly ClipLayers encoder;
    private readonly LayerNorm final_layer_norm;

    internal ClipTextTransformer(ClipTextConfig config)
        : base(nameof(ClipTextTransformer))
    {
        _config = config;
        embeddings = new TokenEmbeddings(config);
        encoder = new ClipLayers(config.Layer);
        final_layer_norm = new LayerNorm(config.HiddenSize, config.LayerNormEps);
        RegisterComponents();
    }

    internal Tensor Normalised(Tensor hidden) => final_layer_norm.call(hidden);

    public override EncoderOutput forward(Tensor ids, Tensor? mask, ScalarType type)
    {
        if (ids.shape[1] > _config.MaxPositionEmbeddings)
            throw new ArgumentException($"{nameof(ClipText)}: a text of {ids.shape[1]} tokens; the network reads at most {_config.MaxPositionEmbeddings}.", nameof(ids));
        var states = encoder.call(embeddings.call(ids).to(type), mask is null ? null : CausalBias(mask), mask is null);
        var last = Normalised(states[^1]);
        return new EncoderOutput(states, last) { Pooled = last.index([arange(ids.shape[0], device: ids.device), EndOf(ids)]) };
    }

    /// <summary>Where each text ends, [B].</summary>
    private Tensor EndOf(Tensor ids) => (_config.EosTokenId == 2 ? ids : ids.eq(_config.EosTokenId).to(ScalarType.Int32)).argmax(1);

    /// <summary>Large negative numbers for the keys that come later or do not count, [B, 1, L, L]; finite, so that a row without any key is no NaN.</summary>
    private static Tensor CausalBias(Tensor mask)
    {
        var earlier = ones(mask.shape[1], mask.shape[1], device: mask.device).tril();
        return (1 - earlier * mask.to(float32).unsqueeze(1).unsqueeze(1)) * -1e30;
    }

    private sealed class TokenEmbeddings : nn.Module<Tensor, Tensor>
    {
        private readonly Embedding token_embedding;
        private readonly Embedding position_embedding;

        internal TokenEmbeddings(ClipTextConfig config)
            : base(nameof(TokenEmbeddings))
        {
            token_embedding = new Embedding(config.VocabSize, config.HiddenSize, std: 0.02);
            position_embedding = new Embedding(config.MaxPositionEmbeddings, config.HiddenSize, std: 0.01);
            RegisterComponents();
        }

        public override Tensor forward(Tensor ids) => WrappedTensorDisposeScope(() => token_embedding.call(ids) + position_embedding.weight.narrow(0, 0, ids.shape[1]));
    }
}

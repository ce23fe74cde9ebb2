using Imago.Encoders;
using Imago.Layers;
using Imago.Models.Blocks;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Imago.Models;

/// <summary>
/// The encoder of T5 (Raffel et al. 2020; version 1.1 with gated feed-forward layers, Shazeer 2020) with the keys and defaults of transformers' <c>T5Config</c>.
/// </summary>
public sealed record T5Config : TextEncoderConfig
{
    /// <inheritdoc/>
    public override int VocabSize { get; init; } = 32128;

    /// <summary>Features of a token.</summary>
    public int DModel { get; init; } = 512;

    /// <summary>Features of a head; heads times these need not be <see cref="DModel"/>.</summary>
    public int DKv { get; init; } = 64;

    /// <summary>Features inside the feed-forward layers.</summary>
    public int DFf { get; init; } = 2048;

    /// <summary>Number of layers.</summary>
    public int NumLayers { get; init; } = 6;

    /// <summary>Heads of each attention.</summary>
    public int NumHeads { get; init; } = 8;

    /// <summary>Numbers that stand for distances between tokens.</summary>
    public int RelativeAttentionNumBuckets { get; init; } = 32;

    /// <summary>The distance from which on all share one number.</summary>
    public int RelativeAttentionMaxDistance { get; init; } = 128;

    /// <summary>Added to the mean square in every normalisation.</summary>
    public double LayerNormEpsilon { get; init; } = 1e-6;

    /// <summary>The feed-forward layer: <c>relu</c> (version 1.0), or <c>gated-</c> and a non-linearity, where <c>gated-gelu</c> means the tanh form of GELU.</summary>
    public string FeedForwardProj { get; init; } = "relu";

    /// <summary>The non-linearity; repeats what <see cref="FeedForwardProj"/> says.</summary>
    public string? DenseActFn { get; init; }

    /// <summary>Whether the feed-forward layers are gated; repeats what <see cref="FeedForwardProj"/> says.</summary>
    public bool? IsGatedAct { get; init; }

    /// <summary>The token that ends a text; the network does not need to know it.</summary>
    public int? EosTokenId { get; init; }

    internal bool IsGated => FeedForwardProj.StartsWith("gated-", StringComparison.Ordinal);

    internal Activation? Activation => FeedForwardProj == "gated-gelu" ? Models.Activation.GeluTanh : Activations.Named(FeedForwardProj[(IsGated ? "gated-".Length : 0)..]);

    /// <inheritdoc/>
    public override void Validate()
    {
        Require(VocabSize is > 0 and <= 10_000_000, "vocab_size", VocabSize, "between 1 and 10,000,000");
        Require(DModel is > 0 and <= 16384, "d_model", DModel, "between 1 and 16384");
        Require(DKv is > 0 and <= 1024, "d_kv", DKv, "between 1 and 1024");
        Require(DFf is > 0 and <= 131072, "d_ff", DFf, "between 1 and 131072");
        Require(NumLayers is > 0 and <= 256, "num_layers", NumLayers, "between 1 and 256");
        Require(NumHeads is > 0 and <= 1024, "num_heads", NumHeads, "between 1 and 1024");
        Require(RelativeAttentionNumBuckets is >= 4 and <= 65536, "relative_attention_num_buckets", RelativeAttentionNumBuckets, "between 4 and 65536");
        Require(RelativeAttentionMaxDistance > RelativeAttentionNumBuckets / 4, "relative_attention_max_distance", RelativeAttentionMaxDistance, "more than a quarter of relative_attention_num_buckets");
        Require(LayerNormEpsilon > 0, "layer_norm_epsilon", LayerNormEpsilon, "positive");
        Require(Activation is not null, "feed_forward_proj", FeedForwardProj, "relu or gated-gelu");
        Require(DenseActFn is null || Activations.Named(DenseActFn) == Activation, "dense_act_fn", DenseActFn, $"what feed_forward_proj = {FeedForwardProj} means");
        Require(IsGatedAct is null || IsGatedAct == IsGated, "is_gated_act", IsGatedAct, $"what feed_forward_proj = {FeedForwardProj} means");
    }

    private protected override TextEncoder Build() => new T5Encoder(this);
}

/// <summary>The network of <see cref="T5Config"/>; fields are the keys of published files.</summary>
internal sealed class T5Encoder : TextEncoder
{
    private readonly T5Config _config;
    private readonly Embedding shared;
    private readonly T5Stack encoder;

    internal T5Encoder(T5Config config)
        : base(nameof(T5Encoder))
    {
        _config = config;
        shared = new Embedding(config.VocabSize, config.DModel);
        encoder = new T5Stack(config);
        RegisterComponents();
    }

    public override TextEncoderConfig Config => _config;

    public override Tensor Normalised(Tensor hidden) => encoder.Normalised(hidden);

    private protected override EncoderOutput Compute(Tensor ids, Tensor? mask, ScalarType type)
    {
        var states = encoder.call(shared.call(ids).to(type), mask);
        return new EncoderOutput(states, states[^1]);
    }
}

/// <summary>Layers → final_layer_norm: all hidden states, the input first, the last one normalised. One bias of positions serves all layers.</summary>
internal sealed class T5Stack : nn.Module<Tensor, Tensor?, IReadOnlyList<Tensor>>
{
    private readonly ModuleList<T5Block> block;
    private readonly RmsNorm final_layer_norm;

    internal T5Stack(T5Config config)
        : base(nameof(T5Stack))
    {
        block = nn.ModuleList([.. Enumerable.Range(0, config.NumLayers).Select(i => new T5Block(config, hasPositions: i == 0))]);
        final_layer_norm = new RmsNorm(config.DModel, config.LayerNormEpsilon);
        RegisterComponents();
    }

    internal Tensor Normalised(Tensor hidden) => final_layer_norm.call(hidden);

    public override IReadOnlyList<Tensor> forward(Tensor x, Tensor? mask)
    {
        var bias = block[0].PositionBias(x.shape[1]);
        if (mask is not null) bias = bias + (1 - mask.to(float32).unsqueeze(1).unsqueeze(1)) * -1e30;
        bias = bias.to(x.dtype);
        List<Tensor> states = [x];
        foreach (var layer in block) states.Add(layer.call(states[^1], bias));
        states[^1] = Normalised(states[^1]);
        return states;
    }
}

/// <summary>x + attention(norm x), then x + feed-forward(norm x); the keys number the two layer.0 and layer.1.</summary>
internal sealed class T5Block : nn.Module<Tensor, Tensor, Tensor>
{
    private readonly ModuleList<nn.Module> layer;

    internal T5Block(T5Config config, bool hasPositions)
        : base(nameof(T5Block))
    {
        layer = nn.ModuleList<nn.Module>(new SelfAttentionLayer(config, hasPositions), new FeedForwardLayer(config));
        RegisterComponents();
    }

    /// <summary>What is added to the logits for the distance of each pair of tokens, [1, heads, L, L].</summary>
    internal Tensor PositionBias(long length) => ((SelfAttentionLayer)layer[0]).PositionBias(length);

    public override Tensor forward(Tensor x, Tensor bias) => WrappedTensorDisposeScope(() => ((FeedForwardLayer)layer[1]).call(((SelfAttentionLayer)layer[0]).call(x, bias)));

    private sealed class SelfAttentionLayer : nn.Module<Tensor, Tensor, Tensor>
    {
        private readonly T5Attention SelfAttention;
        private readonly RmsNorm layer_norm;

        internal SelfAttentionLayer(T5Config config, bool hasPositions)
            : base(nameof(SelfAttentionLayer))
        {
            SelfAttention = new T5Attention(config, hasPositions);
            layer_norm = new RmsNorm(config.DModel, config.LayerNormEpsilon);
            RegisterComponents();
        }

        internal Tensor PositionBias(long length) => SelfAttention.PositionBias(length);

        public override Tensor forward(Tensor x, Tensor bias) => WrappedTensorDisposeScope(() => x + SelfAttention.call(layer_norm.call(x), bias));
    }

    private sealed class FeedForwardLayer : nn.Module<Tensor, Tensor>
    {
        private readonly T5FeedForward DenseReluDense;
        private readonly RmsNorm layer_norm;

        internal FeedForwardLayer(T5Config config)
            : base(nameof(FeedForwardLayer))
        {
            DenseReluDense = new T5FeedForward(config);
            layer_norm = new RmsNorm(config.DModel, config.LayerNormEpsilon);
            RegisterComponents();
        }

        public override Tensor forward(Tensor x) => WrappedTensorDisposeScope(() => x + DenseReluDense.call(layer_norm.call(x)));
    }
}

/// <summary>Attention without the division by √d and with a learned bias for the distance of two tokens (Raffel et al. 2020, section 2.1).</summary>
internal sealed class T5Attention : nn.Module<Tensor, Tensor, Tensor>
{
    private readonly T5Config _config;
    private readonly Linear q;
    private readonly Linear k;
    private readonly Linear v;
    private readonly Linear o;
    private readonly Embedding? relative_attention_bias;

    internal T5Attention(T5Config config, bool hasPositions)
        : base(nameof(T5Attention))
    {
        _config = config;
        var inner = config.NumHeads * config.DKv;
        q = new Linear(config.DModel, inner, bias: false).Normal(Math.Pow((double)config.DModel * config.DKv, -0.5));
        k = new Linear(config.DModel, inner, bias: false).Normal(Math.Pow(config.DModel, -0.5));
        v = new Linear(config.DModel, inner, bias: false).Normal(Math.Pow(config.DModel, -0.5));
        o = new Linear(inner, config.DModel, bias: false).Normal(Math.Pow(inner, -0.5));
        relative_attention_bias = hasPositions ? new Embedding(config.RelativeAttentionNumBuckets, config.NumHeads, std: Math.Pow(config.DModel, -0.5)) : null;
        RegisterComponents();
    }

    public override Tensor forward(Tensor x, Tensor bias) => WrappedTensorDisposeScope(() =>
        o.call(MultiHeadAttention.Attend(q.call(x) * Math.Sqrt(_config.DKv), k.call(x), v.call(x), _config.NumHeads, bias)));

    internal Tensor PositionBias(long length) => WrappedTensorDisposeScope(() =>
    {
        var table = relative_attention_bias ?? throw new InvalidOperationException("Only the first layer of T5 has a table of distances.");
        var position = arange(length, device: table.weight.device);
        var distance = position.unsqueeze(0) - position.unsqueeze(1);
        return table.call(Buckets(distance, _config.RelativeAttentionNumBuckets, _config.RelativeAttentionMaxDistance)).permute(2, 0, 1).unsqueeze(0);
    });

    /// <summary>
    /// The number of a distance (key minus query): half of the numbers for keys that come later; in each half the first half counts exactly, the rest grows with
    /// the logarithm up to the largest distance.
    /// </summary>
    /// <param name="distance">int64 of any shape.</param>
    /// <param name="buckets">How many numbers there are.</param>
    /// <param name="maxDistance">The distance from which on all share one number.</param>
    internal static Tensor Buckets(Tensor distance, int buckets, int maxDistance)
    {
        var (half, exact) = (buckets / 2, buckets / 4);
        var far = distance.abs();
        var growth = (far.to(float32) / exact).log() / Math.Log((double)maxDistance / exact) * (half - exact);
        var logarithmic = (exact + growth.to(int64)).clamp_max(half - 1);
        return distance.gt(0).to(int64) * half + where(far.lt(exact), far, logarithmic);
    }
}

/// <summary>wo(a(wi x)), or gated wo(a(wi_0 x) · wi_1 x).</summary>
internal sealed class T5FeedForward : nn.Module<Tensor, Tensor>
{
    private readonly Func<Tensor, Tensor> _activation;
    private readonly Linear? wi;
    private readonly Linear? wi_0;
    private readonly Linear? wi_1;
    private readonly Linear wo;

    internal T5FeedForward(T5Config config)
        : base(nameof(T5FeedForward))
    {
        _activation = config.Activation!.Value.Function();
        Linear In() => new Linear(config.DModel, config.DFf, bias: false).Normal(Math.Pow(config.DModel, -0.5));
        (wi, wi_0, wi_1) = config.IsGated ? (null, In(), In()) : ((Linear?)In(), (Linear?)null, (Linear?)null);
        wo = new Linear(config.DFf, config.DModel, bias: false).Normal(Math.Pow(config.DFf, -0.5));
        RegisterComponents();
    }

    public override Tensor forward(Tensor x) => WrappedTensorDisposeScope(() =>
        wo.call(wi is not null ? _activation(wi.call(x)) : _activation(wi_0!.call(x)) * wi_1!.call(x)));
}

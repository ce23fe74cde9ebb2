using Imago.Models.Blocks;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Imago.Models;

/// <summary>The class-conditional diffusion transformer (Peebles and Xie 2023) with the keys and defaults of diffusers' <c>DiTTransformer2DModel</c>.</summary>
public sealed record DiTConfig : DenoiserConfig
{
    /// <summary>Heads of each attention.</summary>
    public int NumAttentionHeads { get; init; } = 16;

    /// <summary>Features of a head; heads times these are the features of a token, a multiple of 4.</summary>
    public int AttentionHeadDim { get; init; } = 72;

    /// <summary>Channels of the images.</summary>
    public int InChannels { get; init; } = 4;

    /// <summary>Channels of the output: those of the images, or twice as many with a learned variance; null for those of the images.</summary>
    public int? OutChannels { get; init; }

    /// <summary>Number of blocks.</summary>
    public int NumLayers { get; init; } = 28;

    /// <summary>Dropout; no published network of this class has any, so it must be 0.</summary>
    public double Dropout { get; init; }

    /// <summary>Without a meaning for this network.</summary>
    public int NormNumGroups { get; init; } = 32;

    /// <summary>Whether queries, keys and values have a bias.</summary>
    public bool AttentionBias { get; init; } = true;

    /// <summary>Side of the images that it is made for; others are met by interpolating positions.</summary>
    public int SampleSize { get; init; } = 32;

    /// <summary>Side of a patch, in pixels.</summary>
    public int PatchSize { get; init; } = 2;

    /// <summary>The non-linearity of the feed-forward layers: gelu-approximate, gelu or geglu.</summary>
    public string ActivationFn { get; init; } = "gelu-approximate";

    /// <summary>
    /// Number of classes; 0 for a network without. One more row of the table stands for no class. A network can be given vectors [B, D] instead of numbers of classes, D being heads
    /// times features of a head.
    /// </summary>
    public int NumEmbedsAdaNorm { get; init; } = 1000;

    /// <summary>Whether attention is computed in float32 in every case; must be false.</summary>
    public bool UpcastAttention { get; init; }

    /// <summary>Must be ada_norm_zero.</summary>
    public string NormType { get; init; } = "ada_norm_zero";

    /// <summary>Whether the normalisations have weights of their own; must be false.</summary>
    public bool NormElementwiseAffine { get; init; }

    /// <summary>Added to the variance before the feed-forward layers.</summary>
    public double NormEps { get; init; } = 1e-5;

    internal int Width => NumAttentionHeads * AttentionHeadDim;

    /// <inheritdoc/>
    public override void Validate()
    {
        TransformerRules.Sizes(Rules, NumAttentionHeads, AttentionHeadDim, NumLayers, PatchSize, SampleSize);
        Rules.Require(InChannels is > 0 and <= 1024, "in_channels", InChannels, "between 1 and 1024");
        Rules.Require(OutChannels is null or (> 0 and <= 2048), "out_channels", OutChannels, "between 1 and 2048");
        Rules.Require(NumEmbedsAdaNorm is >= 0 and <= 1_000_000, "num_embeds_ada_norm", NumEmbedsAdaNorm, "between 0 and 1,000,000");
        Rules.Require(ActivationFn is "gelu-approximate" or "gelu" or "geglu", "activation_fn", ActivationFn, "gelu-approximate, gelu or geglu");
        Rules.Require(NormEps > 0, "norm_eps", NormEps, "positive");
        Rules.Require(Dropout == 0, "dropout", Dropout, "0");
        Rules.Require(!UpcastAttention, "upcast_attention", UpcastAttention, "false");
        Rules.Require(NormType == "ada_norm_zero", "norm_type", NormType, "ada_norm_zero");
        Rules.Require(!NormElementwiseAffine, "norm_elementwise_affine", NormElementwiseAffine, "false");
    }

    private static ConfigRules Rules { get; } = new("DiT configuration");

    private protected override DenoisingNetwork Build() => new DiT(this);
}

/// <summary>
/// Patches → blocks → modulated norm, linear → pixels; fields are the keys of diffusers' class. Every block has an embedding of time and class of its own, and the end
/// uses the first one's.
/// </summary>
internal sealed class DiT : DenoisingNetwork
{
    private readonly DiTConfig _config;
    private readonly PatchEmbedding pos_embed;
    private readonly Timesteps time_proj;
    private readonly ModuleList<DiTBlock> transformer_blocks;
    private readonly PlainLayerNorm norm_out;
    private readonly Linear proj_out_1;
    private readonly Linear proj_out_2;

    internal DiT(DiTConfig config)
        : base(nameof(DiT))
    {
        _config = config;
        pos_embed = new PatchEmbedding(config.InChannels, config.Width, config.PatchSize, config.SampleSize / config.PatchSize);
        time_proj = new Timesteps(256, cosineFirst: true, shift: 1);
        transformer_blocks = nn.ModuleList([.. Enumerable.Range(0, config.NumLayers).Select(_ => new DiTBlock(config))]);
        norm_out = new PlainLayerNorm(eps: 1e-6);
        proj_out_1 = new Linear(config.Width, 2 * config.Width);
        proj_out_2 = new Linear(config.Width, config.PatchSize * config.PatchSize * (config.OutChannels ?? config.InChannels));
        RegisterComponents();
        FirstWeights.OfTransformer(this);
        proj_out_1.Zero();
        proj_out_2.Zero();
    }

    public override DenoiserConfig Config => _config;

    /// <summary>The class that stands for none.</summary>
    internal long NullClass => _config.NumEmbedsAdaNorm;

    public override Tensor forward(Tensor x, Tensor time, Conditioning condition) => WrappedTensorDisposeScope(() =>
    {
        var waves = time_proj.call(time).to(x.dtype);
        var classes = condition.Classes ?? full(x.shape[0], NullClass, int64, x.device);
        CheckClasses(x, classes);
        var tokens = pos_embed.call(x);
        var isolation = condition.PerturbedBlocks is null ? null : JointAttention.Isolation(tokens, 0);
        var first = transformer_blocks[0].Embed(waves, classes);
        for (var i = 0; i < transformer_blocks.Count; i++)
        {
            if (condition.SkippedBlocks?.Contains(i) ?? false) continue;
            var embedding = i == 0 ? first : transformer_blocks[i].Embed(waves, classes);
            tokens = Through(transformer_blocks[i], tokens, embedding, condition.PerturbedBlocks?.Contains(i) ?? false ? isolation : null);
        }
        var part = proj_out_1.Parts(nn.functional.silu(first), 2);
        tokens = proj_out_2.call(norm_out.call(tokens).Modulate(shift: part[0], scale: part[1]));
        return pos_embed.Unpatched(tokens, pos_embed.Grid(x));
    });

    private void CheckClasses(Tensor x, Tensor classes)
    {
        long[] expected = classes.is_floating_point() ? [x.shape[0], _config.Width] : [x.shape[0]];
        if (!classes.shape.SequenceEqual(expected))
            throw new ArgumentException($"{nameof(DiT)}: the classes are {classes.dtype} [{string.Join(", ", classes.shape)}]; expected one number for each of {x.shape[0]} images, or a vector of {_config.Width}.");
    }

    private Tensor Through(DiTBlock block, Tensor tokens, Tensor embedding, Tensor? bias) => CheckpointBlocks && is_grad_enabled()
        ? GradientCheckpoint.Run([block], draws: false, given => block.call(given[0]!, given[1]!, given[2]), tokens, embedding, bias)
        : block.call(tokens, embedding, bias);
}

/// <summary>h = x + gate·attention(modulated norm x); h + gate·feed-forward(modulated norm h).</summary>
internal sealed class DiTBlock : nn.Module<Tensor, Tensor, Tensor?, Tensor>
{
    private readonly double _eps;
    private readonly AdaLayerNormZero norm1;
    private readonly Attention attn1;
    private readonly FeedForward ff;

    internal DiTBlock(DiTConfig config)
        : base(nameof(DiTBlock))
    {
        _eps = config.NormEps;
        norm1 = new AdaLayerNormZero(config.Width, classes: config.NumEmbedsAdaNorm);
        attn1 = new Attention(new AttentionShape(config.Width, config.NumAttentionHeads, config.AttentionHeadDim) { Bias = config.AttentionBias });
        ff = ActivatedLinear.FeedForward(config.Width, config.ActivationFn);
        RegisterComponents();
    }

    internal Tensor Embed(Tensor waves, Tensor classes) => norm1.Embed(waves, classes);

    public override Tensor forward(Tensor x, Tensor embedding, Tensor? bias) => WrappedTensorDisposeScope(() =>
    {
        var m = norm1.call(x, nn.functional.silu(embedding));
        var h = x.AddGated(m.Gate, attn1.call(m.X, null, bias));
        return h.AddGated(m.FeedForwardGate, ff.call(LayerNorm.Normalise(h, _eps).Modulate(m.FeedForwardShift, m.FeedForwardScale)));
    });
}

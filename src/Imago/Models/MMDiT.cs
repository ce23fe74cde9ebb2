using Imago.Models.Blocks;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Imago.Models;

/// <summary>
/// The multimodal diffusion transformer of Stable Diffusion 3 and 3.5 (Esser et al. 2024) with the keys and defaults of diffusers' <c>SD3Transformer2DModel</c>.
/// </summary>
public sealed record MMDiTConfig : DenoiserConfig
{
    /// <summary>Side of the images that it is made for; others are met by cutting out of the table of positions.</summary>
    public int SampleSize { get; init; } = 128;

    /// <summary>Side of a patch, in pixels.</summary>
    public int PatchSize { get; init; } = 2;

    /// <summary>Channels of the images.</summary>
    public int InChannels { get; init; } = 16;

    /// <summary>Number of blocks.</summary>
    public int NumLayers { get; init; } = 18;

    /// <summary>Features of a head; heads times these are the features of a token, a multiple of 4.</summary>
    public int AttentionHeadDim { get; init; } = 64;

    /// <summary>Heads of each attention.</summary>
    public int NumAttentionHeads { get; init; } = 18;

    /// <summary>Features of the text's tokens.</summary>
    public int JointAttentionDim { get; init; } = 4096;

    /// <summary>Features of the text's tokens inside: those of the image's.</summary>
    public int CaptionProjectionDim { get; init; } = 1152;

    /// <summary>Features of the pooled text.</summary>
    public int PooledProjectionDim { get; init; } = 2048;

    /// <summary>Channels of the output; null for those of the images.</summary>
    public int? OutChannels { get; init; } = 16;

    /// <summary>Side of the table of positions, in patches.</summary>
    public int PosEmbedMaxSize { get; init; } = 96;

    /// <summary>Blocks in which the image has a second attention, to itself alone.</summary>
    public IReadOnlyList<int> DualAttentionLayers { get; init; } = [];

    /// <summary><c>rms_norm</c> for queries and keys normalised head by head; null for none.</summary>
    public string? QkNorm { get; init; }

    internal int Width => NumAttentionHeads * AttentionHeadDim;

    private static ConfigRules Rules { get; } = new("MMDiT configuration");

    /// <inheritdoc/>
    public override void Validate()
    {
        TransformerRules.Sizes(Rules, NumAttentionHeads, AttentionHeadDim, NumLayers, PatchSize, SampleSize);
        Rules.Require(InChannels is > 0 and <= 1024, "in_channels", InChannels, "between 1 and 1024");
        Rules.Require(OutChannels is null or (> 0 and <= 2048), "out_channels", OutChannels, "between 1 and 2048");
        Rules.Require(JointAttentionDim is > 0 and <= 65536, "joint_attention_dim", JointAttentionDim, "between 1 and 65536");
        Rules.Require(CaptionProjectionDim == Width, "caption_projection_dim", CaptionProjectionDim, $"num_attention_heads times attention_head_dim = {Width}");
        Rules.Require(PooledProjectionDim is > 0 and <= 65536, "pooled_projection_dim", PooledProjectionDim, "between 1 and 65536");
        Rules.Require(PosEmbedMaxSize is > 0 and <= 1024, "pos_embed_max_size", PosEmbedMaxSize, "between 1 and 1024 patches");
        Rules.Require(DualAttentionLayers.All(layer => layer >= 0 && layer < NumLayers), "dual_attention_layers", DualAttentionLayers, $"numbers of blocks below num_layers = {NumLayers}");
        Rules.Require(QkNorm is null or "rms_norm", "qk_norm", QkNorm, "rms_norm or null");
    }

    private protected override DenoisingNetwork Build() => new MMDiT(this);
}

/// <summary>
/// Patches and text → joint blocks → modulated norm, linear → pixels; fields are the keys of diffusers' class.
/// </summary>
internal sealed class MMDiT : DenoisingNetwork
{
    private readonly MMDiTConfig _config;
    private readonly PatchEmbedding pos_embed;
    private readonly TimeAndText time_text_embed;
    private readonly Linear context_embedder;
    private readonly ModuleList<JointBlock> transformer_blocks;
    private readonly AdaLayerNorm norm_out;
    private readonly Linear proj_out;

    internal MMDiT(MMDiTConfig config)
        : base(nameof(MMDiT))
    {
        _config = config;
        pos_embed = new PatchEmbedding(config.InChannels, config.Width, config.PatchSize, config.SampleSize / config.PatchSize, config.PosEmbedMaxSize);
        time_text_embed = new TimeAndText(config.Width, config.PooledProjectionDim);
        context_embedder = new Linear(config.JointAttentionDim, config.CaptionProjectionDim);
        transformer_blocks = nn.ModuleList([.. Enumerable.Range(0, config.NumLayers).Select(i => new JointBlock(config, i))]);
        norm_out = new AdaLayerNorm(config.Width);
        proj_out = new Linear(config.Width, config.PatchSize * config.PatchSize * (config.OutChannels ?? config.InChannels));
        RegisterComponents();
        FirstWeights.OfTransformer(this);
        proj_out.Zero();
    }

    public override DenoiserConfig Config => _config;

    public override Tensor forward(Tensor x, Tensor time, Conditioning condition) => WrappedTensorDisposeScope(() =>
    {
        var text = condition.Tokens ?? throw new ArgumentException($"{nameof(MMDiT)} needs a text: {nameof(Conditioning)}.{nameof(Conditioning.Tokens)} is null.", nameof(condition));
        Check(nameof(Conditioning.Tokens), text, [x.shape[0], text.shape.ElementAtOrDefault(1), _config.JointAttentionDim]);
        if (condition.Pooled is { } pooled) Check(nameof(Conditioning.Pooled), pooled, [x.shape[0], _config.PooledProjectionDim]);
        var embedding = nn.functional.silu(time_text_embed.call(time, Pooled(condition, x)));
        var stream = new JointStream(pos_embed.call(x), context_embedder.call(text.to(x.dtype)));
        var bias = condition.TokenMask is null ? null : Bias(condition.TokenMask, stream.Image);
        var isolation = condition.PerturbedBlocks is null ? null : JointAttention.Isolation(stream.Image, text.shape[1]);
        for (var i = 0; i < transformer_blocks.Count; i++)
        {
            if (!(condition.SkippedBlocks?.Contains(i) ?? false)) stream = Through(transformer_blocks[i], stream, embedding, bias, condition.PerturbedBlocks?.Contains(i) ?? false ? isolation : null);
            stream = AddResidual(stream, i, condition.BlockResiduals ?? []);
        }
        return pos_embed.Unpatched(proj_out.call(norm_out.call(stream.Image, embedding)), pos_embed.Grid(x));
    });

    private static void Check(string name, Tensor tensor, long[] shape)
    {
        if (!tensor.shape.SequenceEqual(shape)) throw new ArgumentException($"{nameof(MMDiT)}: {nameof(Conditioning)}.{name} is [{string.Join(", ", tensor.shape)}]; expected [{string.Join(", ", shape)}].");
    }

    /// <summary>The pooled text; zeros for a condition without.</summary>
    private Tensor Pooled(Conditioning condition, Tensor x) => condition.Pooled?.to(x.dtype) ?? zeros(x.shape[0], _config.PooledProjectionDim, x.dtype, x.device);

    /// <summary>The text's mask with ones for the image before it.</summary>
    private static Tensor Bias(Tensor mask, Tensor image) => Attention.BiasOf(nn.functional.pad(mask.to(image.dtype), [image.shape[1], 0], value: 1), image.dtype);

    /// <summary>Residuals are spread over the blocks; the last block takes none.</summary>
    private JointStream AddResidual(JointStream stream, int block, IReadOnlyList<Tensor> residuals) => residuals.Count == 0 || block == transformer_blocks.Count - 1
        ? stream
        : stream with { Image = stream.Image + residuals[(int)(block / ((double)transformer_blocks.Count / residuals.Count))] };

    private JointStream Through(JointBlock block, JointStream stream, Tensor embedding, Tensor? bias, Tensor? isolation)
    {
        if (!CheckpointBlocks || !is_grad_enabled()) return block.call(stream, embedding, bias, isolation);
        var (image, text) = (stream.Image.shape[1], stream.Text!.shape[1]);
        var joined = GradientCheckpoint.Run([block], draws: false, given => block.call(new JointStream(given[0]!, given[1]!), given[2]!, given[3], given[4]).Joined(), stream.Image, stream.Text, embedding, bias, isolation);
        return new JointStream(joined.narrow(1, 0, image), joined.shape[1] == image ? null : joined.narrow(1, image, text));
    }
}

/// <summary>Tokens of the image [B, N, D] and of the text [B, L, D]; after the last block there is no text any more.</summary>
internal sealed record JointStream(Tensor Image, Tensor? Text)
{
    /// <summary>Both, one after the other.</summary>
    internal Tensor Joined() => Text is null ? Image : cat([Image, Text], 1);
}

/// <summary>The embeddings of time and pooled text, added; fields are the keys of diffusers' <c>CombinedTimestepTextProjEmbeddings</c>.</summary>
internal sealed class TimeAndText : nn.Module<Tensor, Tensor, Tensor>
{
    private readonly Timesteps time_proj;
    private readonly TimestepEmbedding timestep_embedder;
    private readonly TimestepEmbedding text_embedder;

    internal TimeAndText(int width, int pooled)
        : base(nameof(TimeAndText))
    {
        time_proj = new Timesteps(256, cosineFirst: true, shift: 0);
        timestep_embedder = new TimestepEmbedding(256, width, Activation.Silu.Function());
        text_embedder = new TimestepEmbedding(pooled, width, Activation.Silu.Function());
        RegisterComponents();
    }

    public override Tensor forward(Tensor time, Tensor pooled) => timestep_embedder.call(time_proj.call(time).to(pooled.dtype), null) + text_embedder.call(pooled, null);
}

/// <summary>
/// Joint attention, then a feed-forward layer for each stream, all modulated and gated. In some blocks the image has a second attention, to itself; in the last block
/// the text only serves the attention. Fields are the keys of diffusers' <c>JointTransformerBlock</c>.
/// </summary>
internal sealed class JointBlock : nn.Module<JointStream, Tensor, Tensor?, Tensor?, JointStream>
{
    private readonly AdaLayerNormZero norm1;
    private readonly nn.Module norm1_context;
    private readonly JointAttention attn;
    private readonly JointAttention? attn2;
    private readonly FeedForward ff;
    private readonly FeedForward? ff_context;

    internal JointBlock(MMDiTConfig config, int index)
        : base(nameof(JointBlock))
    {
        var (isLast, isDual, hasNorms) = (index == config.NumLayers - 1, config.DualAttentionLayers.Contains(index), config.QkNorm is not null);
        norm1 = new AdaLayerNormZero(config.Width, twoAttentions: isDual);
        norm1_context = isLast ? new AdaLayerNorm(config.Width) : new AdaLayerNormZero(config.Width);
        attn = new JointAttention(config.NumAttentionHeads, config.AttentionHeadDim, hasNorms, isLast ? TextStream.In : TextStream.InAndOut);
        attn2 = isDual ? new JointAttention(config.NumAttentionHeads, config.AttentionHeadDim, hasNorms, TextStream.Absent) : null;
        ff = ActivatedLinear.FeedForward(config.Width, "gelu-approximate");
        ff_context = isLast ? null : ActivatedLinear.FeedForward(config.Width, "gelu-approximate");
        RegisterComponents();
    }

    /// <summary>The block.</summary>
    /// <param name="stream">Image and text.</param>
    /// <param name="condition">The activated condition [B, D].</param>
    /// <param name="bias">Added to the logits for the sake of the text, [B, 1, 1, N + L]; or none.</param>
    /// <param name="isolation">Added to the logits for the sake of the image, [1, 1, N + L, N + L]; or none.</param>
    public override JointStream forward(JointStream stream, Tensor condition, Tensor? bias, Tensor? isolation)
    {
        using var scope = NewDisposeScope();
        var image = norm1.call(stream.Image, condition);
        var text = (norm1_context as AdaLayerNormZero)?.call(stream.Text!, condition);
        var (ofImage, ofText) = attn.call(image.X, text?.X ?? ((AdaLayerNorm)norm1_context).call(stream.Text!, condition), bias is null || isolation is null ? bias ?? isolation : bias + isolation);
        var h = stream.Image.AddGated(image.Gate, ofImage);
        if (attn2 is not null) h = h.AddGated(image.SecondGate!, attn2.call(image.SecondX!, null, isolation?.narrow(2, 0, h.shape[1]).narrow(3, 0, h.shape[1])).Image);
        return new JointStream(
            FeedForwardOf(ff, h, image).MoveToOuterDisposeScope(),
            text is null ? null : FeedForwardOf(ff_context!, stream.Text!.AddGated(text.Gate, ofText!), text).MoveToOuterDisposeScope());
    }

    private static Tensor FeedForwardOf(FeedForward layer, Tensor h, Modulated m) =>
        h.AddGated(m.FeedForwardGate, layer.call(LayerNorm.Normalise(h, 1e-6).Modulate(m.FeedForwardShift, m.FeedForwardScale)));
}

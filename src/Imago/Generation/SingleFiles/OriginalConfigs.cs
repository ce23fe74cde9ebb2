using Imago.Encoders;
using Imago.Models;
using Imago.Models.Originals;

namespace Imago.Generation.SingleFiles;

/// <summary>
/// Configurations of the networks in a single file, which holds none: sizes from the shapes, and from the family what no shape tells (the number of heads, the
/// non-linearity, the scale of the latents).
/// </summary>
internal static class OriginalConfigs
{
    private const int HeadWidth = 64;

    /// <summary>The U-Net.</summary>
    /// <param name="shapes">Its keys without prefix, and their shapes.</param>
    /// <param name="family">The model that it is of.</param>
    /// <param name="source">The file, for messages.</param>
    /// <param name="isVelocity">Whether it predicts v, for version 2: the larger of its two sizes does.</param>
    internal static UNet2DConditionConfig UNet(IReadOnlyDictionary<string, IReadOnlyList<long>> shapes, OriginalFamily family, string source, bool isVelocity)
    {
        var (levels, layers) = OriginalUNet.Depth([.. shapes.Keys]);
        if (levels > 8 || layers is < 1 or > 16) throw Unknown(source, $"the U-Net would have {levels} resolutions of {layers} residual blocks");
        var firsts = Enumerable.Range(0, levels).Select(level => level * (layers + 1) + 1).ToList();
        int[] widths = [.. firsts.Select(number => Size(shapes, $"input_blocks.{number}.0.out_layers.3.weight", 0, source))];
        bool[] attends = [.. firsts.Select(number => shapes.ContainsKey($"input_blocks.{number}.1.proj_in.weight"))];
        int[] depths = [.. firsts.Select((number, level) => attends[level] ? Count(shapes, $"input_blocks.{number}.1.transformer_blocks.") : 1)];
        if (!attends[^1]) depths[^1] = Math.Max(1, Count(shapes, "middle_block.1.transformer_blocks."));
        if (Array.TrueForAll(attends, attend => !attend)) throw Unknown(source, "no resolution of the U-Net attends to a text");
        var attending = firsts[Array.IndexOf(attends, true)];
        return new UNet2DConditionConfig
        {
            SampleSize = family switch { OriginalFamily.StableDiffusion1 => 64, OriginalFamily.StableDiffusion2 => isVelocity ? 96 : 64, _ => 128 },
            InChannels = Size(shapes, "input_blocks.0.0.weight", 1, source),
            OutChannels = Size(shapes, "out.2.weight", 0, source),
            DownBlockTypes = [.. attends.Select(attend => attend ? "CrossAttnDownBlock2D" : "DownBlock2D")],
            UpBlockTypes = [.. attends.Reverse().Select(attend => attend ? "CrossAttnUpBlock2D" : "UpBlock2D")],
            BlockOutChannels = widths,
            LayersPerBlock = layers,
            TransformerLayersPerBlock = PerLevel(depths.Skip(Array.IndexOf(attends, true)).Distinct().Count() == 1 ? [.. depths.Select(_ => depths[^1])] : depths),
            AttentionHeadDim = family == OriginalFamily.StableDiffusion1 ? 8 : PerLevel([.. widths.Select(width => Heads(width, source))]),
            CrossAttentionDim = Size(shapes, $"input_blocks.{attending}.1.transformer_blocks.0.attn2.to_k.weight", 1, source),
            UseLinearProjection = shapes[$"input_blocks.{attending}.1.proj_in.weight"].Count == 2,
            UpcastAttention = family == OriginalFamily.StableDiffusion2,
            AdditionEmbedType = family.IsXL() ? "text_time" : null,
            AdditionTimeEmbedDim = family.IsXL() ? 256 : null,
            ProjectionClassEmbeddingsInputDim = family.IsXL() ? Size(shapes, "label_emb.0.0.weight", 1, source) : null,
            NumClassEmbeds = shapes.ContainsKey("label_emb.weight") ? Size(shapes, "label_emb.weight", 0, source) : null,
            TimeCondProjDim = shapes.ContainsKey("time_embed.cond_proj.weight") ? Size(shapes, "time_embed.cond_proj.weight", 1, source) : null,
        };
    }

    /// <summary>The transformer of version 3.</summary>
    /// <inheritdoc cref="UNet" path="/param"/>
    internal static MMDiTConfig Transformer(IReadOnlyDictionary<string, IReadOnlyList<long>> shapes, string source)
    {
        var blocks = OriginalMMDiT.Blocks(shapes.Keys);
        var (width, patch) = (Size(shapes, "x_embedder.proj.weight", 0, source), Size(shapes, "x_embedder.proj.weight", 2, source));
        var channels = Size(shapes, "x_embedder.proj.weight", 1, source);
        var places = Size(shapes, "pos_embed", 1, source);
        return new MMDiTConfig
        {
            SampleSize = 128,
            PatchSize = patch,
            InChannels = channels,
            OutChannels = Size(shapes, "final_layer.linear.weight", 0, source) / Math.Max(1, patch * patch),
            NumLayers = blocks,
            AttentionHeadDim = HeadWidth,
            NumAttentionHeads = Heads(width, source),
            JointAttentionDim = Size(shapes, "context_embedder.weight", 1, source),
            CaptionProjectionDim = Size(shapes, "context_embedder.weight", 0, source),
            PooledProjectionDim = Size(shapes, "y_embedder.mlp.0.weight", 1, source),
            PosEmbedMaxSize = (int)Math.Round(Math.Sqrt(places)),
            QkNorm = shapes.ContainsKey("joint_blocks.0.x_block.attn.ln_q.weight") ? "rms_norm" : null,
            DualAttentionLayers = [.. Enumerable.Range(0, blocks).Where(block => shapes.ContainsKey($"joint_blocks.{block}.x_block.attn2.qkv.weight"))],
        };
    }

    /// <summary>The autoencoder.</summary>
    /// <inheritdoc cref="UNet" path="/param"/>
    internal static KlConfig Autoencoder(IReadOnlyDictionary<string, IReadOnlyList<long>> shapes, OriginalFamily family, string source)
    {
        var levels = OriginalAutoencoder.Levels([.. shapes.Keys]);
        if (levels is < 1 or > 8) throw Unknown(source, $"the autoencoder would have {levels} resolutions");
        return new KlConfig
        {
            InChannels = Size(shapes, "encoder.conv_in.weight", 1, source),
            OutChannels = Size(shapes, "decoder.conv_out.weight", 0, source),
            DownBlockTypes = [.. Enumerable.Repeat("DownEncoderBlock2D", levels)],
            UpBlockTypes = [.. Enumerable.Repeat("UpDecoderBlock2D", levels)],
            BlockOutChannels = [.. Enumerable.Range(0, levels).Select(level => Size(shapes, $"encoder.down.{level}.block.0.conv1.weight", 0, source))],
            LayersPerBlock = Count(shapes, "encoder.down.0.block."),
            LatentChannels = Size(shapes, "decoder.conv_in.weight", 1, source),
            SampleSize = family switch { OriginalFamily.StableDiffusion1 => 512, OriginalFamily.StableDiffusion2 => 768, _ => 1024 },
            ScalingFactor = family.IsTransformer() ? 1.5305 : family.IsXL() ? 0.13025 : 0.18215,
            ShiftFactor = family.IsTransformer() ? 0.0609 : null,
            UseQuantConv = shapes.ContainsKey("quant_conv.weight"),
            UsePostQuantConv = shapes.ContainsKey("post_quant_conv.weight"),
        };
    }

    /// <summary>A text encoder.</summary>
    /// <param name="shapes">Its keys under the names of transformers, and their shapes.</param>
    /// <param name="layout">How it lies in the file.</param>
    /// <param name="hasProjection">Whether the pipeline takes its embedding in the space of texts and pictures.</param>
    /// <param name="source">The file, for messages.</param>
    internal static TextEncoderConfig TextEncoder(IReadOnlyDictionary<string, IReadOnlyList<long>> shapes, TextLayout layout, bool hasProjection, string source)
    {
        if (layout == TextLayout.T5) return T5(shapes, source);
        const string Tokens = "text_model.embeddings.token_embedding.weight", Positions = "text_model.embeddings.position_embedding.weight";
        var width = Size(shapes, Tokens, 1, source);
        return new ClipTextConfig
        {
            Architectures = [hasProjection ? "CLIPTextModelWithProjection" : "CLIPTextModel"],
            VocabSize = Size(shapes, Tokens, 0, source),
            HiddenSize = width,
            IntermediateSize = Size(shapes, "text_model.encoder.layers.0.mlp.fc1.weight", 0, source),
            ProjectionDim = shapes.ContainsKey("text_projection.weight") ? Size(shapes, "text_projection.weight", 0, source) : width,
            NumHiddenLayers = Count(shapes, "text_model.encoder.layers."),
            NumAttentionHeads = Heads(width, source),
            MaxPositionEmbeddings = Size(shapes, Positions, 0, source),
            HiddenAct = layout == TextLayout.OpenClip || width > 768 ? "gelu" : "quick_gelu",
            EosTokenId = 2,                                                           // pools at the largest number, as all of these pipelines do
        };
    }

    private static T5Config T5(IReadOnlyDictionary<string, IReadOnlyList<long>> shapes, string source)
    {
        const string First = "encoder.block.0.layer.";
        var isGated = shapes.ContainsKey($"{First}1.DenseReluDense.wi_0.weight");
        return new T5Config
        {
            Architectures = ["T5EncoderModel"],
            VocabSize = Size(shapes, "shared.weight", 0, source),
            DModel = Size(shapes, "shared.weight", 1, source),
            DKv = HeadWidth,
            DFf = Size(shapes, $"{First}1.DenseReluDense.{(isGated ? "wi_0" : "wi")}.weight", 0, source),
            NumLayers = Count(shapes, "encoder.block."),
            NumHeads = Size(shapes, $"{First}0.SelfAttention.relative_attention_bias.weight", 1, source),
            RelativeAttentionNumBuckets = Size(shapes, $"{First}0.SelfAttention.relative_attention_bias.weight", 0, source),
            FeedForwardProj = isGated ? "gated-gelu" : "relu",
        };
    }

    private static PerLevel<int> PerLevel(int[] values) => values.Distinct().Count() == 1 ? values[0] : new PerLevel<int>(values);

    /// <summary>Every family but the first has heads of 64 features.</summary>
    private static int Heads(int width, string source) => width % HeadWidth == 0
        ? width / HeadWidth
        : throw Unknown(source, $"a layer has {width} features, which no whole number of heads of {HeadWidth} makes");

    private static int Size(IReadOnlyDictionary<string, IReadOnlyList<long>> shapes, string key, int axis, string source) =>
        shapes.TryGetValue(key, out var shape) && shape.Count > axis && shape[axis] is > 0 and <= int.MaxValue ? (int)shape[axis]
        : throw Unknown(source, shape is null ? $"{key} is missing" : $"{key} is [{string.Join(", ", shape)}]");

    /// <summary>How many different numbers follow a prefix.</summary>
    private static int Count(IReadOnlyDictionary<string, IReadOnlyList<long>> shapes, string prefix) =>
        shapes.Keys.Where(key => key.StartsWith(prefix, StringComparison.Ordinal)).Select(key => key[prefix.Length..].Split('.')[0]).Distinct().Count();

    private static CheckpointException Unknown(string source, string why) =>
        new($"{source}: its network cannot be told from names and shapes: {why}. If the file is whole, give the folder with its configuration (--config FOLDER, a pipeline of the hub without weights).");
}

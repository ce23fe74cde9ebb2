using Imago.Models.Blocks;
using Imago.Models.UNets;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Models;

public sealed partial record UNet2DConditionConfig
{
    private static readonly ConfigRules Rules = new("Configuration of a UNet2DConditionModel");

    private int Levels => BlockOutChannels.Count;

    private bool Crosses => DownBlockTypes.Concat(UpBlockTypes).Any(UNetLevels.Crosses) || MidBlockType == "UNetMidBlock2DCrossAttn";

    /// <inheritdoc/>
    public override void Validate()
    {
        UNetRules.Channels(Rules, InChannels, OutChannels, NormNumGroups, BlockOutChannels);
        UNetRules.Levels(Rules, DownBlockTypes, UpBlockTypes, Levels, UNetLevels.Kinds(crosses: true));
        UNetRules.Common(Rules, ActFn, Dropout, NormEps, ResnetTimeScaleShift, DownsamplePadding, MidBlockScaleFactor, FreqShift);
        ValidateLevels();
        ValidateEmbeddings();
        RefuseTheUnknown();
    }

    private void ValidateLevels()
    {
        var one = $"one value or {Levels}";
        Rules.Require(MidBlockType is null or "UNetMidBlock2DCrossAttn" or "UNetMidBlock2D", "mid_block_type", MidBlockType, "UNetMidBlock2DCrossAttn, UNetMidBlock2D or null; no other is known");
        Rules.Require(OnlyCrossAttention.Fits(Levels), "only_cross_attention", OnlyCrossAttention, one);
        Rules.Require(LayersPerBlock.Fits(Levels) && LayersPerBlock.Values.All(n => n is > 0 and <= 64), "layers_per_block", LayersPerBlock, $"{one} between 1 and 64");
        Rules.Require(CrossAttentionDim.Fits(Levels) && CrossAttentionDim.Values.All(n => n is > 0 and <= 65536), "cross_attention_dim", CrossAttentionDim, $"{one} between 1 and 65536");
        Rules.Require(TransformerLayersPerBlock.Fits(Levels) && TransformerLayersPerBlock.Values.All(n => n is > 0 and <= 64), "transformer_layers_per_block", TransformerLayersPerBlock, $"{one} between 1 and 64");
        Rules.Require(ReverseTransformerLayersPerBlock is not { } up || (up.Fits(Levels) && up.Values.All(n => n is > 0 and <= 64)), "reverse_transformer_layers_per_block", ReverseTransformerLayersPerBlock, $"null or {one} between 1 and 64");
        Rules.Require(AttentionHeadDim.Fits(Levels) && Enumerable.Range(0, Levels).All(i => AttentionHeadDim[i] > 0 && BlockOutChannels[i] % AttentionHeadDim[i] == 0),
            "attention_head_dim", AttentionHeadDim, $"{one}: numbers of heads that divide block_out_channels");
        Rules.Require(ConvInKernel is > 0 and <= 31 && ConvInKernel % 2 == 1, "conv_in_kernel", ConvInKernel, "odd and at most 31");
        Rules.Require(ConvOutKernel is > 0 and <= 31 && ConvOutKernel % 2 == 1, "conv_out_kernel", ConvOutKernel, "odd and at most 31");
    }

    private void ValidateEmbeddings()
    {
        Rules.Require(TimeEmbeddingType is "positional" or "fourier", "time_embedding_type", TimeEmbeddingType, "positional or fourier");
        Rules.Require(TimeEmbeddingDim is null || (TimeEmbeddingDim is > 0 and <= 65536 && TimeEmbeddingDim % 2 == 0), "time_embedding_dim", TimeEmbeddingDim, "null or an even number up to 65536");
        Rules.Require(TimeEmbeddingActFn is null || Activations.Named(TimeEmbeddingActFn) is not null, "time_embedding_act_fn", TimeEmbeddingActFn, "null or a known activation");
        Rules.Require(TimestepPostAct is null || Activations.Named(TimestepPostAct) is not null, "timestep_post_act", TimestepPostAct, "null or a known activation");
        Rules.Require(TimeCondProjDim is null or (> 0 and <= 65536), "time_cond_proj_dim", TimeCondProjDim, "null or between 1 and 65536");
        Rules.Require(ClassEmbedType is null or "timestep" or "identity" or "projection" or "simple_projection", "class_embed_type", ClassEmbedType, "null, timestep, identity, projection or simple_projection");
        Rules.Require(NumClassEmbeds is null or (> 0 and <= 10_000_000), "num_class_embeds", NumClassEmbeds, "null or between 1 and 10000000");
        Rules.Require(AdditionEmbedType is null or "text_time", "addition_embed_type", AdditionEmbedType, "null or text_time; no other is known");
        Rules.Require(AdditionEmbedType is null || AdditionTimeEmbedDim is > 0 and <= 65536, "addition_time_embed_dim", AdditionTimeEmbedDim, "between 1 and 65536 with text_time");
        var projects = AdditionEmbedType is not null || ClassEmbedType is "projection" or "simple_projection";
        Rules.Require(!projects || ProjectionClassEmbeddingsInputDim is > 0 and <= 1_000_000, "projection_class_embeddings_input_dim", ProjectionClassEmbeddingsInputDim, "between 1 and 1000000 with such an embedding");
        Rules.Require(EncoderHidDimType is null or "text_proj", "encoder_hid_dim_type", EncoderHidDimType, "null or text_proj; no other is known");
        Rules.Require(EncoderHidDim is null ? EncoderHidDimType is null : EncoderHidDim is > 0 and <= 65536 && !CrossAttentionDim.IsList, "encoder_hid_dim", EncoderHidDim, "between 1 and 65536 with encoder_hid_dim_type, for one cross_attention_dim");
    }

    private void RefuseTheUnknown()
    {
        Rules.Require(NumAttentionHeads is null, "num_attention_heads", NumAttentionHeads, "null: the number of heads stands in attention_head_dim");
        Rules.Require(!DualCrossAttention, "dual_cross_attention", DualCrossAttention, "false; the network has no such attention");
        Rules.Require(AttentionType == "default", "attention_type", AttentionType, "default; the network has no other");
        Rules.Require(!ResnetSkipTimeAct, "resnet_skip_time_act", ResnetSkipTimeAct, "false; the network has no such blocks");
        Rules.Require(ResnetOutScaleFactor == 1, "resnet_out_scale_factor", ResnetOutScaleFactor, "1; the network has no such blocks");
        Rules.Require(CrossAttentionNorm is null, "cross_attention_norm", CrossAttentionNorm, "null; the network has no such attention");
    }

    internal UNetPlan Plan()
    {
        var embedding = Embedding();
        return new UNetPlan
        {
            InChannels = InChannels,
            OutChannels = OutChannels,
            ConvInKernel = ConvInKernel,
            ConvOutKernel = ConvOutKernel,
            Style = new(NormNumGroups, NormEps, Activations.Named(ActFn)!.Value) { TimeChannels = embedding.TotalChannels, ScaleShift = ResnetTimeScaleShift == "scale_shift", Dropout = Dropout },
            Down = UNetLevels.Down(DownBlockTypes, BlockOutChannels, LayersPerBlock, null, SelfAttention, i => CrossAttention(i, TransformerLayersPerBlock[i], OnlyCrossAttention[i])),
            Up = UNetLevels.Up(UpBlockTypes, BlockOutChannels, LayersPerBlock, null, SelfAttention, i => CrossAttention(i, UpTransformerLayers(i), OnlyCrossAttention[i])),
            Middle = MidBlockType switch
            {
                null => null,
                "UNetMidBlock2D" => new UNetMiddle(null, 1, MidBlockScaleFactor),
                _ => new UNetMiddle(CrossAttention(Levels - 1, TransformerLayersPerBlock[Levels - 1], onlyCross: false), 2, MidBlockScaleFactor),
            },
            DownsamplePadding = DownsamplePadding,
            Embedding = embedding,
            OutActivation = Activations.Named(ActFn)!.Value,
            CentresInput = CenterInputSample,
        };
    }

    private int UpTransformerLayers(int level) => ReverseTransformerLayersPerBlock is { } layers ? layers[Levels - 1 - level] : TransformerLayersPerBlock[level];

    private LevelAttention CrossAttention(int level, int layers, bool onlyCross) => new(
        channels => new Transformer2D(new(channels, AttentionHeadDim[level], CrossAttentionDim[level], layers, NormNumGroups, UseLinearProjection, onlyCross)), Crosses: true);

    private LevelAttention SelfAttention(int level) =>
        new(channels => new Attention(AttentionShape.OverMap(channels, AttentionHeadDim[level], NormNumGroups, NormEps)), Crosses: false);

    private EmbeddingPlan Embedding()
    {
        var fourier = TimeEmbeddingType == "fourier";
        var channels = TimeEmbeddingDim ?? (fourier ? 2 : 4) * BlockOutChannels[0];
        return new EmbeddingPlan
        {
            Times = () => fourier ? new FourierFeatures(channels / 2, scale: 1, logarithm: false, FlipSinToCos) : new Timesteps(BlockOutChannels[0], FlipSinToCos, FreqShift),
            TimeFeatures = fourier ? channels : BlockOutChannels[0],
            Channels = channels,
            Activation = Activations.Of(ActFn),
            PostActivation = TimestepPostAct is null ? null : Activations.Of(TimestepPostAct),
            SumActivation = TimeEmbeddingActFn is null ? null : Activations.Of(TimeEmbeddingActFn),
            GuidanceChannels = TimeCondProjDim,
            Classes = ClassEmbedType switch
            {
                "timestep" => ClassEmbedding.Timestep,
                "identity" => ClassEmbedding.Identity,
                "projection" => ClassEmbedding.Projection,
                "simple_projection" => ClassEmbedding.SimpleProjection,
                _ => NumClassEmbeds is null ? ClassEmbedding.None : ClassEmbedding.Table,
            },
            ClassInputs = ClassEmbedType is null ? NumClassEmbeds ?? 0 : ProjectionClassEmbeddingsInputDim ?? 0,
            ConcatenatesClasses = ClassEmbeddingsConcat,
            Sizes = AdditionEmbedType is null ? null : () => new Timesteps(AdditionTimeEmbedDim!.Value, FlipSinToCos, FreqShift),
            AddedChannels = ProjectionClassEmbeddingsInputDim ?? 0,
            TokenChannels = EncoderHidDim,
            ContextChannels = Crosses ? CrossAttentionDim[0] : 0,
        };
    }
}

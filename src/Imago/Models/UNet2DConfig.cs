using Imago.Models.Blocks;
using Imago.Models.UNets;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Models;

/// <summary>A U-Net over images, with classes or without (Ho et al. 2020; Dhariwal and Nichol 2021): diffusers' <c>UNet2DModel</c>, its keys and its defaults.</summary>
public sealed record UNet2DConfig : DenoiserConfig
{
    private static readonly ConfigRules Rules = new("Configuration of a UNet2DModel");

    /// <summary>Side of the images that it was trained on, or height and width; it takes others too.</summary>
    public PerLevel<int>? SampleSize { get; init; }

    /// <summary>Channels of the input.</summary>
    public int InChannels { get; init; } = 3;

    /// <summary>Channels of the output; twice the image's with learned variance.</summary>
    public int OutChannels { get; init; } = 3;

    /// <summary>Whether the network sees 2x − 1.</summary>
    public bool CenterInputSample { get; init; }

    /// <summary><c>positional</c> (sinusoids), <c>fourier</c> (random frequencies of the logarithm; the output is divided by the time) or <c>learned</c> (a table).</summary>
    public string TimeEmbeddingType { get; init; } = "positional";

    /// <summary>Channels of the time embedding; null for four times the first width.</summary>
    public int? TimeEmbeddingDim { get; init; }

    /// <summary>Shift of the sinusoids' frequencies.</summary>
    public double FreqShift { get; init; }

    /// <summary>Whether the cosines stand first.</summary>
    public bool FlipSinToCos { get; init; } = true;

    /// <summary>The levels of the way down: <c>DownBlock2D</c>, <c>AttnDownBlock2D</c> or <c>ResnetDownsampleBlock2D</c>.</summary>
    public IReadOnlyList<string> DownBlockTypes { get; init; } = ["DownBlock2D", "AttnDownBlock2D", "AttnDownBlock2D", "AttnDownBlock2D"];

    /// <summary><c>UNetMidBlock2D</c>, or null for no middle.</summary>
    public string? MidBlockType { get; init; } = "UNetMidBlock2D";

    /// <summary>The levels of the way up: <c>UpBlock2D</c>, <c>AttnUpBlock2D</c> or <c>ResnetUpsampleBlock2D</c>.</summary>
    public IReadOnlyList<string> UpBlockTypes { get; init; } = ["AttnUpBlock2D", "AttnUpBlock2D", "AttnUpBlock2D", "UpBlock2D"];

    /// <summary>Channels at each resolution, from the pixels inwards.</summary>
    public IReadOnlyList<int> BlockOutChannels { get; init; } = [224, 448, 672, 896];

    /// <summary>Residual blocks at each resolution of the way down; the way up has one more.</summary>
    public int LayersPerBlock { get; init; } = 2;

    /// <summary>What the sums in the middle are divided by.</summary>
    public double MidBlockScaleFactor { get; init; } = 1;

    /// <summary>1, or 0 for zeros below and to the right only.</summary>
    public int DownsamplePadding { get; init; } = 1;

    /// <summary>How levels with attention are halved: <c>conv</c> or <c>resnet</c>.</summary>
    public string? DownsampleType { get; init; } = "conv";

    /// <summary>How levels with attention grow: <c>conv</c> or <c>resnet</c>.</summary>
    public string? UpsampleType { get; init; } = "conv";

    /// <summary>Probability of dropout in the residual blocks.</summary>
    public double Dropout { get; init; }

    /// <summary>The non-linearity of the residual blocks.</summary>
    public string ActFn { get; init; } = "silu";

    /// <summary>Channels of a head; null for one head of all channels.</summary>
    public int? AttentionHeadDim { get; init; } = 8;

    /// <summary>Groups of every normalisation.</summary>
    public int NormNumGroups { get; init; } = 32;

    /// <summary>Groups of the middle attention's; null for the same, or for none with <c>scale_shift</c>.</summary>
    public int? AttnNormNumGroups { get; init; }

    /// <summary>Added to the variances.</summary>
    public double NormEps { get; init; } = 1e-5;

    /// <summary>Whether the time is added (<c>default</c>) or scales and shifts (<c>scale_shift</c>).</summary>
    public string ResnetTimeScaleShift { get; init; } = "default";

    /// <summary>Whether the middle has an attention.</summary>
    public bool AddAttention { get; init; } = true;

    /// <summary>Null (a table, if there are classes), <c>timestep</c> or <c>identity</c>.</summary>
    public string? ClassEmbedType { get; init; }

    /// <summary>Number of classes of the table.</summary>
    public int? NumClassEmbeds { get; init; }

    /// <summary>Timesteps of a learned time embedding.</summary>
    public int? NumTrainTimesteps { get; init; }

    /// <inheritdoc/>
    public override void Validate()
    {
        UNetRules.Channels(Rules, InChannels, OutChannels, NormNumGroups, BlockOutChannels);
        UNetRules.Levels(Rules, DownBlockTypes, UpBlockTypes, BlockOutChannels.Count, UNetLevels.Kinds(crosses: false));
        UNetRules.Common(Rules, ActFn, Dropout, NormEps, ResnetTimeScaleShift, DownsamplePadding, MidBlockScaleFactor, FreqShift);
        Rules.Require(TimeEmbeddingType is "positional" or "fourier" or "learned", "time_embedding_type", TimeEmbeddingType, "positional, fourier or learned");
        Rules.Require(TimeEmbeddingType != "learned" || NumTrainTimesteps is > 0 and <= 1_000_000, "num_train_timesteps", NumTrainTimesteps, "between 1 and 1000000 with a learned time embedding");
        Rules.Require(TimeEmbeddingDim is null or (> 0 and <= 65536), "time_embedding_dim", TimeEmbeddingDim, "null or between 1 and 65536");
        Rules.Require(MidBlockType is null or "UNetMidBlock2D", "mid_block_type", MidBlockType, "UNetMidBlock2D or null");
        Rules.Require(LayersPerBlock is > 0 and <= 64, "layers_per_block", LayersPerBlock, "between 1 and 64");
        Rules.Require(DownsampleType is null or "conv" or "resnet", "downsample_type", DownsampleType, "conv or resnet");
        Rules.Require(UpsampleType is null or "conv" or "resnet", "upsample_type", UpsampleType, "conv or resnet");
        Rules.Require(AttentionHeadDim is null or (> 0 and <= 8192), "attention_head_dim", AttentionHeadDim, "null or between 1 and 8192");
        Rules.Require(AttnNormNumGroups is not { } groups || (groups > 0 && BlockOutChannels[^1] % groups == 0), "attn_norm_num_groups", AttnNormNumGroups, $"null or a divisor of {BlockOutChannels[^1]}");
        Rules.Require(ClassEmbedType is null or "timestep" or "identity", "class_embed_type", ClassEmbedType, "null, timestep or identity");
        Rules.Require(NumClassEmbeds is null or (> 0 and <= 10_000_000), "num_class_embeds", NumClassEmbeds, "null or between 1 and 10000000");
    }

    private protected override DenoisingNetwork Build() => new UNet(this, Plan());

    internal UNetPlan Plan()
    {
        var channels = TimeEmbeddingDim ?? 4 * BlockOutChannels[0];
        var style = new ResnetStyle(NormNumGroups, NormEps, Activations.Named(ActFn)!.Value) { TimeChannels = channels, ScaleShift = ResnetTimeScaleShift == "scale_shift", Dropout = Dropout };
        return new UNetPlan
        {
            InChannels = InChannels,
            OutChannels = OutChannels,
            Style = style,
            Down = UNetLevels.Down(DownBlockTypes, BlockOutChannels, new(LayersPerBlock), DownsampleType, _ => SelfAttention(NormNumGroups)),
            Up = UNetLevels.Up(UpBlockTypes, BlockOutChannels, new(LayersPerBlock), UpsampleType, _ => SelfAttention(NormNumGroups)),
            Middle = MidBlockType is null ? null : new UNetMiddle(AddAttention ? SelfAttention(AttnNormNumGroups ?? (style.ScaleShift ? null : NormNumGroups), MidBlockScaleFactor) : null, 2, MidBlockScaleFactor),
            DownsamplePadding = DownsamplePadding,
            Embedding = Embedding(channels),
            OutActivation = Activation.Silu,
            CentresInput = CenterInputSample,
            DividesByTime = TimeEmbeddingType == "fourier",
        };
    }

    private LevelAttention SelfAttention(int? normGroups, double scale = 1) =>
        new(channels => new Attention(AttentionShape.OverMap(channels, AttentionHeadDim ?? channels, normGroups, NormEps, scale)), Crosses: false);

    private EmbeddingPlan Embedding(int channels) => new()
    {
        Times = Times,
        TimeFeatures = TimeEmbeddingType == "fourier" ? 2 * BlockOutChannels[0] : BlockOutChannels[0],
        Channels = channels,
        Activation = Activations.Of("silu"),
        Classes = ClassEmbedType switch
        {
            "timestep" => ClassEmbedding.Timestep,
            "identity" => ClassEmbedding.Identity,
            _ => NumClassEmbeds is null ? ClassEmbedding.None : ClassEmbedding.Table,
        },
        ClassInputs = NumClassEmbeds ?? 0,
    };

    private nn.Module<Tensor, Tensor> Times() => TimeEmbeddingType switch
    {
        "fourier" => new FourierFeatures(BlockOutChannels[0], scale: 16, logarithm: true, cosineFirst: false),
        "learned" => new LearnedTimesteps(NumTrainTimesteps!.Value, BlockOutChannels[0]),
        _ => new Timesteps(BlockOutChannels[0], FlipSinToCos, FreqShift),
    };
}

using Imago.Models.Blocks;
using Imago.Models.UNets;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Models;

/// <summary>
/// The U-Net of latent diffusion, which attends to tokens (Rombach et al. 2022; SDXL: Podell et al. 2023): diffusers' <c>UNet2DConditionModel</c>, its keys and its
/// defaults. Keys that change the network in ways it does not have are refused with values other than the published ones.
/// </summary>
public sealed partial record UNet2DConditionConfig : DenoiserConfig
{
    /// <summary>Side of the latents that it was trained on, or height and width; it takes others too.</summary>
    public PerLevel<int>? SampleSize { get; init; }

    /// <summary>Channels of the input.</summary>
    public int InChannels { get; init; } = 4;

    /// <summary>Channels of the output.</summary>
    public int OutChannels { get; init; } = 4;

    /// <summary>Whether the network sees 2x − 1.</summary>
    public bool CenterInputSample { get; init; }

    /// <summary>Whether the cosines of the time's embedding stand first.</summary>
    public bool FlipSinToCos { get; init; } = true;

    /// <summary>Shift of the sinusoids' frequencies.</summary>
    public double FreqShift { get; init; }

    /// <summary>The levels of the way down: <c>DownBlock2D</c>, <c>CrossAttnDownBlock2D</c>, <c>AttnDownBlock2D</c> or <c>ResnetDownsampleBlock2D</c>.</summary>
    public IReadOnlyList<string> DownBlockTypes { get; init; } = ["CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"];

    /// <summary><c>UNetMidBlock2DCrossAttn</c>, <c>UNetMidBlock2D</c> (one residual block) or null for no middle.</summary>
    public string? MidBlockType { get; init; } = "UNetMidBlock2DCrossAttn";

    /// <summary>The levels of the way up: <c>UpBlock2D</c>, <c>CrossAttnUpBlock2D</c>, <c>AttnUpBlock2D</c> or <c>ResnetUpsampleBlock2D</c>.</summary>
    public IReadOnlyList<string> UpBlockTypes { get; init; } = ["UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"];

    /// <summary>Whether the first attention of a transformer block attends to the tokens too.</summary>
    public PerLevel<bool> OnlyCrossAttention { get; init; } = false;

    /// <summary>Channels at each resolution, from the latents inwards.</summary>
    public IReadOnlyList<int> BlockOutChannels { get; init; } = [320, 640, 1280, 1280];

    /// <summary>Residual blocks at each resolution of the way down; the way up has one more.</summary>
    public PerLevel<int> LayersPerBlock { get; init; } = 2;

    /// <summary>1, or 0 for zeros below and to the right only.</summary>
    public int DownsamplePadding { get; init; } = 1;

    /// <summary>What the residual blocks' sums in the middle are divided by.</summary>
    public double MidBlockScaleFactor { get; init; } = 1;

    /// <summary>Probability of dropout in the residual blocks.</summary>
    public double Dropout { get; init; }

    /// <summary>The non-linearity.</summary>
    public string ActFn { get; init; } = "silu";

    /// <summary>Groups of every normalisation.</summary>
    public int NormNumGroups { get; init; } = 32;

    /// <summary>Added to the variances of the residual blocks' normalisations.</summary>
    public double NormEps { get; init; } = 1e-5;

    /// <summary>Channels of the tokens that are attended to.</summary>
    public PerLevel<int> CrossAttentionDim { get; init; } = 1280;

    /// <summary>Transformer blocks of each attention.</summary>
    public PerLevel<int> TransformerLayersPerBlock { get; init; } = 1;

    /// <summary>Transformer blocks of each attention of the way up, from the middle outwards; null for those of the way down.</summary>
    public PerLevel<int>? ReverseTransformerLayersPerBlock { get; init; }

    /// <summary>Channels of the tokens that are given, if a linear layer maps them to <see cref="CrossAttentionDim"/>.</summary>
    public int? EncoderHidDim { get; init; }

    /// <summary>Null or <c>text_proj</c>.</summary>
    public string? EncoderHidDimType { get; init; }

    /// <summary>The number of heads (a name that diffusers keeps for old files), the same at each level or one for each.</summary>
    public PerLevel<int> AttentionHeadDim { get; init; } = 8;

    /// <summary>Whether the transformers' maps in and out are linear layers, not 1×1 convolutions.</summary>
    public bool UseLinearProjection { get; init; }

    /// <summary>Null (a table, if there are classes), <c>timestep</c>, <c>identity</c>, <c>projection</c> or <c>simple_projection</c>.</summary>
    public string? ClassEmbedType { get; init; }

    /// <summary>Null, or <c>text_time</c>: pooled text and sizes (SDXL).</summary>
    public string? AdditionEmbedType { get; init; }

    /// <summary>Channels of each embedded size.</summary>
    public int? AdditionTimeEmbedDim { get; init; }

    /// <summary>Number of classes of the table.</summary>
    public int? NumClassEmbeds { get; init; }

    /// <summary>Hint for half precision, without effect here: logits of attention are accumulated in float32 in any case.</summary>
    public bool UpcastAttention { get; init; }

    /// <summary>Whether the time is added (<c>default</c>) or scales and shifts (<c>scale_shift</c>).</summary>
    public string ResnetTimeScaleShift { get; init; } = "default";

    /// <summary><c>positional</c> (sinusoids) or <c>fourier</c> (random frequencies).</summary>
    public string TimeEmbeddingType { get; init; } = "positional";

    /// <summary>Channels of the time embedding; null for four times the first width (twice with <c>fourier</c>).</summary>
    public int? TimeEmbeddingDim { get; init; }

    /// <summary>A non-linearity behind the sum of all embeddings.</summary>
    public string? TimeEmbeddingActFn { get; init; }

    /// <summary>A non-linearity behind the time's second linear layer.</summary>
    public string? TimestepPostAct { get; init; }

    /// <summary>Channels of an embedded guidance scale.</summary>
    public int? TimeCondProjDim { get; init; }

    /// <summary>Side of the first convolution's kernel.</summary>
    public int ConvInKernel { get; init; } = 3;

    /// <summary>Side of the last convolution's kernel.</summary>
    public int ConvOutKernel { get; init; } = 3;

    /// <summary>Channels of what is projected: a class vector, or SDXL's pooled text and embedded sizes together.</summary>
    public int? ProjectionClassEmbeddingsInputDim { get; init; }

    /// <summary>Whether the embedded class stands behind the time's embedding instead of being added.</summary>
    public bool ClassEmbeddingsConcat { get; init; }

    /// <summary>Only null.</summary>
    public int? NumAttentionHeads { get; init; }

    /// <summary>Only false.</summary>
    public bool DualCrossAttention { get; init; }

    /// <summary>Only <c>default</c>.</summary>
    public string AttentionType { get; init; } = "default";

    /// <summary>Only false: it belongs to blocks that the network does not have.</summary>
    public bool ResnetSkipTimeAct { get; init; }

    /// <summary>Only 1: it belongs to blocks that the network does not have.</summary>
    public double ResnetOutScaleFactor { get; init; } = 1;

    /// <summary>Only null: it belongs to blocks that the network does not have.</summary>
    public string? CrossAttentionNorm { get; init; }

    /// <summary>Without effect: it belongs to a middle that the network does not have.</summary>
    public bool? MidBlockOnlyCrossAttention { get; init; }

    /// <summary>Without effect: it belongs to an embedding that the network does not have.</summary>
    public int AdditionEmbedTypeNumHeads { get; init; } = 64;

    private protected override DenoisingNetwork Build() => new UNet(this, Plan());
}

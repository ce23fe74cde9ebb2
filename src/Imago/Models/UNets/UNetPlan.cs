using Imago.Models.Blocks;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Models.UNets;

/// <summary>How a level ends: what changes the map's size on the way to the next.</summary>
internal enum Sampling
{
    /// <summary>Nothing: the last level.</summary>
    None,

    /// <summary>A convolution.</summary>
    Convolution,

    /// <summary>A residual block.</summary>
    Resnet,
}

/// <summary>One resolution of a U-Net, on its way down or up.</summary>
/// <param name="Channels">Of its output.</param>
/// <param name="Layers">Residual blocks (on the way up one more than down), each with an attention if there is one.</param>
/// <param name="Attention">The attentions; null for none.</param>
/// <param name="Sampling">How it ends.</param>
internal sealed record UNetLevel(int Channels, int Layers, LevelAttention? Attention, Sampling Sampling);

/// <summary>The middle of a U-Net.</summary>
/// <param name="Attention">Between its residual blocks; null for none.</param>
/// <param name="Blocks">Residual blocks.</param>
/// <param name="Scale">What its sums are divided by.</param>
internal sealed record UNetMiddle(LevelAttention? Attention, int Blocks, double Scale);

/// <summary>A U-Net without the names of a configuration file: what both of diffusers' classes come down to.</summary>
internal sealed record UNetPlan
{
    internal required int InChannels { get; init; }

    internal required int OutChannels { get; init; }

    internal int ConvInKernel { get; init; } = 3;

    internal int ConvOutKernel { get; init; } = 3;

    internal required ResnetStyle Style { get; init; }

    internal required IReadOnlyList<UNetLevel> Down { get; init; }

    internal required IReadOnlyList<UNetLevel> Up { get; init; }

    internal required UNetMiddle? Middle { get; init; }

    internal required int DownsamplePadding { get; init; }

    internal required EmbeddingPlan Embedding { get; init; }

    /// <summary>The non-linearity before the last convolution.</summary>
    internal required Activation OutActivation { get; init; }

    /// <summary>Whether the input is 2x − 1.</summary>
    internal bool CentresInput { get; init; }

    /// <summary>Whether the output is divided by the time, which is a noise level (Song et al. 2021).</summary>
    internal bool DividesByTime { get; init; }
}

/// <summary>What makes the one vector that all residual blocks see.</summary>
internal sealed record EmbeddingPlan
{
    /// <summary>Makes the layer that turns times into vectors.</summary>
    internal required Func<nn.Module<Tensor, Tensor>> Times { get; init; }

    /// <summary>Channels that it gives.</summary>
    internal required int TimeFeatures { get; init; }

    /// <summary>Channels of the embedded time.</summary>
    internal required int Channels { get; init; }

    internal required Func<Tensor, Tensor> Activation { get; init; }

    /// <summary>Behind the time's second linear layer.</summary>
    internal Func<Tensor, Tensor>? PostActivation { get; init; }

    /// <summary>Behind the sum of everything.</summary>
    internal Func<Tensor, Tensor>? SumActivation { get; init; }

    /// <summary>Channels of an embedded guidance scale.</summary>
    internal int? GuidanceChannels { get; init; }

    internal ClassEmbedding Classes { get; init; }

    /// <summary>Classes of a table, or channels of what is projected.</summary>
    internal int ClassInputs { get; init; }

    /// <summary>Whether the embedded class stands behind the time's embedding instead of being added.</summary>
    internal bool ConcatenatesClasses { get; init; }

    /// <summary>Makes the layer that embeds sizes in pixels; null for networks without.</summary>
    internal Func<nn.Module<Tensor, Tensor>>? Sizes { get; init; }

    /// <summary>Channels of the pooled text and the embedded sizes together.</summary>
    internal int AddedChannels { get; init; }

    /// <summary>Channels of the tokens that are given, if they are mapped first.</summary>
    internal int? TokenChannels { get; init; }

    /// <summary>Channels of the tokens that the cross-attentions see.</summary>
    internal int ContextChannels { get; init; }

    /// <summary>Channels that the residual blocks see.</summary>
    internal int TotalChannels => ConcatenatesClasses && Classes != ClassEmbedding.None ? 2 * Channels : Channels;
}

/// <summary>How a class becomes a vector.</summary>
internal enum ClassEmbedding
{
    /// <summary>There are no classes.</summary>
    None,

    /// <summary>A table of vectors.</summary>
    Table,

    /// <summary>Like a time, with linear layers of its own.</summary>
    Timestep,

    /// <summary>It is a vector of the right width.</summary>
    Identity,

    /// <summary>It is a vector that goes through two linear layers.</summary>
    Projection,

    /// <summary>It is a vector that goes through one linear layer.</summary>
    SimpleProjection,
}

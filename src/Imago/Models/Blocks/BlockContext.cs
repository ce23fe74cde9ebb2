using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Models.Blocks;

/// <summary>What every block of a network is told beside the feature map.</summary>
internal sealed record BlockContext
{
    /// <summary>Nothing: for networks without time and text.</summary>
    internal static BlockContext None { get; } = new();

    /// <summary>The activated embedding of time and all else that acts on whole feature maps, [B, T].</summary>
    internal Tensor? Time { get; init; }

    /// <summary>What cross-attentions attend to, [B, L, D].</summary>
    internal Tensor? Tokens { get; init; }

    /// <summary>Added to their logits, [B, 1, 1, L].</summary>
    internal Tensor? TokenBias { get; init; }

    /// <summary>Whether layers are computed again for their gradients instead of kept.</summary>
    internal bool Checkpoint { get; init; }

    /// <summary>A residual block and the attention behind it, if there is one.</summary>
    /// <param name="resnet">The residual block.</param>
    /// <param name="attention">The attention; null for none.</param>
    /// <param name="crosses">Whether it attends to <see cref="Tokens"/>.</param>
    /// <param name="h">[B, C, H, W].</param>
    /// <param name="skip">What is put behind h's channels first; or nothing.</param>
    internal Tensor Layer(ResnetBlock resnet, BlockAttention? attention, bool crosses, Tensor h, Tensor? skip = null)
    {
        Tensor?[] inputs = [h, skip, Time, crosses ? Tokens : null, crosses ? TokenBias : null];
        if (!Checkpoint || !is_grad_enabled()) return Compute(resnet, attention, inputs);
        IEnumerable<nn.Module> modules = attention is null ? [resnet] : [resnet, attention];
        return GradientCheckpoint.Run(modules, resnet.Draws, given => Compute(resnet, attention, given), inputs);
    }

    /// <summary>
    /// The views change no value. Through them the gradients of a layer's own uses of an input are summed first and then added to those of other layers, as it is
    /// when the layer is computed again: so both ways give the same bits.
    /// </summary>
    private static Tensor Compute(ResnetBlock resnet, BlockAttention? attention, Tensor?[] inputs) => WrappedTensorDisposeScope(() =>
    {
        if (inputs is not [{ } h, var skip, var time, var tokens, var bias]) throw new ArgumentException("A layer has five inputs, the first of which is there.", nameof(inputs));
        h = resnet.call(skip is null ? h.view_as(h) : cat([h, skip], 1), time);
        return attention is null ? h : attention.call(h, tokens?.view_as(tokens), bias);
    });
}

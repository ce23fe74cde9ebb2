using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Models;

internal static class OptionalLayer
{
    /// <summary>h after a layer that a configuration may leave out.</summary>
    internal static Tensor Through(this Tensor h, nn.Module<Tensor, Tensor>? layer) => layer is null ? h : layer.call(h);
}

using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Models;

internal static class OptionalLayer
{
    /// <summary>h after a layer that a configuration may leave out.</summary>
    internal static Tensor Through(this Tensor h, nn.Module<Tensor, Tensor>? layer) => layer is null ? h : layer.call(h);

    /// <summary>x after layers, one behind the other, those that are null left out. What stands between two of them is let go at once, where the scope of a block would keep it to its end.</summary>
    internal static Tensor InTurn(this Tensor x, params IEnumerable<Func<Tensor, Tensor>?> layers)
    {
        var h = x;
        foreach (var layer in layers.OfType<Func<Tensor, Tensor>>())
        {
            var next = layer(h);
            if (!ReferenceEquals(h, x) && !ReferenceEquals(h, next)) h.Dispose();
            h = next;
        }
        return h;
    }
}

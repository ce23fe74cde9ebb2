using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Metrics;

/// <summary>The features whose Fréchet distance is sFID (Nash et al. 2021): a few channels of a map with their places, instead of means over it.</summary>
public static class SpatialFeatures
{
    /// <summary>Channels that are kept.</summary>
    public const int Channels = 7;

    /// <summary>The first seven channels, place by place, [B, H·W·7], as guided-diffusion's evaluator orders them.</summary>
    /// <param name="map">[B, C, H, W] with C of at least seven; of Inception the output of <c>mixed_6/conv</c>, [B, 192, 17, 17].</param>
    /// <exception cref="ArgumentException">It is no such map.</exception>
    public static Tensor Of(Tensor map)
    {
        ArgumentNullException.ThrowIfNull(map);
        if (map.dim() != 4 || map.shape[1] < Channels) throw new ArgumentException($"A map is [B, C, H, W] with at least {Channels} channels; got [{string.Join(", ", map.shape)}].", nameof(map));
        return WrappedTensorDisposeScope(() => map.narrow(1, 0, Channels).permute(0, 2, 3, 1).flatten(1));
    }
}

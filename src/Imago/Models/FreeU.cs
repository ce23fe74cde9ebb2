using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Models;

/// <summary>
/// FreeU (Si et al. 2023): in the first two levels of a U-Net's way up, half of the backbone's channels are amplified and the low frequencies of the skips are
/// damped. As in diffusers it is off if a factor is 0.
/// </summary>
/// <param name="S1">Factor of the skips' low frequencies in the first level.</param>
/// <param name="S2">The same in the second.</param>
/// <param name="B1">Factor of the backbone's first half of channels in the first level.</param>
/// <param name="B2">The same in the second.</param>
public sealed record FreeU(double S1, double S2, double B1, double B2)
{
    /// <summary>The backbone and the skip as they are concatenated.</summary>
    internal (Tensor Backbone, Tensor Skip) Apply(Tensor h, Tensor skip, int level)
    {
        if (level > 1 || S1 * S2 * B1 * B2 == 0) return (h, skip);
        var (s, b) = level == 0 ? (S1, B1) : (S2, B2);
        var half = h.shape[1] / 2;
        return (cat([h.narrow(1, 0, half) * b, h.narrow(1, half, h.shape[1] - half)], 1), Damped(skip, s));
    }

    /// <summary>The 2×2 lowest frequencies, around the centre of the shifted spectrum, times s.</summary>
    private static Tensor Damped(Tensor x, double s)
    {
        var (height, width) = (x.shape[2], x.shape[3]);
        var factors = ones(height, width, device: x.device);
        factors[Window(height), Window(width)] = s;
        var spectrum = fft.ifftshift(factors, [0L, 1L]) * fft.fft2(x.to(float32));
        return fft.ifft2(spectrum).real.to(x.dtype);
    }

    private static TensorIndex Window(long size) => TensorIndex.Slice(Math.Max(0, size / 2 - 1), size / 2 + 1);
}

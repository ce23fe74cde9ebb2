using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Models;

/// <summary>Numbers as waves of many frequencies (Vaswani et al. 2017, section 3.5): how networks are told a time.</summary>
/// <remarks>
/// All in float32, as the networks were trained: frequencies that are rounded from double are off by one unit in their last place, which a time of 1000 makes
/// 6e-5 of the embedding.
/// </remarks>
public static class SinusoidalEmbedding
{
    /// <summary>[sin(t fᵢ), cos(t fᵢ)] with fᵢ = 10000^(−i/(D/2 − shift)), i = 0 … D/2 − 1.</summary>
    /// <param name="t">The numbers, [B].</param>
    /// <param name="width">Size of an embedding, D. An odd one ends with a zero.</param>
    /// <param name="cosineFirst">Whether the cosines stand before the sines.</param>
    /// <param name="shift">Of the frequencies: 0 or 1.</param>
    /// <returns>[B, D], float32.</returns>
    public static Tensor Of(Tensor t, int width, bool cosineFirst = false, double shift = 0) =>
        WrappedTensorDisposeScope(() => Waves(t, Frequencies(width, shift, t.device), width, cosineFirst));

    /// <summary>The embedding of a guidance scale for networks that were distilled with it (Meng et al. 2023; Luo et al. 2023): of 1000 (w − 1), with shift 1.</summary>
    /// <param name="scale">Guidance scales w, [B].</param>
    /// <param name="width">Size of an embedding, D: <c>time_cond_proj_dim</c>.</param>
    /// <returns>[B, D], float32.</returns>
    public static Tensor OfGuidance(Tensor scale, int width) => WrappedTensorDisposeScope(() => Of(1000 * (scale.to(float32) - 1), width, shift: 1));

    /// <summary>fᵢ, [D/2].</summary>
    internal static Tensor Frequencies(int width, double shift, Device device) =>
        (-Math.Log(10000) * arange(width / 2, dtype: float32, device: device) / (width / 2 - shift)).exp();

    internal static Tensor Waves(Tensor t, Tensor frequencies, int width, bool cosineFirst)
    {
        var angle = t.to(float32).unsqueeze(-1) * frequencies;
        var waves = cosineFirst ? cat([angle.cos(), angle.sin()], -1) : cat([angle.sin(), angle.cos()], -1);
        return width % 2 == 0 ? waves : nn.functional.pad(waves, [0, 1]);
    }
}

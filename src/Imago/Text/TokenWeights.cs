using static TorchSharp.torch;

namespace Imago.Text;

/// <summary>How weights of tokens act on what an encoder makes of them.</summary>
public static class TokenWeights
{
    /// <summary>z·w: every token's vector times its weight.</summary>
    /// <param name="z">The encoder's output, [B, L, D].</param>
    /// <param name="w">Weights, [B, L].</param>
    public static Tensor Scale(Tensor z, Tensor w) => z * w.unsqueeze(-1).to(z.dtype);

    /// <summary>z·w, brought back to the mean that the whole batch's z had (AUTOMATIC1111's rule).</summary>
    /// <inheritdoc cref="Scale"/>
    public static Tensor ScaleAtEqualMean(Tensor z, Tensor w)
    {
        var scaled = Scale(z, w);
        return scaled * (z.mean() / scaled.mean());
    }
}

using static TorchSharp.torch;

namespace Imago.Diffusion;

/// <summary>The guidance scale as an input of distilled networks (Meng et al. 2023, in the form of latent consistency models).</summary>
public static class GuidanceEmbedding
{
    /// <summary>[sin, cos](1000 w · 10000^(−k/(half − 1))), k = 0 … half − 1, and a 0 where the width is odd.</summary>
    /// <param name="scales">w = guidance − 1, one for each image.</param>
    /// <param name="width">D, at least 4.</param>
    /// <returns>fp32 [B, D].</returns>
    public static Tensor Of(IReadOnlyList<double> scales, int width = 256)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 4);
        var half = width / 2;
        var frequencies = exp(arange(half, float32) * (-Math.Log(10000) / (half - 1)));
        var angles = tensor(scales.Select(w => (float)(1000 * w)).ToArray()).unsqueeze(1) * frequencies.unsqueeze(0);
        var embedding = cat([angles.sin(), angles.cos()], 1);
        return width % 2 == 0 ? embedding : nn.functional.pad(embedding, [0, 1]);
    }
}

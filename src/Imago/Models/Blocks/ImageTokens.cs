using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Models.Blocks;

/// <summary>Tokens of a picture behind a class token, and a learned table of their places (Dosovitskiy et al. 2021).</summary>
internal static class ImageTokens
{
    /// <summary>The class token [D] before each picture's tokens [B, N, D].</summary>
    internal static Tensor WithClass(Tensor classToken, Tensor tokens) => cat([classToken.to(tokens.dtype).expand(tokens.shape[0], 1, tokens.shape[2]), tokens], 1);

    /// <summary>The table for a map of another size than the network's own: the class token's place stays, the others are resized as a picture (bicubic).</summary>
    /// <param name="table">[1 + grid·grid, D].</param>
    /// <param name="grid">Patches in a row and in a column of the network's own pictures.</param>
    /// <param name="map">The patches, [B, D, h, w].</param>
    /// <returns>[1 + h·w, D].</returns>
    internal static Tensor Positions(Tensor table, int grid, Tensor map)
    {
        if (map.shape[2] == grid && map.shape[3] == grid) return table;
        var picture = table[1..].view(1, grid, grid, -1).permute(0, 3, 1, 2);
        var resized = nn.functional.interpolate(picture, size: [map.shape[2], map.shape[3]], mode: InterpolationMode.Bicubic, align_corners: false);
        return cat([table[..1], FeatureMap.ToTokens(resized)[0]], 0);
    }
}

using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Models;

/// <summary>
/// Networks applied to a large image tile by tile, in the memory of one tile, with overlapping tiles blended. Both ways are those of diffusers 0.42.
/// </summary>
public static class Tiles
{
    /// <summary>
    /// Every tile is blended with its finished upper and left neighbours over the overlap, then cut to what no later tile covers (AutoencoderKL).
    /// </summary>
    /// <param name="network">[B, C, h, w] → [B, C', h·s, w·s], for tiles of any size up to <paramref name="tile"/>.</param>
    /// <param name="x">[B, C, H, W].</param>
    /// <param name="tile">Side of a tile in x.</param>
    /// <param name="outputTile">Side of what the network makes of a tile.</param>
    /// <param name="overlap">Share of a tile that overlaps the next, in [0, 1).</param>
    /// <returns>[B, C', H·s, W·s].</returns>
    /// <exception cref="ArgumentOutOfRangeException">A tile is empty or the overlap leaves no step from one tile to the next.</exception>
    public static Tensor CrossFade(Func<Tensor, Tensor> network, Tensor x, int tile, int outputTile, double overlap)
    {
        var step = Step(tile, overlap);
        var blend = (int)(outputTile * overlap);
        var keep = outputTile - blend;
        using var scope = NewDisposeScope();
        var bands = new List<Tensor>();
        List<Tensor> above = [];
        for (var i = 0; i < x.shape[2]; i += step)
        {
            var row = new List<Tensor>();
            for (var j = 0; j < x.shape[3]; j += step)
            {
                var y = network(x[.., .., i..(i + tile), j..(j + tile)]);
                if (i > 0) y = Fade(above[row.Count], y, 2, blend);
                if (j > 0) y = Fade(row[^1], y, 3, blend);
                row.Add(y);
            }
            bands.Add(cat([.. row.Select(y => y[.., .., ..keep, ..keep])], 3));
            above = row;
        }
        return cat(bands, 2).MoveToOuterDisposeScope();
    }

    /// <summary>Every tile is mixed over what is there already, its weight rising linearly from 0 across the overlap (AutoencoderTiny).</summary>
    /// <param name="network">[B, C, h, w] → [B, C', h·s, w·s].</param>
    /// <param name="x">[B, C, H, W].</param>
    /// <param name="tile">Side of a tile in x.</param>
    /// <param name="outputTile">Side of what the network makes of a tile; the overlap must cover at least two of its pixels.</param>
    /// <param name="overlap">Share of a tile that overlaps the next, in [0, 1).</param>
    /// <returns>[B, C', H·s, W·s].</returns>
    /// <exception cref="ArgumentOutOfRangeException">A tile is empty or the overlap leaves no step from one tile to the next.</exception>
    public static Tensor Feather(Func<Tensor, Tensor> network, Tensor x, int tile, int outputTile, double overlap)
    {
        var step = Step(tile, overlap);
        long Scaled(long n) => n * outputTile / tile;
        using var scope = NewDisposeScope();
        var ramp = (arange(outputTile, dtype: x.dtype, device: x.device) / ((double)(tile - step) * outputTile / tile - 1)).clamp(0, 1);
        Tensor? result = null;
        for (var i = 0; i < x.shape[2]; i += step)
        {
            for (var j = 0; j < x.shape[3]; j += step)
            {
                var y = network(x[.., .., i..(i + tile), j..(j + tile)]);
                var (h, w) = (y.shape[2], y.shape[3]);
                var weight = (i == 0 ? ones_like(ramp) : ramp)[..(int)h].unsqueeze(1) * (j == 0 ? ones_like(ramp) : ramp)[..(int)w];
                result ??= zeros([x.shape[0], y.shape[1], Scaled(x.shape[2]), Scaled(x.shape[3])], dtype: y.dtype, device: y.device);
                var place = result.narrow(2, Scaled(i), h).narrow(3, Scaled(j), w);
                place.copy_(lerp(place, y, weight));
            }
        }
        return result!.MoveToOuterDisposeScope();
    }

    /// <summary>Rows (axis 2) or columns (axis 3) 0, 1, … of <paramref name="tile"/> mixed with the last ones of the tile before it.</summary>
    private static Tensor Fade(Tensor before, Tensor tile, int axis, int width)
    {
        width = (int)Math.Min(width, Math.Min(before.shape[axis], tile.shape[axis]));
        var weight = arange(width, dtype: tile.dtype, device: tile.device) / width;
        if (axis == 2) weight = weight.unsqueeze(1);
        var mixed = lerp(before.narrow(axis, before.shape[axis] - width, width), tile.narrow(axis, 0, width), weight);
        return cat([mixed, tile.narrow(axis, width, tile.shape[axis] - width)], axis);
    }

    private static int Step(int tile, double overlap)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(tile, 1);
        var step = tile - (int)(tile * overlap);
        return overlap >= 0 && step > 0 ? step : throw new ArgumentOutOfRangeException(nameof(overlap), overlap, "The overlap is a share of the tile, in [0, 1).");
    }
}

using Imago.Layers;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Imago.Models.Blocks;

/// <summary>
/// Pictures as tokens (Dosovitskiy et al. 2021): one for each square patch, row by row, plus what tells its place. Fields are the keys of diffusers' <c>PatchEmbed</c>.
/// </summary>
internal sealed class PatchEmbedding : nn.Module<Tensor, Tensor>
{
    private readonly int _width, _patch, _base;
    private readonly int? _maxSize;
    private readonly Tensor? pos_embed;
    private readonly Conv2d proj;
    private Places? _latest;

    /// <summary>A patch embedding.</summary>
    /// <param name="channels">Channels of the pictures.</param>
    /// <param name="width">Features of a token, D; a multiple of 4.</param>
    /// <param name="patch">Side of a patch in pixels.</param>
    /// <param name="baseSize">Side, in patches, of the pictures that the network was made for.</param>
    /// <param name="maxSize">
    /// null: the places of every size span the coordinates of the base size, so that the table is interpolated. Else there is a table [1, max·max, D] among the weights,
    /// whose middle is cut out.
    /// </param>
    internal PatchEmbedding(int channels, int width, int patch, int baseSize, int? maxSize = null)
        : base(nameof(PatchEmbedding))
    {
        (_width, _patch, _base, _maxSize) = (width, patch, baseSize, maxSize);
        pos_embed = maxSize is { } max ? Stored(width, max, baseSize) : null;
        proj = new Conv2d(channels, width, patch, stride: patch);
        RegisterComponents();
    }

    /// <summary>[B, C, H, W] → [B, (H/patch)·(W/patch), D]; rows and columns that fill no patch are left out.</summary>
    public override Tensor forward(Tensor x) => WrappedTensorDisposeScope(() =>
    {
        var grid = Grid(x);
        var places = pos_embed is null ? Interpolated(grid) : Cropped(pos_embed, grid);
        return FeatureMap.ToTokens(proj.call(x)) + places.to(x.dtype, x.device);
    });

    /// <summary>First weights as of a linear layer over the numbers of a patch.</summary>
    internal void Xavier()
    {
        using var _ = no_grad();
        FirstWeights.FillXavier(proj.weight);
        proj.bias!.zero_();
    }

    /// <summary>Patches in rows and columns.</summary>
    internal (long Height, long Width) Grid(Tensor x) => (x.shape[2] / _patch, x.shape[3] / _patch);

    /// <summary>Tokens that hold the pixels of their patches, channel fastest, as pictures: [B, h·w, patch·patch·C] → [B, C, h·patch, w·patch].</summary>
    internal Tensor Unpatched(Tensor tokens, (long Height, long Width) grid) => tokens
        .view(tokens.shape[0], grid.Height, grid.Width, _patch, _patch, -1)
        .permute(0, 5, 1, 3, 2, 4)
        .reshape(tokens.shape[0], -1, grid.Height * _patch, grid.Width * _patch);

    private static Tensor Stored(int width, int max, int baseSize) => Initialization.IsDrawing
        ? WrappedTensorDisposeScope(() => Positions.Table(width, (max, max), baseSize).unsqueeze(0))
        : empty([1, (long)max * max, width], dtype: float32, device: Initialization.DeviceOr(null));

    /// <summary>The table is kept from one call to the next.</summary>
    private Tensor Interpolated((long, long) grid)
    {
        if (_latest is not { } latest || latest.Grid != grid) _latest = latest = new Places(grid, Positions.Table(_width, grid, _base).DetachFromDisposeScope());
        return latest.Table;
    }

    private sealed record Places((long, long) Grid, Tensor Table);

    private Tensor Cropped(Tensor table, (long Height, long Width) grid)
    {
        var max = _maxSize!.Value;
        if (grid.Height > max || grid.Width > max)
            throw new ArgumentException($"A picture of {grid.Height}×{grid.Width} patches; the network has places for at most {max}×{max} (pos_embed_max_size).");
        return table.view(max, max, _width).narrow(0, (max - grid.Height) / 2, grid.Height).narrow(1, (max - grid.Width) / 2, grid.Width).flatten(0, 1);
    }
}

/// <summary>Places in a grid as waves: half of the features for the column, half for the row (Dosovitskiy et al. 2021; Peebles and Xie 2023).</summary>
internal static class Positions
{
    /// <summary>The table of a grid whose sides span the coordinates 0 … base.</summary>
    /// <param name="width">Features of a place, D; a multiple of 4.</param>
    /// <param name="grid">Rows and columns.</param>
    /// <param name="baseSize">Where coordinates end.</param>
    /// <returns>float32 [rows·columns, D].</returns>
    internal static Tensor Table(int width, (long Height, long Width) grid, int baseSize) => WrappedTensorDisposeScope(() =>
    {
        var columns = Waves(width / 2, grid.Width, baseSize).unsqueeze(0).expand(grid.Height, grid.Width, width / 2);
        var rows = Waves(width / 2, grid.Height, baseSize).unsqueeze(1).expand(grid.Height, grid.Width, width / 2);
        return cat([columns, rows], -1).flatten(0, 1);
    });

    /// <summary>[sin(x fᵢ), cos(x fᵢ)] with fᵢ = 10000^(−2i/D) in float64, at x = 0 … base in equal steps; float32 [count, D].</summary>
    private static Tensor Waves(int width, long count, int baseSize)
    {
        var x = arange(count, dtype: float64) / ((double)count / baseSize);
        var frequencies = pow(10000.0, arange(width / 2, dtype: float64) / (-width / 2.0));
        var angle = x.unsqueeze(1) * frequencies;
        return cat([angle.sin(), angle.cos()], 1).to(float32);
    }
}

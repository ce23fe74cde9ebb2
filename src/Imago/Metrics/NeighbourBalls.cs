using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Metrics;

/// <summary>
/// The balls around the features of a set that reach to their k-th nearest neighbours of the same set, and who lies in them. Distances come from matrix products in float64;
/// where rounding could decide, they are taken again from differences, so that two equal distances compare as equal.
/// </summary>
internal sealed class NeighbourBalls : IDisposable
{
    private const int Spare = 4;
    private const double Rounding = 1e-12;
    private const long PairsAtOnce = 1 << 22, NumbersAtOnce = 1 << 22;
    private readonly Tensor _centres, _squaredNorms, _squaredRadii;

    /// <param name="centres">[N, D], float64, N above <paramref name="k"/>.</param>
    /// <param name="k">Which neighbour, not counting the feature itself.</param>
    /// <param name="cancellationToken">Ends the work after the block at hand.</param>
    internal NeighbourBalls(Tensor centres, int k, CancellationToken cancellationToken = default)
    {
        using var scope = NewDisposeScope();
        _centres = centres.alias().DetachFromDisposeScope();
        _squaredNorms = centres.square().sum(1).DetachFromDisposeScope();
        var blocks = new List<Tensor>();
        foreach (var (start, end) in Blocks(Count, Count))
        {
            cancellationToken.ThrowIfCancellationRequested();
            using var step = NewDisposeScope();
            blocks.Add(SquaredRadii(start, end, k).MoveToOuterDisposeScope());
        }
        _squaredRadii = cat(blocks).DetachFromDisposeScope();
    }

    /// <summary>N.</summary>
    internal long Count => _centres.shape[0];

    /// <summary>Radius of each ball, [N]; the caller owns it.</summary>
    internal Tensor Radii => _squaredRadii.sqrt();

    /// <summary>Who lies where, a block of points at a time.</summary>
    /// <param name="points">[M, D], float64.</param>
    /// <param name="strictly">Whether a point on the surface lies outside.</param>
    /// <param name="block">Gets, block by block, whether each ball (rows) holds each point of the block (columns).</param>
    /// <param name="cancellationToken">Ends the work after the block at hand.</param>
    internal void Hold(Tensor points, bool strictly, Action<Tensor> block, CancellationToken cancellationToken = default)
    {
        foreach (var (start, end) in Blocks(points.shape[0], Count))
        {
            cancellationToken.ThrowIfCancellationRequested();
            using var step = NewDisposeScope();
            block(Hold(points[(int)start..(int)end], strictly));
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _centres.Dispose();
        _squaredNorms.Dispose();
        _squaredRadii.Dispose();
    }

    private static IEnumerable<(long Start, long End)> Blocks(long rows, long columns)
    {
        var size = Math.Max(1, PairsAtOnce / columns);
        for (long start = 0; start < rows; start += size) yield return (start, Math.Min(rows, start + size));
    }

    /// <summary>The few nearest by matrix products, the k-th of them by differences.</summary>
    private Tensor SquaredRadii(long start, long end, int k)
    {
        var centres = _centres[(int)start..(int)end];
        var squared = Squared(centres, centres.square().sum(1));
        var (_, nearest) = squared.topk((int)Math.Min(Count, k + 1 + Spare), 0, largest: false);
        var rows = arange(end - start).expand_as(nearest);
        var exact = Exactly(centres, rows.flatten(), nearest.flatten()).view_as(nearest);
        return exact.sort(0).Values[k];                                 // the nearest is the feature itself
    }

    private Tensor Hold(Tensor points, bool strictly)
    {
        var norms = points.square().sum(1);
        var (squared, radii) = (Squared(points, norms), _squaredRadii.unsqueeze(1));
        var inside = squared < radii;
        var unsure = ((squared - radii).abs() <= Rounding * (_squaredNorms.unsqueeze(1) + norms)).nonzero();
        if (unsure.shape[0] == 0) return inside;
        var (ball, point) = (unsure[.., 0], unsure[.., 1]);
        var (distances, limits) = (Exactly(points, point, ball), _squaredRadii.index_select(0, ball));
        inside.index_put_(strictly ? distances < limits : distances <= limits, ball, point);
        return inside;
    }

    /// <summary>|c|² + |x|² − 2c·x, [N, M].</summary>
    private Tensor Squared(Tensor points, Tensor norms) => _squaredNorms.unsqueeze(1) + norms - 2 * _centres.matmul(points.t());

    /// <summary>|x − c|² for pairs of a point and a centre, [P].</summary>
    private Tensor Exactly(Tensor points, Tensor point, Tensor centre)
    {
        var atOnce = Math.Max(1, NumbersAtOnce / _centres.shape[1]);
        return cat([.. point.split(atOnce).Zip(centre.split(atOnce), (p, c) =>
            WrappedTensorDisposeScope(() => (points.index_select(0, p) - _centres.index_select(0, c)).square().sum(1)))]);
    }
}

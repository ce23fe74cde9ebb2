using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Exploration;

/// <summary>How far two latents are apart.</summary>
public enum LatentDistance
{
    /// <summary>|a − b|.</summary>
    Euclidean,

    /// <summary>1 − a·b / (|a| |b|).</summary>
    Cosine,
}

/// <summary>Brute-force nearest neighbours, in float64 and in bounded memory.</summary>
public static class NearestNeighbours
{
    private const int ChunkElements = 1 << 24;

    /// <summary>The <paramref name="count"/> points nearest to each query, nearest first.</summary>
    /// <param name="points">[N, D].</param>
    /// <param name="queries">[Q, D].</param>
    /// <param name="count">At most N.</param>
    /// <param name="distance">How far is far.</param>
    /// <returns>Indices [Q, count] (int64) and distances [Q, count] (float64).</returns>
    public static (Tensor Indices, Tensor Distances) Find(Tensor points, Tensor queries, int count, LatentDistance distance = LatentDistance.Euclidean) =>
        Find(points, queries, count, distance, leavesOutSelf: false);

    /// <summary>The neighbours of every point among the others.</summary>
    /// <inheritdoc cref="Find(Tensor, Tensor, int, LatentDistance)"/>
    public static (Tensor Indices, Tensor Distances) WithinSet(Tensor points, int count, LatentDistance distance = LatentDistance.Euclidean) =>
        Find(points, points, count, distance, leavesOutSelf: true);

    /// <summary>Whether most of a query's neighbours are labelled true; a tie is false.</summary>
    /// <param name="indices">[Q, count], from <see cref="Find(Tensor, Tensor, int, LatentDistance)"/>.</param>
    /// <param name="labels">One for each point.</param>
    public static bool[] Vote(Tensor indices, IReadOnlyList<bool> labels)
    {
        var count = (int)indices.shape[1];
        return [.. indices.data<long>().ToArray().Chunk(count).Select(row => 2 * row.Count(index => labels[(int)index]) > count)];
    }

    private static (Tensor Indices, Tensor Distances) Find(Tensor points, Tensor queries, int count, LatentDistance distance, bool leavesOutSelf)
    {
        var available = points.shape[0] - (leavesOutSelf ? 1 : 0);
        if (count < 1 || count > available) throw new ArgumentOutOfRangeException(nameof(count), count, $"There are {available} points to choose from.");
        using var scope = NewDisposeScope();
        var (x, y) = (Prepared(points, distance), Prepared(queries, distance));
        var rows = (int)Math.Max(1, ChunkElements / (x.shape[0] * x.shape[1]));
        List<Tensor> indices = [], distances = [];
        for (int start = 0; start < y.shape[0]; start += rows)
        {
            using var chunk = NewDisposeScope();
            var some = y[start..(int)Math.Min(start + rows, y.shape[0])];
            var d = (some.unsqueeze(1) - x.unsqueeze(0)).square().sum(2);           // differences, not |a|² + |b|² − 2ab, which cancels
            d = distance == LatentDistance.Cosine ? d / 2 : d.sqrt();               // |â − b̂|² = 2 (1 − cos)
            if (leavesOutSelf)
            {
                var self = arange(some.shape[0]);
                d[self, self + start] = double.PositiveInfinity;
            }
            var (values, order) = d.sort(dim: 1, stable: true);
            indices.Add(order[.., ..count].clone().MoveToOuterDisposeScope());
            distances.Add(values[.., ..count].clone().MoveToOuterDisposeScope());
        }
        return (cat(indices).MoveToOuterDisposeScope(), cat(distances).MoveToOuterDisposeScope());
    }

    private static Tensor Prepared(Tensor points, LatentDistance distance)
    {
        var x = points.detach().to(float64, CPU);
        return distance == LatentDistance.Cosine ? x / x.square().sum(1, keepdim: true).sqrt() : x;
    }
}

using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Metrics.Disentanglement;

/// <summary>Entropy and mutual information of counted values, in nats.</summary>
public static class DiscreteInformation
{
    /// <summary>Edges of bins of equal width between the smallest and the largest value, as NumPy's <c>histogram</c> draws them; around a constant ± ½.</summary>
    /// <param name="values">The values.</param>
    /// <param name="bins">How many bins.</param>
    public static double[] Edges(IReadOnlyList<double> values, int bins = 20)
    {
        ArgumentNullException.ThrowIfNull(values);
        ArgumentOutOfRangeException.ThrowIfLessThan(bins, 1);
        var (low, high) = (values.Min(), values.Max());
        if (low == high) (low, high) = (low - 0.5, high + 0.5);
        var step = (high - low) / bins;
        return [.. Enumerable.Range(0, bins + 1).Select(i => i == bins ? high : i * step + low)];
    }

    /// <summary>The bin of each value, from 1 on: how many of the edges but the last are not above it.</summary>
    /// <inheritdoc cref="Edges"/>
    public static long[] Bins(IReadOnlyList<double> values, int bins = 20)
    {
        var edges = Edges(values, bins)[..^1];
        return [.. values.Select(value => (long)edges.Count(edge => edge <= value))];
    }

    /// <summary>H = −Σ p log p of the shares of the values.</summary>
    public static double Entropy(IReadOnlyList<long> values)
    {
        ArgumentNullException.ThrowIfNull(values);
        return values.CountBy(value => value).Sum(entry => -Share(entry.Value, values.Count) * Math.Log(Share(entry.Value, values.Count)));
    }

    /// <summary>I = Σ p(a, b) log p(a, b)/(p(a) p(b)).</summary>
    /// <exception cref="ArgumentException">There are not as many of one as of the other.</exception>
    public static double Between(IReadOnlyList<long> a, IReadOnlyList<long> b)
    {
        ArgumentNullException.ThrowIfNull(a);
        ArgumentNullException.ThrowIfNull(b);
        if (a.Count != b.Count) throw new ArgumentException($"{a.Count} values cannot be paired with {b.Count}.", nameof(b));
        var (countA, countB, n) = (a.CountBy(value => value).ToDictionary(), b.CountBy(value => value).ToDictionary(), (double)a.Count);
        return a.Zip(b).CountBy(pair => pair).Sum(entry => entry.Value / n * Math.Log(entry.Value * n / ((double)countA[entry.Key.First] * countB[entry.Key.Second])));
    }

    /// <summary>Mutual information of every binned code with every factor, [D, K].</summary>
    /// <param name="codes">[N, D].</param>
    /// <param name="factors">Whole numbers, [N, K].</param>
    /// <param name="bins">Bins of a code.</param>
    public static double[,] Matrix(Tensor codes, Tensor factors, int bins = 20) => Matrix([.. Columns.Of(codes).Select(code => Bins(code, bins))], Columns.OfWhole(factors));

    internal static double[,] Matrix(long[][] first, long[][] second)
    {
        var matrix = new double[first.Length, second.Length];
        for (var i = 0; i < first.Length; i++)
        {
            for (var j = 0; j < second.Length; j++) matrix[i, j] = Between(first[i], second[j]);
        }
        return matrix;
    }

    private static double Share(int count, int all) => (double)count / all;
}

/// <summary>The columns of tables of codes and factors.</summary>
internal static class Columns
{
    internal static double[][] Of(Tensor table)
    {
        FeatureMatrix.Check(table, fewest: 1, nameof(table));
        using var scope = NewDisposeScope();
        return [.. table.to(float64).unbind(1).Select(column => column.contiguous().data<double>().ToArray())];
    }

    internal static long[][] OfWhole(Tensor table)
    {
        using var scope = NewDisposeScope();
        return [.. table.to(int64).unbind(1).Select(column => column.contiguous().data<long>().ToArray())];
    }

    internal static double[] Column(this double[,] matrix, int column) => [.. Enumerable.Range(0, matrix.GetLength(0)).Select(row => matrix[row, column])];

    internal static double[] Row(this double[,] matrix, int row) => [.. Enumerable.Range(0, matrix.GetLength(1)).Select(column => matrix[row, column])];

    /// <summary>The largest of some numbers less the second largest.</summary>
    internal static double Gap(this IEnumerable<double> values) => values.OrderDescending().ToList() is [var first, var second, ..] ? first - second : throw new ArgumentException("A gap needs two codes at least.", nameof(values));
}

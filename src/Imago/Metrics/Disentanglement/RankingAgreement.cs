using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Metrics.Disentanglement;

/// <summary>How codes of two models are related.</summary>
public enum CodeSimilarity
{
    /// <summary>|coefficients| of a lasso from the codes of one to each code of the other.</summary>
    Lasso,

    /// <summary>|rank correlation|.</summary>
    Spearman,
}

/// <summary>Unsupervised disentanglement ranking (Duan et al. 2020): models that disentangle agree with each other up to order and sign of their codes.</summary>
public static class RankingAgreement
{
    private const double InformativeKl = 0.01;

    /// <summary>The agreement of every model with every other, [M][M], 0 on the diagonal.</summary>
    /// <param name="codes">Of each model the codes of the same pictures, [N, D].</param>
    /// <param name="kl">Of each model the mean KL of each code from the prior, nats, [D].</param>
    /// <param name="similarity">How codes are related.</param>
    /// <param name="filtered">Whether codes of a KL of at most 0.01 are left out; otherwise they are only set to 0.</param>
    public static double[][] Pairwise(IReadOnlyList<Tensor> codes, IReadOnlyList<IReadOnlyList<double>> kl, CodeSimilarity similarity, bool filtered)
    {
        ArgumentNullException.ThrowIfNull(codes);
        ArgumentNullException.ThrowIfNull(kl);
        bool[][] informative = [.. kl.Select(model => model.Select(value => value > InformativeKl).ToArray())];
        double[][][] masked = [.. codes.Select((model, m) => Columns.Of(model).Select((code, i) => Standardised(code, informative[m][i])).ToArray())];
        return [.. Enumerable.Range(0, codes.Count).Select(i => Enumerable.Range(0, codes.Count).Select(j => i == j ? 0 : Score(Similarities(masked[i], masked[j], similarity), filtered ? informative[i] : null, filtered ? informative[j] : null)).ToArray())];
    }

    /// <summary>The score of each model: the median of the others' agreement with it.</summary>
    /// <param name="pairwise">[M][M].</param>
    public static double[] ModelScores(double[][] pairwise)
    {
        ArgumentNullException.ThrowIfNull(pairwise);
        return [.. Enumerable.Range(0, pairwise.Length).Select(j => Median([.. Enumerable.Range(0, pairwise.Length).Where(i => i != j).Select(i => pairwise[i][j])]))];
    }

    /// <summary>How each code of one model is related to each of the other, [D, D].</summary>
    internal static double[,] Similarities(double[][] first, double[][] second, CodeSimilarity similarity)
    {
        var matrix = new double[first.Length, second.Length];
        var (ranks1, ranks2) = similarity == CodeSimilarity.Spearman ? (first.Select(Ranks).ToArray(), second.Select(Ranks).ToArray()) : ([], []);
        for (var j = 0; j < second.Length; j++)
        {
            var weights = similarity == CodeSimilarity.Lasso ? Lasso.Fit(first, second[j]) : [.. ranks1.Select(ranks => Correlation(ranks, ranks2[j]))];
            for (var i = 0; i < first.Length; i++) matrix[i, j] = Math.Abs(weights[i]);
        }
        return matrix;
    }

    /// <summary>A code of mean 0 and deviation 1, or zeros where it says nothing.</summary>
    internal static double[] Standardised(double[] code, bool isInformative)
    {
        var (mean, deviation) = Estimate.Of(code);
        return [.. code.Select(value => isInformative ? (value - mean) / deviation : 0)];
    }

    /// <summary>Mean of max²/sum over columns and over rows, averaged; a ratio that is no number counts 0.</summary>
    private static double Score(double[,] matrix, bool[]? rowsKept, bool[]? columnsKept)
    {
        int[] rows = [.. Enumerable.Range(0, matrix.GetLength(0)).Where(i => rowsKept?[i] ?? true)];
        int[] columns = [.. Enumerable.Range(0, matrix.GetLength(1)).Where(j => columnsKept?[j] ?? true)];
        double Strength(IEnumerable<double> values)
        {
            double[] all = [.. values];
            var ratio = all.Any(double.IsNaN) ? double.NaN : all.Max() * all.Max() / all.Sum();
            return double.IsNaN(ratio) ? 0 : ratio;
        }
        if (rows.Length == 0 || columns.Length == 0) return 0;
        return (columns.Average(j => Strength(rows.Select(i => matrix[i, j]))) + rows.Average(i => Strength(columns.Select(j => matrix[i, j])))) / 2;
    }

    /// <summary>Ranks from 1 on, equal values sharing their mean.</summary>
    private static double[] Ranks(double[] values)
    {
        var (order, ranks) = (Enumerable.Range(0, values.Length).OrderBy(i => values[i]).ToArray(), new double[values.Length]);
        for (int start = 0, end; start < order.Length; start = end)
        {
            for (end = start + 1; end < order.Length && values[order[end]] == values[order[start]];) end++;
            for (var i = start; i < end; i++) ranks[order[i]] = (start + 1 + end) / 2.0;
        }
        return ranks;
    }

    private static double Correlation(double[] a, double[] b)
    {
        var (meanA, meanB) = (a.Average(), b.Average());
        double Sum(Func<double, double, double> term) => a.Zip(b, (x, y) => term(x - meanA, y - meanB)).Sum();
        return Sum((x, y) => x * y) / Math.Sqrt(Sum((x, _) => x * x) * Sum((_, y) => y * y));
    }

    private static double Median(double[] values)
    {
        Array.Sort(values);
        return (values[(values.Length - 1) / 2] + values[values.Length / 2]) / 2;
    }
}

/// <summary>Least squares with a penalty on the coefficients' absolute values.</summary>
internal static class Lasso
{
    private const double Tolerance = 1e-10;
    private const int MostRounds = 10_000;

    /// <summary>argmin |y − b − Xw|²/2N + α|w|₁, by coordinates (Friedman et al. 2010, Eq. 5).</summary>
    /// <param name="columns">X, [D][N].</param>
    /// <param name="target">y, [N].</param>
    /// <param name="alpha">α.</param>
    internal static double[] Fit(double[][] columns, double[] target, double alpha = 0.1)
    {
        var n = target.Length;
        double[][] x = [.. columns.Select(Centred)];
        var (residual, weights) = (Centred(target), new double[x.Length]);
        double[] squares = [.. x.Select(column => column.Sum(value => value * value) / n)];
        for (int round = 0; round < MostRounds; round++)
        {
            var largest = 0.0;
            for (var i = 0; i < x.Length; i++)
            {
                if (squares[i] == 0) continue;
                var rho = x[i].Zip(residual, (value, error) => value * error).Sum() / n + squares[i] * weights[i];
                var next = Math.Sign(rho) * Math.Max(0, Math.Abs(rho) - alpha) / squares[i];
                var change = next - weights[i];
                for (var row = 0; row < n && change != 0; row++) residual[row] -= change * x[i][row];
                (weights[i], largest) = (next, Math.Max(largest, Math.Abs(change)));
            }
            if (largest < Tolerance) break;
        }
        return weights;
    }

    private static double[] Centred(double[] values)
    {
        var mean = values.Average();
        return [.. values.Select(value => value - mean)];
    }
}

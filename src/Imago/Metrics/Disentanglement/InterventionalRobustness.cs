using static TorchSharp.torch;

namespace Imago.Metrics.Disentanglement;

/// <summary>Interventional robustness (Suter et al. 2019): how little a code moves when everything but its own factor changes.</summary>
/// <param name="Score">Mean over codes of their best factor's robustness, weighted by how far the codes deviate.</param>
/// <param name="Matrix">1 − deviation of code i while factor k is held, relative to its largest one, [codes that vary, K].</param>
/// <param name="Codes">Which codes vary.</param>
/// <param name="Parents">The factor of each.</param>
/// <param name="MaximalDeviations">The largest |z − mean z| of each.</param>
public sealed record InterventionalRobustness(double Score, double[,] Matrix, IReadOnlyList<int> Codes, IReadOnlyList<int> Parents, IReadOnlyList<double> MaximalDeviations)
{
    /// <summary>Scores a representation.</summary>
    /// <param name="codes">[N, D].</param>
    /// <param name="factors">Whole numbers, [N, K].</param>
    /// <param name="quantile">Which quantile of |z − group mean| stands for a group of equal factor: 0.99 in the study, 1 in the paper.</param>
    /// <exception cref="ArgumentException">No code varies.</exception>
    public static InterventionalRobustness Of(Tensor codes, Tensor factors, double quantile = 0.99)
    {
        var (all, values) = (Columns.Of(codes), Columns.OfWhole(factors));
        int[] varying = [.. Enumerable.Range(0, all.Length).Where(code => all[code].Any(value => value != all[code][0]))];
        if (varying.Length == 0) throw new ArgumentException("No code varies.", nameof(codes));
        double[] deviations = [.. varying.Select(code => all[code].Max(value => Math.Abs(value - all[code].Average())))];
        var matrix = new double[varying.Length, values.Length];
        for (var i = 0; i < varying.Length; i++)
        {
            for (var k = 0; k < values.Length; k++) matrix[i, k] = 1 - WithinGroups(all[varying[i]], values[k], quantile) / deviations[i];
        }
        double[][] rows = [.. Enumerable.Range(0, varying.Length).Select(matrix.Row)];
        var score = rows.Zip(deviations, (row, weight) => row.Max() * weight).Sum() / deviations.Sum();
        return new InterventionalRobustness(score, matrix, varying, [.. rows.Select(row => Array.IndexOf(row, row.Max()))], deviations);
    }

    /// <summary>The quantile of |z − group mean| in each group of one value, averaged over the groups.</summary>
    private static double WithinGroups(double[] code, long[] factor, double quantile) => code.Zip(factor).GroupBy(pair => pair.Second).Average(group =>
    {
        var mean = group.Average(pair => pair.First);
        return Quantile([.. group.Select(pair => Math.Abs(pair.First - mean)).Order()], quantile);
    });

    /// <summary>NumPy's, linear between order statistics.</summary>
    private static double Quantile(double[] sorted, double quantile)
    {
        var position = quantile * (sorted.Length - 1);
        var below = (int)Math.Floor(position);
        return sorted[below] + (position - below) * (sorted[Math.Min(below + 1, sorted.Length - 1)] - sorted[below]);
    }
}

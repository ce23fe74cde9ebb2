using static TorchSharp.torch;

namespace Imago.Metrics.Disentanglement;

/// <summary>
/// Whether each code of a representation tells of one factor and each factor is told by one code. Definitions are those of the study of Locatello et al. 2019
/// (disentanglement_lib): codes are posterior means.
/// </summary>
public static class DisentanglementScores
{
    private const double Little = 1e-11;

    /// <summary>Mutual information gap, the mean over factors of (I₁ − I₂)/H of the two most informative codes (Chen et al. 2018, Eq. 6), codes in bins of equal width.</summary>
    /// <param name="codes">[N, D].</param>
    /// <param name="factors">Whole numbers, [N, K].</param>
    /// <param name="bins">Bins of a code.</param>
    public static double MutualInformationGap(Tensor codes, Tensor factors, int bins = 20)
    {
        var (information, values) = (DiscreteInformation.Matrix(codes, factors, bins), Columns.OfWhole(factors));
        return values.Select((factor, k) => information.Column(k).Gap() / DiscreteInformation.Entropy(factor)).Average();
    }

    /// <summary>Modularity (Ridgeway and Mozer 2018, section 3.1): the mean over codes of 1 − (ΣI² − max I²)/(max I² (K − 1)), 0 for a code that tells nothing.</summary>
    /// <param name="information">Mutual information of codes and factors, [D, K].</param>
    public static double Modularity(double[,] information)
    {
        ArgumentNullException.ThrowIfNull(information);
        var factors = information.GetLength(1);
        return Enumerable.Range(0, information.GetLength(0)).Select(information.Row).Average(row =>
        {
            var (squares, most) = (row.Sum(value => value * value), row.Max() * row.Max());
            return most == 0 ? 0 : 1 - (squares - most) / (most * (factors - 1));
        });
    }

    /// <summary>Disentanglement D = Σ ρᵢ(1 − H_K(Rᵢ)), ρᵢ the share of code i in all importance, and completeness, the same over factors (Eastwood and Williams 2018, section 2).</summary>
    /// <param name="importance">How much code i matters for factor k, [D, K].</param>
    public static (double Disentanglement, double Completeness) OfImportance(double[,] importance)
    {
        ArgumentNullException.ThrowIfNull(importance);
        double[][] rows = [.. Enumerable.Range(0, importance.GetLength(0)).Select(importance.Row)];
        if (rows.Sum(row => row.Sum()) == 0) rows = [.. rows.Select(row => row.Select(_ => 1.0).ToArray())];
        double[][] columns = [.. Enumerable.Range(0, importance.GetLength(1)).Select(k => rows.Select(row => row[k]).ToArray())];
        return (Concentration(rows), Concentration(columns));
    }

    /// <summary>Squared correlation of every code with every factor, 0 for a code that does not vary, [D, K] (Kumar et al. 2018, section 3).</summary>
    /// <inheritdoc cref="MutualInformationGap" path="/param"/>
    public static double[,] SquaredCorrelations(Tensor codes, Tensor factors)
    {
        const double Still = 1e-12;
        var (z, v) = (Columns.Of(codes), Columns.Of(factors));
        var matrix = new double[z.Length, v.Length];
        for (var i = 0; i < z.Length; i++)
        {
            for (var k = 0; k < v.Length; k++)
            {
                var variance = Covariance(z[i], z[i]);
                matrix[i, k] = variance > Still ? Math.Pow(Covariance(z[i], v[k]), 2) / (variance * Covariance(v[k], v[k])) : 0;
            }
        }
        return matrix;
    }

    /// <summary>Separated attribute predictability of a matrix of scores: the mean over factors of the best code's score less that of the second (Kumar et al. 2018, section 3).</summary>
    /// <param name="scores">How well code i alone predicts factor k, [D, K].</param>
    public static double SeparatedPredictability(double[,] scores)
    {
        ArgumentNullException.ThrowIfNull(scores);
        return Enumerable.Range(0, scores.GetLength(1)).Average(k => scores.Column(k).Gap());
    }

    private static double Concentration(double[][] rows)
    {
        var all = rows.Sum(row => row.Sum());
        return rows.Sum(row => row.Sum() / all * (1 - Entropy([.. row.Select(value => value + Little)]) / Math.Log(row.Length)));
    }

    private static double Entropy(double[] weights)
    {
        var sum = weights.Sum();
        return weights.Sum(weight => -weight / sum * Math.Log(weight / sum));
    }

    private static double Covariance(double[] a, double[] b)
    {
        var (meanA, meanB) = (a.Average(), b.Average());
        return a.Zip(b, (x, y) => (x - meanA) * (y - meanB)).Sum() / (a.Length - 1);
    }
}

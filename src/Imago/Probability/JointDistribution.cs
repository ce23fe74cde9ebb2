using static Imago.Probability.Information;

namespace Imago.Probability;

/// <summary>A distribution of two finite variables: rows are x, columns y, entries p(x, y).</summary>
public sealed class JointDistribution
{
    private readonly double[,] _table;

    /// <summary>From p(x, y).</summary>
    /// <param name="table">Rows x, columns y.</param>
    public JointDistribution(double[,] table) => _table = (double[,])table.Clone();

    /// <summary>p(x, y) = p(x) p(y|x).</summary>
    /// <param name="x">p(x).</param>
    /// <param name="yGivenX">p(y|x), a row for each x.</param>
    public static JointDistribution Of(IReadOnlyList<double> x, double[,] yGivenX) => new(Map(yGivenX, (i, _, p) => x[i] * p));

    /// <summary>p(x, y) from how often each pair was counted.</summary>
    public static JointDistribution OfCounts(double[,] counts)
    {
        var total = counts.Cast<double>().Sum();
        return new JointDistribution(Map(counts, (_, _, n) => n / total));
    }

    private int Rows => _table.GetLength(0);

    private int Columns => _table.GetLength(1);

    /// <summary>p(x) = Σ_y p(x, y).</summary>
    public double[] X => [.. Enumerable.Range(0, Rows).Select(i => Sum(Columns, j => _table[i, j]))];

    /// <summary>p(y) = Σ_x p(x, y).</summary>
    public double[] Y => [.. Enumerable.Range(0, Columns).Select(j => Sum(Rows, i => _table[i, j]))];

    /// <summary>p(x|y) = p(x, y)/p(y): a distribution in every column.</summary>
    public double[,] XGivenY
    {
        get
        {
            var y = Y;
            return Map(_table, (_, j, p) => p / y[j]);
        }
    }

    /// <summary>p(y|x) = p(x, y)/p(x): a distribution in every row.</summary>
    public double[,] YGivenX
    {
        get
        {
            var x = X;
            return Map(_table, (i, _, p) => p / x[i]);
        }
    }

    /// <summary>H(X, Y).</summary>
    public double Entropy => Information.Entropy([.. _table.Cast<double>()]);

    /// <summary>H(X|Y) = H(X, Y) − H(Y).</summary>
    public double EntropyOfXGivenY => Entropy - Information.Entropy(Y);

    /// <summary>H(Y|X) = H(X, Y) − H(X).</summary>
    public double EntropyOfYGivenX => Entropy - Information.Entropy(X);

    /// <summary>I(X; Y) = KL(p(x, y) ‖ p(x) p(y)) = H(X) − H(X|Y).</summary>
    public double MutualInformation
    {
        get
        {
            var (x, y) = (X, Y);
            return KullbackLeibler([.. _table.Cast<double>()], [.. x.SelectMany(px => y.Select(py => px * py))]);
        }
    }

    /// <summary>E[f(x, y)].</summary>
    public double Expectation(double[,] f) => Information.Expectation([.. _table.Cast<double>()], [.. f.Cast<double>()]);

    /// <summary>Var[f(x, y)] = E[Var(f|y)] + Var(E[f|y]).</summary>
    public double Variance(double[,] f) => Information.Variance([.. _table.Cast<double>()], [.. f.Cast<double>()]);

    /// <summary>E[f(x, y)|y], one number for each y. Its expectation is E[f]: the law of total expectation.</summary>
    public double[] ConditionalExpectation(double[,] f)
    {
        var given = XGivenY;
        return [.. Enumerable.Range(0, Columns).Select(j => Sum(Rows, i => given[i, j] * f[i, j]))];
    }

    /// <summary>Var(f(x, y)|y), one number for each y.</summary>
    public double[] ConditionalVariance(double[,] f)
    {
        var (given, means) = (XGivenY, ConditionalExpectation(f));
        return [.. Enumerable.Range(0, Columns).Select(j => Sum(Rows, i => given[i, j] * (f[i, j] - means[j]) * (f[i, j] - means[j])))];
    }

    /// <summary>The distribution of (x, z) when z depends on y alone: I(X; Z) ≤ I(X; Y), the data-processing inequality.</summary>
    /// <param name="zGivenY">p(z|y), a row for each y.</param>
    public JointDistribution Through(double[,] zGivenY)
    {
        var result = new double[Rows, zGivenY.GetLength(1)];
        return new JointDistribution(Map(result, (i, k, _) => Sum(Columns, j => _table[i, j] * zGivenY[j, k])));
    }

    private static double[,] Map(double[,] table, Func<int, int, double, double> f)
    {
        var result = new double[table.GetLength(0), table.GetLength(1)];
        for (var i = 0; i < result.GetLength(0); i++)
        {
            for (var j = 0; j < result.GetLength(1); j++) result[i, j] = f(i, j, table[i, j]);
        }
        return result;
    }
}

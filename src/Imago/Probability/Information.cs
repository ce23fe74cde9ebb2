namespace Imago.Probability;

/// <summary>
/// Identities of finite probability distributions, in float64 and nats: what the objective of a variational autoencoder is derived from
/// (docs/vae-objective.md). A distribution is a list of probabilities that sum to 1; 0·log 0 = 0, and a divergence is infinite where q = 0 &lt; p.
/// </summary>
public static class Information
{
    /// <summary>E_p[f] = Σ p(x) f(x).</summary>
    public static double Expectation(IReadOnlyList<double> p, IReadOnlyList<double> f)
    {
        SameLength(p, f);
        return Sum(p.Count, i => p[i] == 0 ? 0 : p[i] * f[i]);
    }

    /// <summary>Var_p[f] = E[f²] − E[f]², computed as E[(f − E f)²].</summary>
    public static double Variance(IReadOnlyList<double> p, IReadOnlyList<double> f)
    {
        var mean = Expectation(p, f);
        return Sum(p.Count, i => p[i] * (f[i] - mean) * (f[i] - mean));
    }

    /// <summary>(1/n) Σ f(xᵢ), xᵢ ~ p: the sample average that estimates <see cref="Expectation"/>, with an error of √(Var/n).</summary>
    /// <param name="p">The distribution.</param>
    /// <param name="f">Value of each outcome.</param>
    /// <param name="samples">n.</param>
    /// <param name="random">Where the samples come from.</param>
    public static double SampleAverage(IReadOnlyList<double> p, IReadOnlyList<double> f, int samples, Random random)
    {
        SameLength(p, f);
        ArgumentOutOfRangeException.ThrowIfLessThan(samples, 1);
        return Sum(samples, _ => f[Draw(p, random.NextDouble())]) / samples;
    }

    /// <summary>E_p[f] from the point of view of q: Σ q(x) [p(x)/q(x)] f(x).</summary>
    public static double ImportanceExpectation(IReadOnlyList<double> p, IReadOnlyList<double> q, IReadOnlyList<double> f) =>
        Expectation(q, [.. ImportanceWeights(p, q).Select((w, i) => w * f[i])]);

    /// <summary>p(x)/q(x).</summary>
    public static double[] ImportanceWeights(IReadOnlyList<double> p, IReadOnlyList<double> q)
    {
        SameLength(p, q);
        return [.. p.Select((value, i) => value / q[i])];
    }

    /// <summary>H(p) = −Σ p log p.</summary>
    public static double Entropy(IReadOnlyList<double> p) => Sum(p.Count, i => -XLogY(p[i], p[i]));

    /// <summary>H(p, q) = −Σ p log q.</summary>
    public static double CrossEntropy(IReadOnlyList<double> p, IReadOnlyList<double> q)
    {
        SameLength(p, q);
        return Sum(p.Count, i => -XLogY(p[i], q[i]));
    }

    /// <summary>KL(p ‖ q) = Σ p log(p/q) = H(p, q) − H(p), never negative, 0 for p = q alone.</summary>
    public static double KullbackLeibler(IReadOnlyList<double> p, IReadOnlyList<double> q)
    {
        SameLength(p, q);
        return Sum(p.Count, i => p[i] == 0 ? 0 : q[i] == 0 ? double.PositiveInfinity : p[i] * Math.Log(p[i] / q[i]));
    }

    /// <summary>KL(p ‖ q) + KL(q ‖ p).</summary>
    public static double Jeffreys(IReadOnlyList<double> p, IReadOnlyList<double> q) => KullbackLeibler(p, q) + KullbackLeibler(q, p);

    /// <summary>½KL(p ‖ m) + ½KL(q ‖ m), m = ½(p + q): symmetric, at most log 2; its square root is a metric.</summary>
    public static double JensenShannon(IReadOnlyList<double> p, IReadOnlyList<double> q)
    {
        SameLength(p, q);
        double[] m = [.. p.Select((value, i) => 0.5 * (value + q[i]))];
        return 0.5 * KullbackLeibler(p, m) + 0.5 * KullbackLeibler(q, m);
    }

    /// <summary>½Σ|p − q|, in [0, 1].</summary>
    public static double TotalVariation(IReadOnlyList<double> p, IReadOnlyList<double> q)
    {
        SameLength(p, q);
        return 0.5 * Sum(p.Count, i => Math.Abs(p[i] - q[i]));
    }

    /// <summary>Σ√(p q), the overlap of p and q.</summary>
    public static double BhattacharyyaCoefficient(IReadOnlyList<double> p, IReadOnlyList<double> q)
    {
        SameLength(p, q);
        return Sum(p.Count, i => Math.Sqrt(p[i] * q[i]));
    }

    /// <summary>√(1 − Σ√(p q)), in [0, 1].</summary>
    public static double Hellinger(IReadOnlyList<double> p, IReadOnlyList<double> q) => Math.Sqrt(Math.Max(0, 1 - BhattacharyyaCoefficient(p, q)));

    /// <summary>Σ(p − q)²/q.</summary>
    public static double ChiSquare(IReadOnlyList<double> p, IReadOnlyList<double> q)
    {
        SameLength(p, q);
        return Sum(p.Count, i => p[i] == q[i] ? 0 : (p[i] - q[i]) * (p[i] - q[i]) / q[i]);
    }

    /// <summary>The divergence of order α, log Σ p^α q^(1 − α)/(α − 1), with its limits at 0, 1 and ∞ (Rényi 1961; van Erven and Harremoës 2014).</summary>
    public static double RenyiDivergence(IReadOnlyList<double> p, IReadOnlyList<double> q, double order)
    {
        SameLength(p, q);
        var support = Enumerable.Range(0, p.Count).Where(i => p[i] > 0).ToList();
        return order switch
        {
            0 => -Math.Log(support.Sum(i => q[i])),
            1 => KullbackLeibler(p, q),
            double.PositiveInfinity => Math.Log(support.Max(i => p[i] / q[i])),
            _ => Math.Log(support.Sum(i => q[i] == 0 && order < 1 ? 0 : Math.Pow(p[i], order) * Math.Pow(q[i], 1 - order))) / (order - 1),
        };
    }

    /// <summary>The entropy of order α, log Σ p^α/(1 − α), with its limits at 0 (log of the support), 1 (Shannon) and ∞ (−log of the largest).</summary>
    public static double RenyiEntropy(IReadOnlyList<double> p, double order) => order switch
    {
        1 => Entropy(p),
        double.PositiveInfinity => -Math.Log(p.Max()),
        _ => Math.Log(p.Where(value => value > 0).Sum(value => Math.Pow(value, order))) / (1 - order),
    };

    /// <summary>log Σ exp(l), which does not overflow.</summary>
    public static double LogSumExp(IReadOnlyList<double> logits)
    {
        var largest = logits.Max();
        return double.IsInfinity(largest) ? largest : largest + Math.Log(Sum(logits.Count, i => Math.Exp(logits[i] - largest)));
    }

    /// <summary>log of the probabilities proportional to exp(l).</summary>
    public static double[] LogSoftmax(IReadOnlyList<double> logits)
    {
        var total = LogSumExp(logits);
        return [.. logits.Select(l => l - total)];
    }

    /// <summary>KL(p ‖ q) from log-probabilities, exact where the probabilities themselves are 0 in floating point.</summary>
    public static double KullbackLeiblerOfLogs(IReadOnlyList<double> logP, IReadOnlyList<double> logQ)
    {
        SameLength(logP, logQ);
        return Sum(logP.Count, i => double.IsNegativeInfinity(logP[i]) ? 0 : Math.Exp(logP[i]) * (logP[i] - logQ[i]));
    }

    internal static double XLogY(double x, double y) => x == 0 ? 0 : x * Math.Log(y);

    /// <summary>Σ f(i), i = 0 … n − 1, with Neumaier's compensation.</summary>
    internal static double Sum(int n, Func<int, double> f)
    {
        double sum = 0, lost = 0;
        for (var i = 0; i < n; i++)
        {
            var term = f(i);
            var next = sum + term;
            if (double.IsFinite(next)) lost += Math.Abs(sum) >= Math.Abs(term) ? sum - next + term : term - next + sum;
            sum = next;
        }
        return sum + lost;
    }

    private static int Draw(IReadOnlyList<double> p, double u)
    {
        for (var i = 0; i < p.Count - 1; i++)
        {
            u -= p[i];
            if (u < 0) return i;
        }
        return p.Count - 1;
    }

    private static void SameLength(IReadOnlyList<double> a, IReadOnlyList<double> b)
    {
        if (a.Count != b.Count) throw new ArgumentException($"The lists have {a.Count} and {b.Count} entries; one is needed for each outcome.");
    }
}

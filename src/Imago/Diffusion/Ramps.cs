namespace Imago.Diffusion;

/// <summary>Sequences of numbers between two ends: what spacings of noise levels are made of. Each runs from <c>from</c> to <c>to</c>, both included.</summary>
public static class Ramps
{
    /// <summary>Evenly.</summary>
    /// <param name="from">The first number.</param>
    /// <param name="to">The last.</param>
    /// <param name="count">How many; one alone is <paramref name="from"/>.</param>
    public static double[] Linear(double from, double to, int count)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        if (count == 1) return [from];
        var step = (to - from) / (count - 1);
        return [.. Enumerable.Range(0, count - 1).Select(i => from + i * step), to];
    }

    /// <summary>(a^(1/ρ) + i/(n−1) (b^(1/ρ) − a^(1/ρ)))^ρ (Karras et al. 2022, Eq. 5): the larger ρ, the more steps at little noise.</summary>
    /// <param name="from">a.</param>
    /// <param name="to">b.</param>
    /// <param name="count">n.</param>
    /// <param name="rho">ρ.</param>
    public static double[] Karras(double from, double to, int count, double rho = 7)
    {
        var (a, b) = (Math.Pow(from, 1 / rho), Math.Pow(to, 1 / rho));
        return [.. Unit(count).Select(u => Math.Pow(a + u * (b - a), rho))];
    }

    /// <summary>Evenly in the logarithm.</summary>
    /// <param name="from">The first number, positive.</param>
    /// <param name="to">The last, positive.</param>
    /// <param name="count">How many.</param>
    public static double[] Exponential(double from, double to, int count) => [.. Linear(Math.Log(from), Math.Log(to), count).Select(Math.Exp)];

    /// <summary>ln x = (1 − u)^ρ (ln a − ln b) + ln b (k-diffusion): ρ = 1 is <see cref="Exponential"/>.</summary>
    /// <param name="from">a, positive.</param>
    /// <param name="to">b, positive.</param>
    /// <param name="count">How many.</param>
    /// <param name="rho">ρ.</param>
    public static double[] Polyexponential(double from, double to, int count, double rho = 1) =>
        [.. Unit(count).Select(u => Math.Exp(Math.Pow(1 - u, rho) * (Math.Log(from) - Math.Log(to)) + Math.Log(to)))];

    /// <summary>b + Q(1 − u) (a − b) with Q the quantile function of Beta(0.6, 0.6): dense at both ends (Lee et al. 2024).</summary>
    /// <param name="from">a.</param>
    /// <param name="to">b.</param>
    /// <param name="count">How many.</param>
    /// <param name="alpha">The distribution's first parameter.</param>
    /// <param name="beta">Its second.</param>
    public static double[] Beta(double from, double to, int count, double alpha = 0.6, double beta = 0.6) =>
        [.. Unit(count).Select(u => to + BetaDistribution.Quantile(1 - u, alpha, beta) * (from - to))];

    /// <summary>tan((1 − u) arctan a + u arctan b): the levels between which the KL divergence of a Gaussian is least of unit variance (Sabour et al. 2024).</summary>
    /// <param name="from">a.</param>
    /// <param name="to">b.</param>
    /// <param name="count">How many.</param>
    public static double[] Arctangent(double from, double to, int count) =>
        [.. Unit(count).Select(u => Math.Tan((1 - u) * Math.Atan(from) + u * Math.Atan(to)))];

    /// <summary>Any number of points on a curve that is given at a few: evenly spaced in the curve's index, linear in the logarithm between its points.</summary>
    /// <param name="points">The curve, positive numbers; at least two.</param>
    /// <param name="count">How many are wanted.</param>
    public static double[] AlongLogarithm(IReadOnlyList<double> points, int count)
    {
        var logs = points.Select(point => Math.Log(point)).ToArray();
        return [.. Linear(0, points.Count - 1, count).Select(at => Math.Exp(Interpolation.At(logs, at)))];
    }

    /// <summary>u = i/(n − 1), i = 0 … n − 1; one alone is 0.</summary>
    private static double[] Unit(int count) => Linear(0, 1, count);
}

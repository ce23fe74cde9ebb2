namespace Imago.Diffusion;

/// <summary>The Beta distribution's distribution function and its inverse.</summary>
internal static class BetaDistribution
{
    /// <summary>The x with <see cref="Cumulative"/>(x) = p, to the last few bits.</summary>
    internal static double Quantile(double p, double a, double b)
    {
        if (p <= 0) return 0;
        if (p >= 1) return 1;
        if (p > 0.5) return 1 - Quantile(1 - p, b, a);
        var (low, high) = (0.0, 1.0);
        var scale = Math.Exp(LogGamma(a) + LogGamma(b) - LogGamma(a + b));
        var x = Math.Min(0.5, Math.Pow(p * a * scale, 1 / a));                      // the leading term of the distribution function near 0
        for (int i = 0; i < 200; i++)
        {
            var error = Cumulative(x, a, b) - p;
            if (error > 0) high = x;
            else low = x;
            var density = Math.Pow(x, a - 1) * Math.Pow(1 - x, b - 1) / scale;
            var next = x - error / density;                                         // Newton, or halving where it leaves the bracket
            if (!(next > low && next < high)) next = (low + high) / 2;
            if (Math.Abs(next - x) <= 1e-16 * x) return next;
            x = next;
        }
        return x;
    }

    /// <summary>The regularised incomplete beta function I_x(a, b).</summary>
    internal static double Cumulative(double x, double a, double b)
    {
        if (x <= 0) return 0;
        if (x >= 1) return 1;
        return x <= (a + 1) / (a + b + 2)
            ? Front(x, a, b) * Fraction(x, a, b) / a
            : 1 - Front(1 - x, b, a) * Fraction(1 - x, b, a) / b;
    }

    private static double Front(double x, double a, double b) =>
        Math.Exp(LogGamma(a + b) - LogGamma(a) - LogGamma(b) + a * Math.Log(x) + b * Math.Log(1 - x));

    /// <summary>The continued fraction of I_x (DLMF 8.17.22) by the modified method of Lentz.</summary>
    private static double Fraction(double x, double a, double b)
    {
        const double tiny = 1e-300;
        double NotZero(double value) => Math.Abs(value) < tiny ? tiny : value;
        var (c, d) = (1.0, 1 / NotZero(1 - (a + b) * x / (a + 1)));
        var fraction = d;
        for (int m = 1; m < 500; m++)
        {
            var before = fraction;
            foreach (var term in new[] { m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)), -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)) })
            {
                d = 1 / NotZero(1 + term * d);
                c = NotZero(1 + term / c);
                fraction *= c * d;
            }
            if (Math.Abs(fraction - before) <= 1e-16 * Math.Abs(fraction)) break;
        }
        return fraction;
    }

    /// <summary>ln Γ(x), x &gt; 0, by Stirling's series above 15 and the recurrence below.</summary>
    private static double LogGamma(double x)
    {
        var shift = 0.0;
        for (; x < 15; x++) shift += Math.Log(x);
        var inverse = 1 / (x * x);
        var series = (1.0 / 12 - inverse * (1.0 / 360 - inverse * (1.0 / 1260 - inverse * (1.0 / 1680 - inverse / 1188)))) / x;
        return (x - 0.5) * Math.Log(x) - x + 0.5 * Math.Log(2 * Math.PI) + series - shift;
    }
}

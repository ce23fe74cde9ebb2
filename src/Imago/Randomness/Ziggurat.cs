using System.Globalization;

namespace Imago.Randomness;

/// <summary>
/// The strips of equal area under a falling density that Marsaglia and Tsang (2000) draw from, 256 of them: strip 0 is the base with the tail, strip 1 the topmost.
/// Edges are computed to 25 digits, so that their doubles are the nearest ones.
/// </summary>
internal sealed class Ziggurat
{
    private const int Count = 256;
    private readonly decimal[] _edges = new decimal[Count], _densities = new decimal[Count];
    private readonly decimal _base;

    /// <summary>The strips of a density.</summary>
    /// <param name="tail">Where the tail begins, r.</param>
    /// <param name="area">Of each strip: r f(r) and the tail's.</param>
    /// <param name="density">f, with f(0) = 1.</param>
    /// <param name="inverse">Where the density has a value.</param>
    private Ziggurat(decimal tail, decimal area, Func<decimal, decimal> density, Func<decimal, decimal> inverse)
    {
        (Tail, InverseTail) = (ToDouble(tail), ToDouble(1 / tail));
        (_edges[^1], _densities[^1], _densities[0]) = (tail, density(tail), 1);
        for (int i = Count - 2; i > 0; i--)
        {
            _edges[i] = inverse(area / _edges[i + 1] + _densities[i + 1]);
            _densities[i] = density(_edges[i]);
        }
        _base = area / _densities[^1];
    }

    /// <summary>Under exp(−x²/2).</summary>
    internal static Ziggurat Normal { get; } = OfNormal(3.6541528853610087963519472518m);

    /// <summary>Under exp(−x).</summary>
    internal static Ziggurat Exponential { get; } = OfExponential(7.6971174701310497140446280481m);

    /// <summary>Where the tail begins.</summary>
    internal double Tail { get; }

    /// <summary>1 over it.</summary>
    internal double InverseTail { get; }

    /// <summary>What an integer of so many bits is multiplied by to lie in a strip.</summary>
    internal double[] Widths(int bits) => Each(i => ToDouble(i == 0 ? _base : _edges[i]) / (1L << bits));

    /// <summary>Below these integers a point lies under the density for certain.</summary>
    internal ulong[] Cores(int bits) => Each(i => i == 1 ? 0 : (ulong)((i == 0 ? _edges[^1] / _base : _edges[i - 1] / _edges[i]) * (1L << bits)));

    /// <summary>The density at each edge.</summary>
    internal double[] Densities() => Each(i => ToDouble(_densities[i]));

    private static Ziggurat OfNormal(decimal r)
    {
        static decimal Density(decimal x) => Exp(-x * x / 2);
        var fraction = r;                                                           // the tail is f(r)/(r + 1/(r + 2/(r + 3/…)))
        for (int i = 400; i > 0; i--) fraction = r + i / fraction;
        return new Ziggurat(r, Density(r) * (r + 1 / fraction), Density, y => Root(-2 * Log(y)));
    }

    private static Ziggurat OfExponential(decimal r) => new(r, Exp(-r) * (r + 1), x => Exp(-x), y => -Log(y));

    private static T[] Each<T>(Func<int, T> value) => [.. Enumerable.Range(0, Count).Select(value)];

    /// <summary>The nearest double; a cast may miss it.</summary>
    private static double ToDouble(decimal x) => double.Parse(x.ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);

    /// <summary>exp(x) for x ≤ 0, as 1/exp(−x) of a series with positive terms.</summary>
    private static decimal Exp(decimal x)
    {
        var (sum, term) = (1m, 1m);
        for (int i = 1; term > 1e-28m; i++) sum += term *= -x / i;
        return 1 / sum;
    }

    /// <summary>log(y) for 0 &lt; y ≤ 1 by Newton's method, from the logarithm in double precision.</summary>
    private static decimal Log(decimal y)
    {
        var x = (decimal)Math.Log((double)y);
        for (int i = 0; i < 2; i++) x += y / Exp(x) - 1;
        return x;
    }

    private static decimal Root(decimal x)
    {
        var root = (decimal)Math.Sqrt((double)x);
        for (int i = 0; i < 2; i++) root = (root + x / root) / 2;
        return root;
    }
}

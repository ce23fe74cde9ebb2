using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Exploration;

/// <summary>A way from one latent to another: the point at <c>t</c>, where t = 0 is <c>a</c> and t = 1 is <c>b</c>. Other t extrapolate.</summary>
/// <param name="a">The start, of any shape; taken as one vector.</param>
/// <param name="b">The end, of the same shape.</param>
/// <param name="t">How far, 0 to 1.</param>
public delegate Tensor Interpolation(Tensor a, Tensor b, double t);

/// <summary>Ways between two latents. A result has the shape and type of the end points.</summary>
public static class Interpolations
{
    /// <summary>Every way by its name on the command line.</summary>
    public static IReadOnlyDictionary<string, Interpolation> All { get; } = new Dictionary<string, Interpolation>
    {
        ["straight"] = Straight,
        ["spherical"] = (a, b, t) => Spherical(a, b, t),
        ["spherical-linear-norm"] = SphericalWithLinearNorm,
        ["gaussian"] = Gaussian,
    };

    /// <summary>(1 − t) a + t b. Half-way points lie nearer to the origin than samples of a Gaussian do.</summary>
    /// <inheritdoc cref="Interpolation" path="/param"/>
    public static Tensor Straight(Tensor a, Tensor b, double t) => WrappedTensorDisposeScope(() => (1 - t) * a + t * b);

    /// <summary>
    /// Along the great circle: [sin((1 − t) ω) a + sin(t ω) b] / sin ω with ω the angle between a and b (Shoemake 1985; White 2016, section 3.1).
    /// The weights stand on the vectors themselves, so lengths are kept where |a| = |b|. Parallel vectors are joined by a straight line.
    /// </summary>
    /// <inheritdoc cref="Interpolation" path="/param"/>
    /// <param name="a">The start.</param>
    /// <param name="b">The end.</param>
    /// <param name="t">How far.</param>
    /// <param name="straightAbove">Above this cosine the straight line is taken (some libraries use 0.9995).</param>
    /// <exception cref="ArgumentException">a and b are opposite, so that no great circle is shorter than another.</exception>
    public static Tensor Spherical(Tensor a, Tensor b, double t, double straightAbove = 1) => WrappedTensorDisposeScope(() =>
    {
        var omega = Angle(a, b);
        var isStraight = Math.Sin(omega) < 1e-12 || Math.Cos(omega) > straightAbove;
        return isStraight ? (1 - t) * a + t * b : (Math.Sin((1 - t) * omega) * a + Math.Sin(t * omega) * b) / Math.Sin(omega);
    });

    /// <summary>The direction along the great circle, the length linear in t: for a and b of different lengths.</summary>
    /// <inheritdoc cref="Interpolation" path="/param"/>
    /// <exception cref="ArgumentException">a and b are opposite.</exception>
    public static Tensor SphericalWithLinearNorm(Tensor a, Tensor b, double t) => WrappedTensorDisposeScope(() =>
    {
        var (na, nb) = (Norm(a), Norm(b));
        if (na == 0 || nb == 0) return (1 - t) * a + t * b;
        return ((1 - t) * na + t * nb) * Spherical(a / na, b / nb, t);
    });

    /// <summary>Linear in the normal cumulative distribution of every coordinate: Φ⁻¹((1 − t) Φ(a) + t Φ(b)), so that for independent a, b ~ N(0, I) no point is unlikely.</summary>
    /// <inheritdoc cref="Interpolation" path="/param"/>
    public static Tensor Gaussian(Tensor a, Tensor b, double t) => WrappedTensorDisposeScope(() =>
    {
        var p = (1 - t) * Cdf(a) + t * Cdf(b);
        return Quantile(p).to(a.dtype);
    });

    /// <summary>Points at t = 0, 1/(steps − 1), …, 1: [steps, …].</summary>
    /// <param name="way">How to go.</param>
    /// <param name="a">The start.</param>
    /// <param name="b">The end.</param>
    /// <param name="steps">Number of points, at least 2.</param>
    public static Tensor Path(Interpolation way, Tensor a, Tensor b, int steps)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(steps, 2);
        return WrappedTensorDisposeScope(() => stack(Enumerable.Range(0, steps).Select(i => way(a, b, i / (steps - 1.0)))));
    }

    /// <summary>All points between four corners: row i, column j is at i/(rows − 1) from the left edge's points to …: [rows, columns, …]; down from <paramref name="topLeft"/> to <paramref name="bottomLeft"/>.</summary>
    /// <param name="way">How to go, along the edges and between them.</param>
    /// <param name="topLeft">Corner at [0, 0].</param>
    /// <param name="topRight">Corner at [0, columns − 1].</param>
    /// <param name="bottomLeft">Corner at [rows − 1, 0].</param>
    /// <param name="bottomRight">Corner at [rows − 1, columns − 1].</param>
    /// <param name="rows">At least 2.</param>
    /// <param name="columns">At least 2.</param>
    public static Tensor Grid(Interpolation way, Tensor topLeft, Tensor topRight, Tensor bottomLeft, Tensor bottomRight, int rows, int columns) =>
        WrappedTensorDisposeScope(() =>
        {
            var (top, bottom) = (Path(way, topLeft, topRight, columns), Path(way, bottomLeft, bottomRight, columns));
            return stack(Enumerable.Range(0, columns).Select(j => Path(way, top[j], bottom[j], rows)), dim: 1);
        });

    /// <summary>The angle between two vectors in [0, π), exact for small angles too: 2 atan2(|â − b̂|, |â + b̂|) (Kahan).</summary>
    /// <exception cref="ArgumentException">They are opposite.</exception>
    internal static double Angle(Tensor a, Tensor b)
    {
        using var scope = NewDisposeScope();
        var (u, v) = (a.to(float64), b.to(float64));
        var (nu, nv) = (Norm(u), Norm(v));
        if (nu == 0 || nv == 0) return 0;
        var omega = 2 * Math.Atan2(Norm(u / nu - v / nv), Norm(u / nu + v / nv));
        if (Math.PI - omega < 1e-6) throw new ArgumentException("The two latents are opposite, so there is no shortest arc between them; interpolate straight instead.");
        return omega;
    }

    /// <summary>Φ, elementwise in float64.</summary>
    internal static Tensor Cdf(Tensor x) => 0.5 * (1 + (x.to(float64) / Math.Sqrt(2)).erf());

    /// <summary>Φ⁻¹, elementwise in float64.</summary>
    internal static Tensor Quantile(Tensor p) => Math.Sqrt(2) * (2 * p.to(float64) - 1).erfinv();

    private static double Norm(Tensor x) => WrappedTensorDisposeScope(() => x.to(float64).square().sum().sqrt()).item<double>();
}

namespace Imago.Diffusion;

/// <summary>Polynomials through given points.</summary>
internal static class Lagrange
{
    /// <summary>The coefficients of ℓ_j(x) = Π_{k≠j} (x − x_k)/(x_j − x_k), of x⁰ first.</summary>
    public static double[] Basis(ReadOnlySpan<double> nodes, int j)
    {
        var coefficients = new double[nodes.Length];
        coefficients[0] = 1;
        for (int k = 0, degree = 0; k < nodes.Length; k++)
        {
            if (k == j) continue;
            degree++;
            for (int n = degree; n >= 0; n--) coefficients[n] = ((n > 0 ? coefficients[n - 1] : 0) - nodes[k] * coefficients[n]) / (nodes[j] - nodes[k]);
        }
        return coefficients;
    }

    /// <summary>∫ₐᵇ ℓ_j(x) dx, with the origin at a: the nodes of a schedule lie close together compared with their size.</summary>
    public static double Integral(ReadOnlySpan<double> nodes, int j, double a, double b)
    {
        var shifted = new double[nodes.Length];
        for (int k = 0; k < shifted.Length; k++) shifted[k] = nodes[k] - a;
        var (sum, power) = (0.0, 1.0);
        foreach (var (n, coefficient) in Basis(shifted, j).Index()) sum += coefficient * (power *= b - a) / (n + 1);
        return sum;
    }
}

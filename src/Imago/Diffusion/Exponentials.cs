namespace Imago.Diffusion;

/// <summary>The functions of exponential integrators, accurate near 0 (Hochbruck and Ostermann 2010, eq. 2.10): φ₁(z) = (eᶻ − 1)/z, φₖ₊₁(z) = (φₖ(z) − 1/k!)/z.</summary>
internal static class Exponentials
{
    /// <summary>eᶻ − 1 without loss for small z (Kahan's formula).</summary>
    public static double Expm1(double z)
    {
        if (Math.Abs(z) > 0.5) return Math.Exp(z) - 1;
        var u = Math.Exp(z);
        return u == 1 ? z : (u - 1) * z / Math.Log(u);
    }

    /// <summary>φₖ(z), k ≥ 0; φ₀ = eᶻ. By recurrence where that is accurate, by its series Σ zⁿ/(n + k)! near 0.</summary>
    public static double Phi(int k, double z)
    {
        if (k == 0) return Math.Exp(z);
        if (double.IsNegativeInfinity(z)) return 0;
        if (Math.Abs(z) > 1) return k == 1 ? Expm1(z) / z : (Phi(k - 1, z) - 1 / Factorial(k - 1)) / z;
        var (sum, term) = (0.0, 1 / Factorial(k));
        for (int n = 0; n < 20; n++, term *= z / (n + k)) sum += term;
        return sum;
    }

    private static double Factorial(int n) => n <= 1 ? 1 : n * Factorial(n - 1);
}

using Imago.Diffusion;

namespace Imago.Tests;

public class ExponentialsTests
{
    [Theory]
    [InlineData(-30.0)]
    [InlineData(-1.5)]
    [InlineData(-0.999)]
    [InlineData(0.3)]
    [InlineData(1.001)]
    [InlineData(4.0)]
    public void Phi_ObeysItsRecurrence(double z)
    {
        var factorial = 1.0;
        for (int k = 0; k < 4; k++, factorial *= k) Assert.Equal(1 / factorial, Exponentials.Phi(k, z) - z * Exponentials.Phi(k + 1, z), 1e-12 * Math.Max(1, Exponentials.Phi(k, z)));
    }

    [Theory]
    [InlineData(1e-9)]
    [InlineData(-1e-9)]
    public void Phi_NearZero_IsItsFirstTerms(double z)
    {
        Assert.Equal(0.5 + z / 6, Exponentials.Phi(2, z), 1e-15);
        Assert.Equal(1.0 / 6 + z / 24, Exponentials.Phi(3, z), 1e-15);
        Assert.Equal(z + z * z / 2, Exponentials.Expm1(z), 1e-24);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(5)]
    public void Lagrange_IntegratesPolynomialsOfItsDegreeExactly(int points)
    {
        double[] nodes = [.. Enumerable.Range(0, points).Select(k => 2 - 0.3 * k - 0.02 * k * k)];
        double Polynomial(double x) => Enumerable.Range(0, points).Sum(n => (n + 1) * Math.Pow(x, n));
        double Primitive(double x) => Enumerable.Range(0, points).Sum(n => Math.Pow(x, n + 1));
        var integral = Enumerable.Range(0, points).Sum(j => Lagrange.Integral(nodes, j, 2, 2.4) * Polynomial(nodes[j]));
        Assert.Equal(Primitive(2.4) - Primitive(2), integral, 1e-10);
    }
}

namespace Imago.Randomness;

/// <summary>Logarithms that the runtime does not have.</summary>
internal static class Logarithms
{
    /// <summary>log(1 + x) without loss for small x (Higham 2002, section 1.14.1).</summary>
    internal static double OnePlus(double x)
    {
        var y = 1 + x;
        return y == 1 ? x : Math.Log(y) * x / (y - 1);
    }
}

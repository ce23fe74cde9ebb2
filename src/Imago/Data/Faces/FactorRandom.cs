namespace Imago.Data.Faces;

/// <summary>
/// Random numbers by position instead of by turn: draw k of item i under a seed is a hash of (seed, i, k), the same on every platform,
/// in every order and from any thread.
/// </summary>
internal readonly struct FactorRandom(ulong seed, long index)
{
    /// <summary>Draw <paramref name="k"/>, uniform in [0, 1) on the multiples of 2⁻⁵³.</summary>
    internal double Uniform(int k) => (SplitMix64.Of((long)seed, index, k).Next() >> 11) * (1.0 / (1UL << 53));

    /// <summary>Draw <paramref name="k"/>, one of 0 … <paramref name="count"/> - 1, equally likely.</summary>
    internal int Integer(int k, int count) => (int)(Uniform(k) * count);
}

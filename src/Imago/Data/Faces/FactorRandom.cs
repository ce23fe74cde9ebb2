namespace Imago.Data.Faces;

/// <summary>
/// Random numbers by position instead of by turn: draw k of item i under a seed is a hash of (seed, i, k), the same on every platform,
/// in every order and from any thread. Each of the three is folded in by one step of SplitMix64 (Steele, Lea &amp; Flood 2014).
/// </summary>
internal readonly struct FactorRandom(ulong seed, long index)
{
    private readonly ulong _state = Mix(Mix(seed) ^ unchecked((ulong)index));

    /// <summary>Draw <paramref name="k"/>, uniform in [0, 1) on the multiples of 2⁻⁵³.</summary>
    internal double Uniform(int k) => (Bits(k) >> 11) * (1.0 / (1UL << 53));

    /// <summary>Draw <paramref name="k"/>, one of 0 … <paramref name="count"/> - 1, equally likely.</summary>
    internal int Integer(int k, int count) => (int)(Uniform(k) * count);

    private ulong Bits(int k) => Mix(_state ^ unchecked((ulong)k * 0xD1342543DE82EF95UL));

    private static ulong Mix(ulong z)
    {
        unchecked
        {
            z += 0x9E3779B97F4A7C15UL;
            z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9UL;
            z = (z ^ (z >> 27)) * 0x94D049BB133111EBUL;
            return z ^ (z >> 31);
        }
    }
}

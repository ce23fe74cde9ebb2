namespace Imago.Data;

/// <summary>A small counter-based generator (Steele, Lea and Flood 2014): equal on every platform, and free of shared state.</summary>
internal struct SplitMix64(ulong state)
{
    private ulong _state = state;

    /// <summary>The stream that belongs to a list of keys, such as (seed, epoch, index).</summary>
    internal static SplitMix64 Of(params ReadOnlySpan<long> keys)
    {
        var state = 0UL;
        foreach (var key in keys) state = new SplitMix64(state ^ (ulong)key).Next();
        return new SplitMix64(state);
    }

    internal ulong Next() => Mix(_state += 0x9E3779B97F4A7C15);

    /// <summary>The hash of a counter.</summary>
    internal static ulong Mix(ulong z)
    {
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }

    /// <summary>Uniform in [0, <paramref name="bound"/>), up to a bias below bound/2⁶⁴.</summary>
    internal int Below(int bound) => (int)Math.BigMul(Next(), (ulong)bound, out _);

    /// <summary>A permutation of 0 … n − 1 (Fisher and Yates).</summary>
    internal int[] Permutation(int n)
    {
        var order = Enumerable.Range(0, n).ToArray();
        for (var i = n - 1; i > 0; i--)
        {
            var j = Below(i + 1);
            (order[i], order[j]) = (order[j], order[i]);
        }
        return order;
    }
}

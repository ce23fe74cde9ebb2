namespace Imago.Randomness;

/// <summary>NumPy's <c>SeedSequence</c>: spreads a seed of any length, and a path of spawned children, over as many words as are asked (O'Neill 2015's seed_seq_fe).</summary>
public sealed class SeedSequence
{
    private readonly uint[] _pool;

    /// <summary>The sequence of a seed.</summary>
    /// <param name="entropy">The seed.</param>
    /// <param name="spawnKey">The path from the seed's own sequence to this child.</param>
    /// <param name="poolSize">Words of state, at least 4.</param>
    public SeedSequence(UInt128 entropy, ReadOnlySpan<ulong> spawnKey = default, int poolSize = 4)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(poolSize, 4);
        var words = Words(entropy);
        if (spawnKey.Length > 0) words.AddRange(Enumerable.Repeat(0u, Math.Max(0, poolSize - words.Count)));
        foreach (var key in spawnKey) words.AddRange(Words(key));
        _pool = Mixed(words, poolSize);
    }

    /// <summary>The first 32-bit words of the sequence.</summary>
    public uint[] GenerateState(int count)
    {
        var constant = 0x8b51f9ddu;
        var state = new uint[count];
        for (int i = 0; i < count; i++)
        {
            var word = unchecked((_pool[i % _pool.Length] ^ constant) * (constant *= 0x58f38ded));
            state[i] = word ^ word >> 16;
        }
        return state;
    }

    /// <summary>The first 64-bit words of the sequence: pairs of 32-bit ones, the low half first.</summary>
    public ulong[] GenerateState64(int count)
    {
        var halves = GenerateState(2 * count);
        return [.. Enumerable.Range(0, count).Select(i => halves[2 * i] | (ulong)halves[2 * i + 1] << 32)];
    }

    private static uint[] Mixed(List<uint> entropy, int size)
    {
        var (pool, constant) = (new uint[size], 0x43b0d7e5u);
        uint Hash(uint value)
        {
            value = unchecked((value ^ constant) * (constant *= 0x931e8875));
            return value ^ value >> 16;
        }
        static uint Mix(uint x, uint y)
        {
            var result = unchecked(0xca01f9dd * x - 0x4973f715 * y);
            return result ^ result >> 16;
        }
        for (int i = 0; i < size; i++) pool[i] = Hash(i < entropy.Count ? entropy[i] : 0);
        for (int from = 0; from < size; from++)
        {
            for (int to = 0; to < size; to++)
            {
                if (from != to) pool[to] = Mix(pool[to], Hash(pool[from]));
            }
        }
        for (int from = size; from < entropy.Count; from++)
        {
            for (int to = 0; to < size; to++) pool[to] = Mix(pool[to], Hash(entropy[from]));
        }
        return pool;
    }

    /// <summary>A number as 32-bit words, the lowest first; at least one.</summary>
    private static List<uint> Words(UInt128 number)
    {
        var words = new List<uint> { (uint)number };
        for (number >>= 32; number > 0; number >>= 32) words.Add((uint)number);
        return words;
    }
}

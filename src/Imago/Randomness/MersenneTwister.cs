namespace Imago.Randomness;

/// <summary>The words of MT19937 (Matsumoto and Nishimura 1998), which PyTorch's CPU generator, NumPy's legacy one and Python's share.</summary>
public sealed class MersenneTwister
{
    internal const int N = 624;
    private const int M = 397;
    private readonly uint[] _words;
    private int _next = N;

    /// <summary><c>init_genrand</c>: Knuth's recurrence from one word.</summary>
    public MersenneTwister(uint seed) => _words = Initial(seed);

    /// <summary><c>init_by_array</c>: from a seed of any length.</summary>
    /// <param name="key">At least one word.</param>
    public MersenneTwister(ReadOnlySpan<uint> key)
    {
        if (key.IsEmpty) throw new ArgumentException("The key of a Mersenne Twister has at least one word.", nameof(key));
        _words = Initial(19650218);
        var i = 1;
        void Advance()
        {
            if (++i < N) return;
            _words[0] = _words[N - 1];
            i = 1;
        }
        uint Spread(uint factor) => unchecked(_words[i] ^ ((_words[i - 1] ^ _words[i - 1] >> 30) * factor));
        for (int k = 0; k < Math.Max(N, key.Length); k++, Advance()) _words[i] = unchecked(Spread(1664525) + key[k % key.Length] + (uint)(k % key.Length));
        for (int k = 1; k < N; k++, Advance()) _words[i] = unchecked(Spread(1566083941) - (uint)i);
        _words[0] = 0x80000000;
    }

    /// <summary>The state's words, before tempering.</summary>
    public IReadOnlyList<uint> Words => _words;

    /// <summary>The next word, tempered.</summary>
    public uint NextUInt32()
    {
        if (_next == N)
        {
            Twist(_words);
            _next = 0;
        }
        return Temper(_words[_next++]);
    }

    /// <summary>A number in [0, 1) with 53 random bits, of two words.</summary>
    public double NextDouble()
    {
        var (a, b) = (NextUInt32() >> 5, NextUInt32() >> 6);
        return (a * 67108864.0 + b) / 9007199254740992.0;
    }

    internal static uint[] Initial(uint seed)
    {
        var words = new uint[N];
        words[0] = seed;
        for (int i = 1; i < N; i++) words[i] = unchecked(1812433253u * (words[i - 1] ^ (words[i - 1] >> 30)) + (uint)i);
        return words;
    }

    internal static void Twist(uint[] words)
    {
        for (int k = 0; k < N; k++)
        {
            var y = (words[k] & 0x80000000) | (words[(k + 1) % N] & 0x7fffffff);
            words[k] = words[(k + M) % N] ^ (y >> 1) ^ ((y & 1) * 0x9908b0df);
        }
    }

    internal static uint Temper(uint y)
    {
        y ^= y >> 11;
        y ^= (y << 7) & 0x9d2c5680;
        y ^= (y << 15) & 0xefc60000;
        return y ^ (y >> 18);
    }
}

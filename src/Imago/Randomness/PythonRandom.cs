namespace Imago.Randomness;

/// <summary>CPython's <c>random.Random(seed)</c>, to the bit.</summary>
public sealed class PythonRandom
{
    private readonly MersenneTwister _twister;
    private double? _keptGauss;

    /// <summary><c>random.Random(seed)</c> for a seed of 0 or more.</summary>
    public PythonRandom(ulong seed) => _twister = new MersenneTwister(seed > uint.MaxValue ? [(uint)seed, (uint)(seed >> 32)] : [(uint)seed]);

    /// <summary>A number in [0, 1): <c>random()</c>.</summary>
    public double NextDouble() => _twister.NextDouble();

    /// <summary><c>getrandbits(count)</c>, at most 32.</summary>
    public uint Bits(int count) => _twister.NextUInt32() >> (32 - count);

    /// <summary>An integer in [0, n): <c>randrange(n)</c>. Bits are drawn until they are below n.</summary>
    public int Below(int n)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(n, 1);
        var bits = 32 - System.Numerics.BitOperations.LeadingZeroCount((uint)n);
        uint value;
        do value = Bits(bits);
        while (value >= n);
        return (int)value;
    }

    /// <summary>Puts values in random order, from the end: <c>shuffle</c>.</summary>
    public void Shuffle<T>(Span<T> values)
    {
        for (int i = values.Length - 1; i > 0; i--)
        {
            var j = Below(i + 1);
            (values[i], values[j]) = (values[j], values[i]);
        }
    }

    /// <summary><paramref name="count"/> different integers in [0, n) in random order: <c>sample(range(n), count)</c>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There are not so many.</exception>
    public int[] Sample(int n, int count)
    {
        if (count < 0 || count > n) throw new ArgumentOutOfRangeException(nameof(count), count, $"0 to {n} different numbers can be drawn.");
        // A pool where it is smaller than a set of the drawn, as CPython estimates their sizes.
        var setSize = 21 + (count > 5 ? Math.Pow(4, Math.Ceiling(Math.Log(3.0 * count) / Math.Log(4))) : 0);
        return n <= setSize ? FromPool(n, count) : FromSet(n, count);
    }

    /// <summary>A standard normal number by Box and Muller, whose second one is kept for the next call: <c>gauss(0, 1)</c>.</summary>
    public double NextGauss()
    {
        if (_keptGauss is { } kept)
        {
            _keptGauss = null;
            return kept;
        }
        var angle = 2 * Math.PI * NextDouble();
        var radius = Math.Sqrt(-2 * Math.Log(1 - NextDouble()));
        _keptGauss = Math.Sin(angle) * radius;
        return Math.Cos(angle) * radius;
    }

    /// <summary>A standard normal number by the ratio of uniforms (Kinderman and Monahan 1977): <c>normalvariate(0, 1)</c>.</summary>
    public double NextNormal()
    {
        while (true)
        {
            var (u1, u2) = (NextDouble(), 1 - NextDouble());
            var z = 4 * Math.Exp(-0.5) / Math.Sqrt(2) * (u1 - 0.5) / u2;
            if (z * z / 4 <= -Math.Log(u2)) return z;
        }
    }

    private int[] FromPool(int n, int count)
    {
        var (pool, drawn) = (Enumerable.Range(0, n).ToArray(), new int[count]);
        for (int i = 0; i < count; i++)
        {
            var j = Below(n - i);
            drawn[i] = pool[j];
            pool[j] = pool[n - i - 1];
        }
        return drawn;
    }

    private int[] FromSet(int n, int count)
    {
        var seen = new HashSet<int>();
        int Fresh()
        {
            int value;
            do value = Below(n);
            while (!seen.Add(value));
            return value;
        }
        return [.. Enumerable.Range(0, count).Select(_ => Fresh())];
    }
}

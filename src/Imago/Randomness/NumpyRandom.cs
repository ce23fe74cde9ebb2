namespace Imago.Randomness;

/// <summary>
/// NumPy's legacy generator, <c>np.random.RandomState</c> and <c>np.random.seed</c>, to the bit: what metric libraries draw their subsets with.
/// </summary>
public sealed class NumpyRandom
{
    private readonly MersenneTwister _twister;
    private double? _keptNormal;

    /// <summary><c>RandomState(seed)</c>.</summary>
    public NumpyRandom(uint seed) => _twister = new MersenneTwister(seed);

    /// <summary><c>RandomState([…])</c>.</summary>
    public NumpyRandom(ReadOnlySpan<uint> key) => _twister = new MersenneTwister(key);

    /// <summary>The 624 words of <c>get_state</c>.</summary>
    public IReadOnlyList<uint> Words => _twister.Words;

    /// <summary>A word.</summary>
    public uint NextUInt32() => _twister.NextUInt32();

    /// <summary>A number in [0, 1): <c>random_sample</c>.</summary>
    public double NextDouble() => _twister.NextDouble();

    /// <summary>A number in [low, high): <c>uniform</c>.</summary>
    public double Uniform(double low, double high) => low + (high - low) * NextDouble();

    /// <summary>A standard normal number by Marsaglia's polar method, whose second one is kept for the next call: <c>randn</c>.</summary>
    public double NextNormal()
    {
        if (_keptNormal is { } kept)
        {
            _keptNormal = null;
            return kept;
        }
        double x1, x2, r2;
        do
        {
            (x1, x2) = (2 * NextDouble() - 1, 2 * NextDouble() - 1);
            r2 = x1 * x1 + x2 * x2;
        }
        while (r2 >= 1 || r2 == 0);
        var f = Math.Sqrt(-2 * Math.Log(r2) / r2);
        _keptNormal = f * x1;
        return f * x2;
    }

    /// <summary>An exponential number of mean <paramref name="scale"/>: <c>exponential</c>.</summary>
    public double NextExponential(double scale) => -scale * Math.Log(1 - NextDouble());

    /// <summary>An integer in [low, high): <c>randint</c>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The range is empty.</exception>
    public long InRange(long low, long high)
    {
        if (high <= low) throw new ArgumentOutOfRangeException(nameof(high), high, $"high must be above low, {low}.");
        return unchecked(low + (long)UpTo((ulong)(high - 1 - low)));
    }

    /// <summary>A random order of 0 … n − 1: <c>permutation</c>.</summary>
    public long[] Permutation(int n)
    {
        var order = new long[n];
        for (int i = 0; i < n; i++) order[i] = i;
        Shuffle(order.AsSpan());
        return order;
    }

    /// <summary>Puts values in random order, from the end: <c>shuffle</c>.</summary>
    public void Shuffle<T>(Span<T> values)
    {
        for (int i = values.Length - 1; i > 0; i--)
        {
            var j = (int)UpTo((ulong)i);
            (values[i], values[j]) = (values[j], values[i]);
        }
    }

    /// <summary>Some of 0 … n − 1 in random order: <c>choice(n, count)</c>.</summary>
    /// <param name="n">Of how many.</param>
    /// <param name="count">How many.</param>
    /// <param name="replace">Whether one may be drawn twice.</param>
    /// <exception cref="ArgumentOutOfRangeException">More are asked for than there are, and none may be drawn twice.</exception>
    public long[] Choice(int n, int count, bool replace)
    {
        if (replace) return [.. Enumerable.Range(0, count).Select(_ => InRange(0, n))];
        return count <= n ? Permutation(n)[..count] : throw new ArgumentOutOfRangeException(nameof(count), count, $"Only {n} can be drawn without replacement.");
    }

    /// <summary>Indices drawn with given probabilities, and replaced: <c>choice(n, count, p=…)</c>.</summary>
    /// <param name="probabilities">They are divided by their sum.</param>
    /// <param name="count">How many.</param>
    public long[] Choice(ReadOnlySpan<double> probabilities, int count)
    {
        var (cumulative, sum) = (new double[probabilities.Length], 0.0);
        for (int i = 0; i < cumulative.Length; i++) cumulative[i] = sum += probabilities[i];
        return [.. Enumerable.Range(0, count).Select(_ => NextDouble()).Select(u => (long)Array.FindIndex(cumulative, edge => edge / sum > u))];
    }

    /// <summary>An integer in [0, max]: bits are drawn until they are no more.</summary>
    private ulong UpTo(ulong max)
    {
        if (max == 0) return 0;
        var mask = ulong.MaxValue >> System.Numerics.BitOperations.LeadingZeroCount(max);
        ulong value;
        do value = mask & (max <= uint.MaxValue ? NextUInt32() : (ulong)NextUInt32() << 32 | NextUInt32());
        while (value > max);
        return value;
    }
}

using System.Numerics;

namespace Imago.Randomness;

/// <summary>
/// NumPy's generator of today, <c>np.random.default_rng(seed)</c>, to the bit: PCG64 (O'Neill 2014, XSL-RR 128/64), normal and exponential numbers by ziggurats, integers by Lemire's method (2019).
/// </summary>
/// <remarks>
/// <see cref="NextNormal"/> agrees with NumPy's to 2·10⁻¹⁴: the strips of NumPy's table carry the rounding of the recursion that it was once made with, Imago's are exact. Everything else is equal.
/// </remarks>
public sealed class NumpyGenerator
{
    private const int NormalBits = 52, SingleBits = 23, ExponentialBits = 53;
    private const int ManyToChooseFrom = 10_000, ShareWorthShuffling = 50;
    private static readonly UInt128 Multiplier = new(0x2360ed051fc65da4, 0x4385df649fccf645);
    private static readonly double[] NormalWidths = Ziggurat.Normal.Widths(NormalBits), NormalDensities = Ziggurat.Normal.Densities();
    private static readonly ulong[] NormalCores = Ziggurat.Normal.Cores(NormalBits), SingleCores = Ziggurat.Normal.Cores(SingleBits), ExponentialCores = Ziggurat.Exponential.Cores(ExponentialBits);
    private static readonly float[] SingleWidths = [.. Ziggurat.Normal.Widths(SingleBits).Select(width => (float)width)], SingleDensities = [.. NormalDensities.Select(density => (float)density)];
    private static readonly double[] ExponentialWidths = Ziggurat.Exponential.Widths(ExponentialBits), ExponentialDensities = Ziggurat.Exponential.Densities();

    private readonly UInt128 _increment;
    private UInt128 _state;
    private uint? _keptHalf;

    /// <summary><c>default_rng(seed)</c>.</summary>
    public NumpyGenerator(UInt128 seed)
    {
        var words = new SeedSequence(seed).GenerateState64(4);
        _increment = new UInt128(words[2], words[3]) << 1 | 1;
        Step();
        _state += new UInt128(words[0], words[1]);
        Step();
    }

    /// <summary>64 bits.</summary>
    public ulong NextUInt64()
    {
        Step();
        return BitOperations.RotateRight((ulong)(_state >> 64) ^ (ulong)_state, (int)(_state >> 122));
    }

    /// <summary>32 bits: the low half of 64, and at the next call the high half.</summary>
    public uint NextUInt32()
    {
        if (_keptHalf is { } kept)
        {
            _keptHalf = null;
            return kept;
        }
        var both = NextUInt64();
        _keptHalf = (uint)(both >> 32);
        return (uint)both;
    }

    /// <summary>A number in [0, 1): <c>random</c>.</summary>
    public double NextDouble() => (NextUInt64() >> 11) * (1.0 / (1ul << 53));

    /// <summary>A number in [0, 1): <c>random(dtype=float32)</c>.</summary>
    public float NextSingle() => (NextUInt32() >> 8) * (1f / (1 << 24));

    /// <summary>A standard normal number: <c>standard_normal</c>.</summary>
    public double NextNormal()
    {
        while (true)
        {
            var bits = NextUInt64();
            var (strip, isNegative, size) = ((int)(bits & 255), (bits >> 8 & 1) != 0, bits >> 9 & (1ul << NormalBits) - 1);
            var x = (isNegative ? -1 : 1) * (size * NormalWidths[strip]);
            if (size < NormalCores[strip]) return x;
            if (strip == 0) return (size >> 8 & 1) != 0 ? -Tail() : Tail();
            if ((NormalDensities[strip - 1] - NormalDensities[strip]) * NextDouble() + NormalDensities[strip] < Math.Exp(-0.5 * x * x)) return x;
        }

        double Tail()
        {
            double x, y;
            do (x, y) = (-Ziggurat.Normal.InverseTail * Logarithms.OnePlus(-NextDouble()), -Logarithms.OnePlus(-NextDouble()));
            while (y + y <= x * x);
            return Ziggurat.Normal.Tail + x;
        }
    }

    /// <summary>A standard normal number: <c>standard_normal(dtype=float32)</c>.</summary>
    public float NextNormalSingle()
    {
        while (true)
        {
            var bits = NextUInt32();
            var (strip, isNegative, size) = ((int)(bits & 255), (bits >> 8 & 1) != 0, bits >> 9);
            var x = (isNegative ? -1 : 1) * (size * SingleWidths[strip]);
            if (size < SingleCores[strip]) return x;
            if (strip == 0) return (size >> 8 & 1) != 0 ? -Tail() : Tail();
            if ((SingleDensities[strip - 1] - SingleDensities[strip]) * NextSingle() + SingleDensities[strip] < Math.Exp(-0.5 * x * x)) return x;
        }

        float Tail()
        {
            float x, y;
            do (x, y) = ((float)(-Ziggurat.Normal.InverseTail * Logarithms.OnePlus(-NextSingle())), (float)-Logarithms.OnePlus(-NextSingle()));
            while (y + y <= x * x);
            return (float)Ziggurat.Normal.Tail + x;
        }
    }

    /// <summary>An exponential number of mean 1: <c>standard_exponential</c>.</summary>
    public double NextExponential()
    {
        while (true)
        {
            var bits = NextUInt64() >> 3;
            var (strip, size) = ((int)(bits & 255), bits >> 8);
            var x = size * ExponentialWidths[strip];
            if (size < ExponentialCores[strip]) return x;
            if (strip == 0) return Ziggurat.Exponential.Tail - Logarithms.OnePlus(-NextDouble());
            if ((ExponentialDensities[strip - 1] - ExponentialDensities[strip]) * NextDouble() + ExponentialDensities[strip] < Math.Exp(-x)) return x;
        }
    }

    /// <summary>An integer in [low, high): <c>integers</c>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The range is empty.</exception>
    public long InRange(long low, long high)
    {
        if (high <= low) throw new ArgumentOutOfRangeException(nameof(high), high, $"high must be above low, {low}.");
        return unchecked(low + (long)UpTo((ulong)(high - 1 - low)));
    }

    /// <summary>A random order of 0 … n − 1: <c>permutation</c>.</summary>
    public long[] Permutation(int n)
    {
        long[] order = [.. Enumerable.Range(0, n)];
        Shuffle(order.AsSpan());
        return order;
    }

    /// <summary>Puts values in random order, from the end: <c>shuffle</c>. Places are drawn by masked bits here, other than in <see cref="Choice"/>.</summary>
    public void Shuffle<T>(Span<T> values)
    {
        for (int i = values.Length - 1; i > 0; i--)
        {
            var mask = uint.MaxValue >> BitOperations.LeadingZeroCount((uint)i);
            uint j;
            do j = NextUInt32() & mask;
            while (j > i);
            (values[i], values[(int)j]) = (values[(int)j], values[i]);
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
        if (count > n) throw new ArgumentOutOfRangeException(nameof(count), count, $"Only {n} can be drawn without replacement.");
        return n > ManyToChooseFrom && count > n / ShareWorthShuffling ? LastOfAll(n, count) : Floyd(n, count);
    }

    private long[] LastOfAll(int n, int count)
    {
        long[] all = [.. Enumerable.Range(0, n)];
        ShuffleTail(all.AsSpan(), Math.Min(count, n - 1));
        return all[^count..];
    }

    /// <summary>A sample without a list of all (Floyd; Bentley 1987): where a number is there already, the largest possible one is taken.</summary>
    private long[] Floyd(int n, int count)
    {
        var (seen, chosen) = (new HashSet<long>(), new long[count]);
        for (int i = 0; i < count; i++)
        {
            var largest = n - count + i;
            var number = (long)UpTo((ulong)largest);
            chosen[i] = seen.Add(number) ? number : largest;
            seen.Add(largest == chosen[i] ? largest : number);
        }
        ShuffleTail(chosen.AsSpan(), count - 1);
        return chosen;
    }

    /// <summary>Fills so many places at the end, each with one of those up to it.</summary>
    private void ShuffleTail<T>(Span<T> values, int places)
    {
        for (int i = values.Length - 1; i >= values.Length - places; i--)
        {
            var j = (int)UpTo((ulong)i);
            (values[i], values[j]) = (values[j], values[i]);
        }
    }

    /// <summary>An integer in [0, max], of 32 bits where they suffice: the high half of a product, unless the low half is among the few that would make it uneven.</summary>
    private ulong UpTo(ulong max)
    {
        if (max == 0) return 0;
        if (max < uint.MaxValue)
        {
            var (range, uneven) = ((uint)max + 1, (uint)((uint.MaxValue - (uint)max) % ((uint)max + 1)));
            ulong product;
            do product = (ulong)NextUInt32() * range;
            while ((uint)product < uneven);
            return product >> 32;
        }
        if (max == uint.MaxValue) return NextUInt32();
        if (max == ulong.MaxValue) return NextUInt64();
        var (wide, few) = (max + 1, (ulong.MaxValue - max) % (max + 1));
        UInt128 result;
        do result = (UInt128)NextUInt64() * wide;
        while ((ulong)result < few);
        return (ulong)(result >> 64);
    }

    private void Step() => _state = unchecked(_state * Multiplier + _increment);
}

using System.Buffers.Binary;

namespace Imago.Randomness;

/// <summary>
/// PyTorch's CPU generator without libtorch: the same numbers from the same seed on every platform and with every version, for fp32, fp64 and the 16-bit types.
/// A Mersenne Twister (Matsumoto and Nishimura 1998, MT19937), seeded with the low 32 bits of the seed.
/// </summary>
/// <remarks>Normal numbers agree with PyTorch's to 10⁻⁶, since its vectorised logarithm rounds differently; everything else is equal.</remarks>
public sealed class TorchRandom
{
    private const int N = MersenneTwister.N, Block = 16, StateBytes = 5056;
    private readonly uint[] _words;
    private readonly ulong _seed;
    private int _left = 1, _next;
    private double? _keptNormal;

    /// <summary><c>torch.Generator().manual_seed(seed)</c>.</summary>
    public TorchRandom(ulong seed)
    {
        _seed = seed;
        _words = MersenneTwister.Initial((uint)seed);
    }

    /// <summary>Continues from a state that <see cref="GetState"/> or PyTorch's <c>Generator.get_state</c> gave.</summary>
    /// <exception cref="ArgumentException">It is not such a state.</exception>
    public TorchRandom(ReadOnlySpan<byte> state)
    {
        if (state.Length != StateBytes) throw new ArgumentException($"A state of PyTorch's CPU generator has {StateBytes} bytes, not {state.Length}.", nameof(state));
        _seed = BinaryPrimitives.ReadUInt64LittleEndian(state);
        _left = BinaryPrimitives.ReadInt32LittleEndian(state[8..]);
        var next = BinaryPrimitives.ReadInt64LittleEndian(state[16..]);
        if (_left is < 1 or > N || next is < 0 or > N || (_left > 1 && _left + next != N + 1))
            throw new ArgumentException($"Not a state of PyTorch's CPU generator: {_left} words left at position {next}.", nameof(state));
        _next = (int)next;
        _words = new uint[N];
        for (int i = 0; i < N; i++) _words[i] = (uint)BinaryPrimitives.ReadUInt64LittleEndian(state[(24 + 8 * i)..]);
        if (BinaryPrimitives.ReadInt32LittleEndian(state[5040..]) != 0) _keptNormal = BinaryPrimitives.ReadDoubleLittleEndian(state[5024..]);
    }

    /// <summary>The state in PyTorch's own layout, for <c>Generator.set_state</c>: 5056 bytes.</summary>
    public byte[] GetState()
    {
        var state = new byte[StateBytes];
        BinaryPrimitives.WriteUInt64LittleEndian(state, _seed);
        BinaryPrimitives.WriteInt32LittleEndian(state.AsSpan(8), _left);
        BinaryPrimitives.WriteInt32LittleEndian(state.AsSpan(12), 1);
        BinaryPrimitives.WriteInt64LittleEndian(state.AsSpan(16), _next);
        for (int i = 0; i < N; i++) BinaryPrimitives.WriteUInt64LittleEndian(state.AsSpan(24 + 8 * i), _words[i]);
        BinaryPrimitives.WriteDoubleLittleEndian(state.AsSpan(5024), _keptNormal ?? 0);
        BinaryPrimitives.WriteInt32LittleEndian(state.AsSpan(5040), _keptNormal is null ? 0 : 1);
        return state;
    }

    /// <summary>The next word of the twister, tempered.</summary>
    public uint NextUInt32()
    {
        if (--_left == 0) Twist();
        return MersenneTwister.Temper(_words[_next++]);
    }

    /// <summary>Two words, the first one the high half.</summary>
    public ulong NextUInt64() => (ulong)NextUInt32() << 32 | NextUInt32();

    /// <summary>An integer in [low, high): <c>torch.randint</c>, one draw for each element.</summary>
    public long InRange(long low, long high)
    {
        var range = unchecked((ulong)(high - low));
        if (high <= low) throw new ArgumentOutOfRangeException(nameof(high), high, $"high must be above low, {low}.");
        return unchecked(low + (long)(range < 1ul << 28 ? NextUInt32() % range : NextUInt64() % range));
    }

    /// <summary>A random order of 0 … n − 1: <c>torch.randperm</c>.</summary>
    public long[] Permutation(int n)
    {
        var order = new long[n];
        for (int i = 0; i < n; i++) order[i] = i;
        for (int i = 0; i < n - 1; i++)
        {
            var z = i + (int)(NextUInt32() % (uint)(n - i));
            (order[i], order[z]) = (order[z], order[i]);
        }
        return order;
    }

    /// <summary>Uniform numbers in [0, 1): <c>torch.rand</c> in fp32.</summary>
    public void Uniform(Span<float> values)
    {
        foreach (ref var value in values) value = UniformSingle();
    }

    /// <summary>Uniform numbers in [0, 1): <c>torch.rand</c> in fp64.</summary>
    public void Uniform(Span<double> values)
    {
        foreach (ref var value in values) value = UniformDouble();
    }

    /// <summary>Standard normal numbers: <c>torch.randn</c> in fp32.</summary>
    public void Normal(Span<float> values)
    {
        if (values.Length < Block)
        {
            foreach (ref var value in values) value = (float)NormalDouble();
            return;
        }
        Uniform(values);
        for (int i = 0; i + Block <= values.Length; i += Block) BoxMuller(values.Slice(i, Block));
        if (values.Length % Block != 0) Redraw(values[^Block..]);
    }

    /// <summary>Standard normal numbers: <c>torch.randn</c> in fp64.</summary>
    public void Normal(Span<double> values)
    {
        if (values.Length < Block)
        {
            foreach (ref var value in values) value = NormalDouble();
            return;
        }
        Uniform(values);
        for (int i = 0; i + Block <= values.Length; i += Block) BoxMuller(values.Slice(i, Block));
        if (values.Length % Block == 0) return;
        Uniform(values[^Block..]);
        BoxMuller(values[^Block..]);
    }

    /// <summary>
    /// Standard normal numbers between two bounds: <c>torch.nn.init.trunc_normal_</c>. Numbers for all places are drawn again until none is left outside; those that were inside stay.
    /// </summary>
    /// <exception cref="ArgumentException">Fewer than one in a million numbers would lie between the bounds.</exception>
    public void TruncatedNormal(Span<float> values, float low, float high)
    {
        if (!(high > low) || low > 4.75f || high < -4.75f || high - low < 2.5e-6f) throw new ArgumentException($"Between {low} and {high} there is hardly a normal number to draw.", nameof(high));
        Normal(values);
        var again = new float[values.Length];
        while (values.ContainsAnyExceptInRange(low, high))
        {
            Normal(again);
            for (int i = 0; i < values.Length; i++) values[i] = values[i] < low || values[i] > high ? again[i] : values[i];
        }
    }

    /// <summary>
    /// The fp32 numbers that <c>torch.randn</c> in bfloat16 or float16 rounds, from PyTorch 2.11 on (libtorch 2.10 computes in the 16-bit type itself).
    /// They differ from fp32's where the count is not a multiple of 16.
    /// </summary>
    public void NormalFor16Bits(Span<float> values)
    {
        if (values.Length < Block)
        {
            Normal(values);
            return;
        }
        for (int i = 0; i + Block <= values.Length; i += Block) Redraw(values.Slice(i, Block));
        if (values.Length % Block != 0) Redraw(values[^Block..]);
    }

    private float UniformSingle() => (NextUInt32() & ((1u << 24) - 1)) * (1f / (1 << 24));

    private double UniformDouble() => (NextUInt64() & ((1ul << 53) - 1)) * (1.0 / (1ul << 53));

    /// <summary>One of a pair by Box and Muller; the other is kept for the next call.</summary>
    private double NormalDouble()
    {
        if (_keptNormal is { } kept)
        {
            _keptNormal = null;
            return kept;
        }
        var (u1, u2) = (UniformDouble(), UniformDouble());
        var (r, theta) = (Math.Sqrt(-2 * Logarithms.OnePlus(-u2)), 2 * Math.PI * u1);
        _keptNormal = r * Math.Sin(theta);
        return r * Math.Cos(theta);
    }

    private void Redraw(Span<float> block)
    {
        Uniform(block);
        BoxMuller(block);
    }

    private static void BoxMuller(Span<float> d)
    {
        for (int j = 0; j < Block / 2; j++)
        {
            var (u1, u2) = (1 - d[j], d[j + Block / 2]);
            var (r, theta) = (MathF.Sqrt(-2 * MathF.Log(u1)), 2 * MathF.PI * u2);
            (d[j], d[j + Block / 2]) = (r * MathF.Cos(theta), r * MathF.Sin(theta));
        }
    }

    private static void BoxMuller(Span<double> d)
    {
        for (int j = 0; j < Block / 2; j++)
        {
            var (u1, u2) = (1 - d[j], d[j + Block / 2]);
            var (r, theta) = (Math.Sqrt(-2 * Math.Log(u1)), 2 * Math.PI * u2);
            (d[j], d[j + Block / 2]) = (r * Math.Cos(theta), r * Math.Sin(theta));
        }
    }

    private void Twist()
    {
        MersenneTwister.Twist(_words);
        (_left, _next) = (N, 0);
    }
}

namespace Imago.Randomness;

/// <summary>
/// Philox 4×32-10 (Salmon et al. 2011), the counter-based generator of CUDA: what <c>torch.randn</c> and <c>torch.rand</c> give on a GPU, and the "NV" noise of other
/// programs. Element i of a tensor is a function of seed, call and i alone.
/// </summary>
/// <param name="seed">All 64 bits count.</param>
public sealed class PhiloxRandom(ulong seed)
{
    private const int Rounds = 10, Outputs = 4;

    /// <summary>Blocks that calls have used so far; each call advances by one while its tensor fits the launched threads.</summary>
    public ulong Offset { get; set; }

    /// <summary>The four words of a counter under a key.</summary>
    /// <param name="counter">Offset, low and high word, and subsequence, likewise.</param>
    /// <param name="key">The seed, low and high word.</param>
    public static (uint, uint, uint, uint) Block((uint, uint, uint, uint) counter, (uint, uint) key)
    {
        var ((c0, c1, c2, c3), (k0, k1)) = (counter, key);
        for (int round = 0; round < Rounds; round++)
        {
            var (a, b) = ((ulong)c0 * 0xD2511F53, (ulong)c2 * 0xCD9E8D57);
            (c0, c1, c2, c3) = ((uint)(b >> 32) ^ c1 ^ k0, (uint)b, (uint)(a >> 32) ^ c3 ^ k1, (uint)a);
            (k0, k1) = unchecked((k0 + 0x9E3779B9, k1 + 0xBB67AE85));
        }
        return (c0, c1, c2, c3);
    }

    /// <summary>The four words of a thread at an offset.</summary>
    public (uint, uint, uint, uint) Words(ulong offset, ulong subsequence) =>
        Block(((uint)offset, (uint)(offset >> 32), (uint)subsequence, (uint)(subsequence >> 32)), ((uint)seed, (uint)(seed >> 32)));

    /// <summary>Standard normal numbers: <c>torch.randn(…, device="cuda")</c> in fp32.</summary>
    /// <param name="values">Filled.</param>
    /// <param name="threads">
    /// Threads that the GPU launches at once; null for as many as there are values. Larger tensors give every thread several elements, so that the numbers depend on the GPU.
    /// </param>
    public void Normal(Span<float> values, int? threads = null) => Fill(values, threads, words =>
    {
        var (z0, z1) = BoxMuller(words.Item1, words.Item2);
        var (z2, z3) = BoxMuller(words.Item3, words.Item4);
        return (z0, z1, z2, z3);
    });

    /// <summary>Uniform numbers in [0, 1): <c>torch.rand(…, device="cuda")</c> in fp32.</summary>
    /// <inheritdoc cref="Normal"/>
    public void Uniform(Span<float> values, int? threads = null) => Fill(values, threads, words => (Unit(words.Item1), Unit(words.Item2), Unit(words.Item3), Unit(words.Item4)));

    private void Fill(Span<float> values, int? threads, Func<(uint, uint, uint, uint), (float, float, float, float)> map)
    {
        var count = Math.Min(threads ?? values.Length, values.Length);
        if (count < 1)
        {
            if (values.Length > 0) throw new ArgumentOutOfRangeException(nameof(threads), threads, "At least one thread is launched.");
            return;
        }
        for (int begin = 0; begin < values.Length; begin += Outputs * count, Offset++)
        {
            for (int thread = 0; thread < count; thread++)
            {
                var (y0, y1, y2, y3) = map(Words(Offset, (ulong)thread));
                ReadOnlySpan<float> outputs = [y0, y1, y2, y3];
                for (int k = 0; k < Outputs && begin + k * count + thread < values.Length; k++) values[begin + k * count + thread] = outputs[k];
            }
        }
    }

    private static (float, float) BoxMuller(uint x, uint y)
    {
        var u = x * 2.3283064e-10f + 2.3283064e-10f / 2;
        var v = y * (2.3283064e-10f * 6.2831855f) + 2.3283064e-10f * 6.2831855f / 2;
        var radius = MathF.Sqrt(-2 * MathF.Log(u));
        return (radius * MathF.Sin(v), radius * MathF.Cos(v));
    }

    private static float Unit(uint x)
    {
        var u = x * 2.3283064e-10f + 2.3283064e-10f / 2;
        return u == 1 ? 0 : u;
    }
}

using System.Numerics;
using Imago.Randomness;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Diffusion;

/// <summary>
/// A path of Brownian motion that can be asked for its increments in any order, and always gives the same ones (Li et al. 2020, the virtual Brownian tree): an interval
/// is halved until the ends asked for are reached, and each midpoint is drawn from the bridge between its neighbours with a seed that its place determines.
/// The same numbers as torchsde's <c>BrownianTree</c> with its default settings, which k-diffusion and diffusers use.
/// </summary>
public sealed class BrownianTree : IDisposable
{
    private const int PoolWords = 24, Decimals = 6;
    private readonly long[] _shape;
    private readonly ScalarType _type;
    private readonly ulong _seed;
    private readonly Node _root;

    /// <summary>A path from <paramref name="start"/> to <paramref name="end"/>.</summary>
    /// <param name="shape">Shape of W(t).</param>
    /// <param name="type">Its type; numbers are drawn in it, on the CPU.</param>
    /// <param name="start">The earliest time.</param>
    /// <param name="end">The latest time.</param>
    /// <param name="seed">The path's seed.</param>
    /// <exception cref="ArgumentException">The times are not in order.</exception>
    public BrownianTree(ReadOnlySpan<long> shape, ScalarType type, double start, double end, ulong seed)
    {
        if (!(start < end) || !double.IsFinite(end - start)) throw new ArgumentException($"A Brownian path runs from an earlier to a later time, not from {start} to {end}.", nameof(end));
        (_shape, _type, _seed) = (shape.ToArray(), type, seed);
        var word = new SeedSequence(seed, poolSize: PoolWords).GenerateState(3)[0];
        _root = new Node(0, 0, Rounded(start), Rounded(end), Normal(word, Math.Sqrt(end - start)));
    }

    /// <summary>The earliest time.</summary>
    public double Start => _root.Start;

    /// <summary>The latest time.</summary>
    public double End => _root.End;

    /// <summary>W(to) − W(from), a fresh tensor; times are rounded to six decimals and limited to the path's ends.</summary>
    /// <param name="from">The earlier time.</param>
    /// <param name="to">The later time.</param>
    public Tensor Increment(double from, double to)
    {
        using var scope = NewDisposeScope();
        var (a, b) = (Math.Clamp(Rounded(from), Start, End), Math.Clamp(Rounded(to), Start, End));
        var parts = new List<Tensor>();
        if (a < b) Collect(_root, a, b, parts);
        var sum = parts.Count == 0 ? zeros(_shape, _type) : parts[0].clone();
        foreach (var part in parts.Skip(1)) sum.add_(part);
        return sum.MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public void Dispose() => _root.Dispose();

    /// <summary>The increments of the largest intervals that make up [a, b], from left to right. What this question did not touch is forgotten, so memory stays small.</summary>
    private void Collect(Node node, double a, double b, List<Tensor> parts)
    {
        if (a <= node.Start && node.End <= b)
        {
            parts.Add(node.Increment);
            return;
        }
        if (node.Left is null) Split(node);
        var (left, right) = (node.Left!, node.Right!);
        if (a < left.End) Collect(left, a, b, parts);
        else left.Forget();
        if (b > right.Start) Collect(right, a, b, parts);
        else right.Forget();
    }

    /// <summary>W(m) − W(s) given W(e) − W(s): mean (m − s)/(e − s) of it, variance (m − s)(e − m)/(e − s).</summary>
    private void Split(Node node)
    {
        var (s, e, depth) = (node.Start, node.End, node.Depth + 1);
        var m = Rounded((s + e) / 2);
        var word = new SeedSequence(_seed, [node.Key, (ulong)node.Depth], PoolWords).GenerateState(4)[0];
        var left = ((m - s) / (e - s) * node.Increment).add_(Normal(word, Math.Sqrt((m - s) * (e - m) / (e - s))));
        node.Left = new Node(2 * node.Key, depth, s, m, left);
        node.Right = new Node(2 * node.Key + 1, depth, m, e, node.Increment - left);
    }

    private Tensor Normal(ulong seed, double deviation)
    {
        using var generator = new Generator(seed);
        return randn(_shape, _type, generator: generator).mul_(deviation);
    }

    /// <summary>To six decimals, exactly halfway ones to the even neighbour: of the number's exact value, as Python's <c>round</c>.</summary>
    private static double Rounded(double time)
    {
        var bits = BitConverter.DoubleToInt64Bits(time);
        var exponent = (int)(bits >> 52 & 0x7ff);
        var mantissa = bits & 0xfffffffffffff | (exponent == 0 ? 0 : 1L << 52);
        var shift = 1075 - Math.Max(exponent, 1);                                   // |time| = mantissa · 2^−shift
        if (shift <= 0) return time;
        var scaled = mantissa * BigInteger.Pow(10, Decimals);
        var (whole, rest) = BigInteger.DivRem(scaled, BigInteger.One << shift);
        var half = (rest << 1).CompareTo(BigInteger.One << shift);
        if (half > 0 || (half == 0 && !whole.IsEven)) whole++;
        return Math.CopySign((double)whole / 1e6, time);
    }

    private sealed class Node(ulong key, int depth, double start, double end, Tensor increment) : IDisposable
    {
        public ulong Key { get; } = key;

        public int Depth { get; } = depth;

        public double Start { get; } = start;

        public double End { get; } = end;

        public Tensor Increment { get; } = increment.DetachFromDisposeScope();

        public Node? Left { get; set; }

        public Node? Right { get; set; }

        public void Forget()
        {
            Left?.Dispose();
            Right?.Dispose();
            (Left, Right) = (null, null);
        }

        public void Dispose()
        {
            Forget();
            Increment.Dispose();
        }
    }
}

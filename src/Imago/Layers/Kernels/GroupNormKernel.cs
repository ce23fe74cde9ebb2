using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Imago.Layers.Kernels;

/// <summary>
/// y = a(u), u = x̂·weight + bias: group normalisation of channels-last maps with SiLU or nothing as a, and its gradient, each in two passes over the map. Sums are over
/// blocks in float32 and over blocks' sums in float64, so the results do not depend on the number of threads.
/// </summary>
/// <typeparam name="T">How the numbers lie in memory.</typeparam>
internal static unsafe class GroupNormKernel<T>
    where T : struct, ILanes
{
    /// <summary>Writes y and sets the terms.</summary>
    internal static void Run(GroupedMap map, nint x, GroupNormTerms terms, bool silu, nint y)
    {
        var size = map.Blocks * map.Channels;
        float[] sums = new float[map.Batch * size], squares = new float[map.Batch * size];
        map.Run(
            (image, block) => Sum(map, (void*)x, image, block, At(sums, map, image, block), At(squares, map, image, block)),
            image =>
            {
                var pivots = new float[map.Channels];
                for (var c = 0; c < map.Channels; c += Lanes.Count) T.Load((void*)x, map.Start(image, 0) + c).CopyTo(pivots, c);
                terms.SetMoments(image, pivots, sums.AsSpan(image * size, size), squares.AsSpan(image * size, size));
            },
            (image, block) => Apply(map, (void*)x, image, block, terms, silu, (void*)y));
    }

    /// <summary>Writes dx and gives the other gradients.</summary>
    /// <param name="map">The map.</param>
    /// <param name="x">What was normalised.</param>
    /// <param name="gradient">dy, laid out as x.</param>
    /// <param name="terms">As <see cref="Run"/> left them.</param>
    /// <param name="silu">Whether a is SiLU.</param>
    /// <param name="ofX">dx is written here, laid out as x.</param>
    internal static GroupNormGradient Backward(GroupedMap map, nint x, nint gradient, GroupNormTerms terms, bool silu, nint ofX)
    {
        var size = map.Blocks * map.Channels;
        float[] sums = new float[map.Batch * size], products = new float[map.Batch * size];
        var result = new GroupNormGradient(map.Batch * map.Channels);
        map.Run(
            (image, block) => SumGradients(map, (void*)x, (void*)gradient, image, block, terms, silu, At(sums, map, image, block), At(products, map, image, block)),
            image => terms.SetGradient(image, sums.AsSpan(image * size, size), products.AsSpan(image * size, size), result),
            (image, block) => ApplyGradients(map, (void*)x, (void*)gradient, image, block, terms, result, silu, (void*)ofX));
        return result;
    }

    private static Span<float> At(float[] sums, GroupedMap map, int image, int block) => sums.AsSpan((image * map.Blocks + block) * map.Channels, map.Channels);

    /// <summary>Σ (x − x₀) and Σ (x − x₀)² of each channel over a block, where x₀ is the image's first pixel: nearer to the mean than 0 is.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Sum(GroupedMap map, void* x, int image, int block, Span<float> sums, Span<float> squares)
    {
        var (channels, pixels, first, start) = (map.Channels, map.PixelsOf(block), map.Start(image, 0), map.Start(image, block));
        for (var c = 0; c < channels; c += GroupedMap.ChannelStep)
        {
            var (pivot0, pivot1) = (T.Load(x, first + c), T.Load(x, first + c + Lanes.Count));
            Vector512<float> sum0 = default, sum1 = default, square0 = default, square1 = default;
            var i = start + c;
            for (var p = 0; p < pixels; p++, i += channels)
            {
                var (d0, d1) = (T.Load(x, i) - pivot0, T.Load(x, i + Lanes.Count) - pivot1);
                (sum0, sum1) = (sum0 + d0, sum1 + d1);
                (square0, square1) = (Vector512.FusedMultiplyAdd(d0, d0, square0), Vector512.FusedMultiplyAdd(d1, d1, square1));
            }
            sum0.CopyTo(sums[c..]);
            sum1.CopyTo(sums[(c + Lanes.Count)..]);
            square0.CopyTo(squares[c..]);
            square1.CopyTo(squares[(c + Lanes.Count)..]);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Apply(GroupedMap map, void* x, int image, int block, GroupNormTerms terms, bool silu, void* y)
    {
        var (channels, pixels, start) = (map.Channels, map.PixelsOf(block), map.Start(image, block));
        for (var c = 0; c < channels; c += GroupedMap.ChannelStep)
        {
            var t = image * channels + c;
            var (scale0, scale1) = (Load(terms.Scale, t), Load(terms.Scale, t + Lanes.Count));
            var (shift0, shift1) = (Load(terms.Shift, t), Load(terms.Shift, t + Lanes.Count));
            var i = start + c;
            for (var p = 0; p < pixels; p++, i += channels)
            {
                var u0 = Vector512.FusedMultiplyAdd(T.Load(x, i), scale0, shift0);
                var u1 = Vector512.FusedMultiplyAdd(T.Load(x, i + Lanes.Count), scale1, shift1);
                T.Store(y, i, silu ? u0 * Lanes.Sigmoid(u0) : u0);
                T.Store(y, i + Lanes.Count, silu ? u1 * Lanes.Sigmoid(u1) : u1);
            }
        }
    }

    /// <summary>Σ du and Σ du·x̂ of each channel over a block.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void SumGradients(GroupedMap map, void* x, void* gradient, int image, int block, GroupNormTerms terms, bool silu, Span<float> sums, Span<float> products)
    {
        var (channels, pixels, start) = (map.Channels, map.PixelsOf(block), map.Start(image, block));
        for (var c = 0; c < channels; c += Lanes.Count)
        {
            var t = image * channels + c;
            var (scale, shift, inverse, offset) = (Load(terms.Scale, t), Load(terms.Shift, t), Load(terms.Inverse, t), Load(terms.Offset, t));
            Vector512<float> sum = default, product = default;
            var i = start + c;
            for (var p = 0; p < pixels; p++, i += channels)
            {
                var value = T.Load(x, i);
                var du = silu ? T.Load(gradient, i) * SiluSlope(Vector512.FusedMultiplyAdd(value, scale, shift)) : T.Load(gradient, i);
                sum += du;
                product = Vector512.FusedMultiplyAdd(du, Vector512.FusedMultiplyAdd(value, inverse, offset), product);
            }
            sum.CopyTo(sums[c..]);
            product.CopyTo(products[c..]);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void ApplyGradients(GroupedMap map, void* x, void* gradient, int image, int block, GroupNormTerms terms, GroupNormGradient result, bool silu, void* ofX)
    {
        var (channels, pixels, start) = (map.Channels, map.PixelsOf(block), map.Start(image, block));
        for (var c = 0; c < channels; c += Lanes.Count)
        {
            var t = image * channels + c;
            var (scale, shift, slope, constant) = (Load(terms.Scale, t), Load(terms.Shift, t), Load(result.Slope, t), Load(result.Constant, t));
            var i = start + c;
            for (var p = 0; p < pixels; p++, i += channels)
            {
                var value = T.Load(x, i);
                var du = silu ? T.Load(gradient, i) * SiluSlope(Vector512.FusedMultiplyAdd(value, scale, shift)) : T.Load(gradient, i);
                T.Store(ofX, i, Vector512.FusedMultiplyAdd(du, scale, Vector512.FusedMultiplyAdd(value, slope, constant)));
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Load(float[] numbers, int index) => Vector512.LoadUnsafe(ref numbers[index]);

    /// <summary>The derivative of SiLU, σ(u)·(1 + u·(1 − σ(u))).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> SiluSlope(Vector512<float> u)
    {
        var sigmoid = Lanes.Sigmoid(u);
        return Vector512.FusedMultiplyAdd(u * sigmoid, Vector512<float>.One - sigmoid, sigmoid);
    }
}

using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Layers.Kernels;

/// <summary>GELU of bfloat16 numbers without gradient, exact or by its approximation with tanh, alone or times a gate, to the precision of the type.</summary>
internal static unsafe class GeluKernel
{
    /// <summary>Whether a tensor is for it.</summary>
    internal static bool Takes(Tensor x) =>
        Lanes.IsSupported && x.dtype == ScalarType.BFloat16 && x.device_type == DeviceType.CPU && x.is_contiguous() && x.shape[^1] % (2 * Lanes.Count) == 0 && x.numel() > 0
        && !(is_grad_enabled() && x.requires_grad);

    /// <summary>The first half of each row times the exact GELU of the second.</summary>
    /// <param name="x">[..., 2·D].</param>
    /// <returns>[..., D].</returns>
    internal static Tensor Gate(Tensor x)
    {
        var width = (int)x.shape[^1] / 2;
        var y = empty([.. x.shape[..^1], width], dtype: x.dtype);
        var (source, target) = (Weights.NativeTensors.DataPointer(x), Weights.NativeTensors.DataPointer(y));
        ThreadTeam.Run((int)(y.numel() / width), row => GateRow((ushort*)source + (nint)row * 2 * width, width, (ushort*)target + (nint)row * width));
        return y;
    }

    /// <summary>The approximation with tanh.</summary>
    /// <param name="x">[..., D].</param>
    internal static Tensor Approximate(Tensor x)
    {
        var width = (int)x.shape[^1];
        var y = empty(x.shape, dtype: x.dtype);
        var (source, target) = (Weights.NativeTensors.DataPointer(x), Weights.NativeTensors.DataPointer(y));
        ThreadTeam.Run((int)(y.numel() / width), row => ApproximateRow((ushort*)source + (nint)row * width, width, (ushort*)target + (nint)row * width));
        return y;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void GateRow(ushort* x, int width, ushort* y)
    {
        for (var i = 0; i < width; i += Lanes.Count)
        {
            var u = BFloat16Lanes.Load(x, width + i);
            BFloat16Lanes.Store(y, i, BFloat16Lanes.Load(x, i) * u * NormalDistribution(u));
        }
    }

    /// <summary>½·(1 + tanh z) = σ(2z), z = √(2/π)·(u + 0.044715·u³).</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void ApproximateRow(ushort* x, int width, ushort* y)
    {
        for (var i = 0; i < width; i += Lanes.Count)
        {
            var u = BFloat16Lanes.Load(x, i);
            var twiceZ = u * Vector512.FusedMultiplyAdd(u * u, Vector512.Create(0.0713548163f), Vector512.Create(1.59576912f));
            BFloat16Lanes.Store(y, i, u * Lanes.Sigmoid(twiceZ));
        }
    }

    /// <summary>Φ(u) within 1.5·10⁻⁷, by the complementary error function of |u|/√2 (Abramowitz and Stegun 1964, 7.1.26).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> NormalDistribution(Vector512<float> u)
    {
        var x = Vector512.Abs(u) * Vector512.Create(0.707106781f);
        var t = Vector512<float>.One / Vector512.FusedMultiplyAdd(x, Vector512.Create(0.3275911f), Vector512<float>.One);
        var p = Vector512.FusedMultiplyAdd(t, Vector512.Create(1.061405429f), Vector512.Create(-1.453152027f));
        p = Vector512.FusedMultiplyAdd(p, t, Vector512.Create(1.421413741f));
        p = Vector512.FusedMultiplyAdd(p, t, Vector512.Create(-0.284496736f));
        p = Vector512.FusedMultiplyAdd(p, t, Vector512.Create(0.254829592f));
        var tail = p * t * Lanes.Exp(-x * x) * Vector512.Create(0.5f);           // 1 − Φ(|u|)
        return Vector512.ConditionalSelect(Vector512.LessThan(u, Vector512<float>.Zero), tail, Vector512<float>.One - tail);
    }
}

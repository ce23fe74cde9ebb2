using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using TorchSharp;

namespace Imago.Layers.Kernels;

/// <summary>How numbers lie in memory; sixteen at a time are computed with in float32.</summary>
internal unsafe interface ILanes
{
    /// <summary>The numbers at an index.</summary>
    static abstract Vector512<float> Load(void* data, nint index);

    /// <summary>Writes numbers, rounded to the nearest, ties to even.</summary>
    static abstract void Store(void* data, nint index, Vector512<float> value);
}

/// <summary>float32.</summary>
internal readonly unsafe struct Float32Lanes : ILanes
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Load(void* data, nint index) => Vector512.Load((float*)data + index);

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(void* data, nint index, Vector512<float> value) => value.Store((float*)data + index);
}

/// <summary>bfloat16: the upper half of a float32.</summary>
internal readonly unsafe struct BFloat16Lanes : ILanes
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Load(void* data, nint index) => (Avx512F.ConvertToVector512UInt32(Vector256.Load((ushort*)data + index)) << 16).AsSingle();

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(void* data, nint index, Vector512<float> value)
    {
        var bits = value.AsUInt32();
        var rounded = bits + Vector512.Create(0x7FFFu) + ((bits >> 16) & Vector512.Create(1u));
        Avx512F.ConvertToVector256UInt16(rounded >> 16).Store((ushort*)data + index);
    }
}

/// <summary>Functions of sixteen float32 numbers.</summary>
internal static class Lanes
{
    /// <summary>Numbers in a vector.</summary>
    internal const int Count = 16;

    /// <summary>Whether this processor has the instructions.</summary>
    internal static bool IsSupported => Vector512.IsHardwareAccelerated && Avx512F.IsSupported;

    /// <summary>Whether tensors of a type can be read.</summary>
    internal static bool Reads(torch.ScalarType type) => type is torch.ScalarType.Float32 or torch.ScalarType.BFloat16;

    /// <summary>
    /// eˣ within three units in the last place: x = n·ln 2 + r with |r| ≤ ½·ln 2, eˣ = 2ⁿ·eʳ, and eʳ by the polynomial 1 + r + … of degree 5 whose largest relative error there
    /// (10⁻⁷) is least.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector512<float> Exp(Vector512<float> x)
    {
        var n = Avx512F.RoundScale(x * Vector512.Create(1.44269504f), 0);
        var r = Vector512.FusedMultiplyAdd(n, Vector512.Create(-0.693145752f), x);          // ln 2 in two parts, the first of which times n is exact
        r = Vector512.FusedMultiplyAdd(n, Vector512.Create(-1.42860677e-6f), r);
        var p = Vector512.FusedMultiplyAdd(r, Vector512.Create(0.00831248f), Vector512.Create(0.0418901f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(0.16667115f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(0.49999232f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512<float>.One);
        p = Vector512.FusedMultiplyAdd(p, r, Vector512<float>.One);
        return Avx512F.Scale(p, n);
    }

    /// <summary>σ(x) = 1/(1 + e⁻ˣ).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector512<float> Sigmoid(Vector512<float> x) => Vector512<float>.One / (Vector512<float>.One + Exp(-x));
}

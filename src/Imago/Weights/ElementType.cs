using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Weights;

/// <summary>
/// A type of numbers in a file, and how it becomes a tensor. Types that libtorch has stay as they are. Those it lacks are widened without loss:
/// U16 → int32, U32 → int64, U64 → int64 where every number fits, and the 8-bit floats → bfloat16, which holds each of their 256 values exactly.
/// </summary>
/// <param name="Name">As safetensors spells it.</param>
/// <param name="Bits">Bits of one element.</param>
/// <param name="Tensor">The tensor's type; null for a type that Imago can list but not read.</param>
/// <param name="Widen">Converts the elements, or null where the bytes are the tensor's own.</param>
internal sealed record ElementType(string Name, int Bits, ScalarType? Tensor, ElementType.Conversion? Widen = null)
{
    internal delegate void Conversion(ReadOnlySpan<byte> source, Span<byte> target);

    private const int ChunkBytes = 1 << 20;

    internal static readonly ElementType Float32 = new("F32", 32, ScalarType.Float32);
    internal static readonly ElementType Float64 = new("F64", 64, ScalarType.Float64);
    internal static readonly ElementType Float16 = new("F16", 16, ScalarType.Float16);
    internal static readonly ElementType BFloat16 = new("BF16", 16, ScalarType.BFloat16);
    internal static readonly ElementType Int8 = new("I8", 8, ScalarType.Int8);
    internal static readonly ElementType Int16 = new("I16", 16, ScalarType.Int16);
    internal static readonly ElementType Int32 = new("I32", 32, ScalarType.Int32);
    internal static readonly ElementType Int64 = new("I64", 64, ScalarType.Int64);
    internal static readonly ElementType UInt8 = new("U8", 8, ScalarType.Byte);
    internal static readonly ElementType UInt16 = new("U16", 16, ScalarType.Int32, Widening<ushort, int>(x => x));
    internal static readonly ElementType UInt32 = new("U32", 32, ScalarType.Int64, Widening<uint, long>(x => x));
    internal static readonly ElementType UInt64 = new("U64", 64, ScalarType.Int64, Widening<ulong, long>(x => checked((long)x)));
    internal static readonly ElementType Bool = new("BOOL", 8, ScalarType.Bool, Widening<byte, byte>(x => x == 0 ? (byte)0 : (byte)1));
    internal static readonly ElementType Complex64 = new("C64", 64, ScalarType.ComplexFloat32);
    internal static readonly ElementType Complex128 = new("C128", 128, ScalarType.ComplexFloat64);
    internal static readonly ElementType Float8E4M3 = Float8("F8_E4M3", Weights.Float8.E4M3);
    internal static readonly ElementType Float8E5M2 = Float8("F8_E5M2", Weights.Float8.E5M2);
    internal static readonly ElementType Float8E4M3Fnuz = Float8("F8_E4M3FNUZ", Weights.Float8.E4M3Fnuz);
    internal static readonly ElementType Float8E5M2Fnuz = Float8("F8_E5M2FNUZ", Weights.Float8.E5M2Fnuz);
    internal static readonly ElementType Float8E8M0 = Float8("F8_E8M0", Weights.Float8.E8M0);

    /// <summary>The types of the safetensors format.</summary>
    internal static readonly IReadOnlyDictionary<string, ElementType> Safetensors = new[]
    {
        Bool, UInt8, Int8, Int16, UInt16, Float16, BFloat16, Int32, UInt32, Float32, Complex64, Int64, UInt64, Float64,
        Float8E4M3, Float8E5M2, Float8E4M3Fnuz, Float8E5M2Fnuz, Float8E8M0,
        new ElementType("F4", 4, null), new ElementType("F6_E2M3", 6, null), new ElementType("F6_E3M2", 6, null),
    }.ToDictionary(type => type.Name);

    /// <summary>The type in which a tensor is written.</summary>
    internal static ElementType Of(ScalarType type) => type switch
    {
        ScalarType.Float32 => Float32,
        ScalarType.Float64 => Float64,
        ScalarType.Float16 => Float16,
        ScalarType.BFloat16 => BFloat16,
        ScalarType.Int8 => Int8,
        ScalarType.Int16 => Int16,
        ScalarType.Int32 => Int32,
        ScalarType.Int64 => Int64,
        ScalarType.Byte => UInt8,
        ScalarType.Bool => Bool,
        ScalarType.ComplexFloat32 => Complex64,
        ScalarType.ComplexFloat64 => Complex128,
        _ => throw new ArgumentException($"Tensors of type {type} have no place in a file of tensors; convert to float32 first.", nameof(type)),
    };

    internal int Bytes => Bits / 8;

    /// <summary>Whether a tensor can lie over memory at this address without a copy.</summary>
    internal bool IsInPlace(nint address) => Widen is null && address % Math.Min(Bytes, 8) == 0;

    /// <summary>Elements in C order become a new contiguous tensor.</summary>
    /// <param name="source">Reads the next bytes into the span given, all of it.</param>
    /// <param name="shape">Sizes, already checked against the bytes that there are.</param>
    /// <exception cref="OverflowException">A U64 does not fit int64.</exception>
    internal unsafe Tensor ToTensor(Action<Span<byte>> source, ReadOnlySpan<long> shape)
    {
        var tensor = empty(shape.ToArray(), dtype: Tensor!.Value);
        try
        {
            var target = (byte*)NativeTensors.DataPointer(tensor);
            var size = (int)tensor.element_size();
            var buffer = Widen is null ? null : new byte[ChunkBytes / 16 * Bytes];
            for (long left = tensor.numel(); left > 0;)
            {
                var count = (int)Math.Min(left, ChunkBytes / 16);
                var chunk = new Span<byte>(target, count * size);
                if (buffer is null)
                {
                    source(chunk);
                }
                else
                {
                    source(buffer.AsSpan(0, count * Bytes));
                    Widen!(buffer.AsSpan(0, count * Bytes), chunk);
                }
                target += chunk.Length;
                left -= count;
            }
            return tensor;
        }
        catch
        {
            tensor.Dispose();
            throw;
        }
    }

    /// <summary>The number of elements, or null where the product of the sizes goes beyond 2^63.</summary>
    internal static long? Count(ReadOnlySpan<long> shape)
    {
        long count = 1;
        foreach (var size in shape)
        {
            if (size < 0 || Math.BigMul(count, size, out var low) != 0 || low < 0) return null;
            count = low;
        }
        return count;
    }

    private static Conversion Widening<TFrom, TTo>(Func<TFrom, TTo> convert) where TFrom : unmanaged where TTo : unmanaged => (source, target) =>
    {
        var from = MemoryMarshal.Cast<byte, TFrom>(source);
        var to = MemoryMarshal.Cast<byte, TTo>(target);
        for (int i = 0; i < from.Length; i++) to[i] = convert(from[i]);
    };

    private static ElementType Float8(string name, Float8 format)
    {
        var table = format.BFloat16Table();
        return new ElementType(name, 8, ScalarType.BFloat16, Widening<byte, ushort>(code => table[code]));
    }
}

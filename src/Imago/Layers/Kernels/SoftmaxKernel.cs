using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Imago.Layers.Kernels;

/// <summary>The exponentials of a softmax over rows of bfloat16 numbers, in place. Their sums are left to the caller, who has fewer numbers to divide behind the next product.</summary>
internal static unsafe class SoftmaxKernel
{
    private const int RowsOfPart = 16;

    /// <summary>rows ← exp(scale·(rows − each row's largest)).</summary>
    /// <param name="rows">Address of [R, S] bfloat16, S consecutive.</param>
    /// <param name="count">R.</param>
    /// <param name="width">S.</param>
    /// <param name="scale">Above 0.</param>
    /// <param name="inverseSums">1/Σ of each row goes here, [R].</param>
    internal static void Run(nint rows, int count, int width, float scale, float[] inverseSums) => ThreadTeam.Run((count + RowsOfPart - 1) / RowsOfPart, part =>
    {
        for (var row = part * RowsOfPart; row < Math.Min(count, (part + 1) * RowsOfPart); row++)
            inverseSums[row] = 1 / Exponentiate((ushort*)rows + (nint)row * width, width, scale);
    });

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float Exponentiate(ushort* row, int width, float scale)
    {
        var whole = width - width % Lanes.Count;
        var largest = Largest(row, width, whole);
        var (factor, shift, sum) = (Vector512.Create(scale), Vector512.Create(-largest * scale), Vector512<float>.Zero);
        for (var i = 0; i < whole; i += Lanes.Count)
        {
            var e = Lanes.Exp(Vector512.FusedMultiplyAdd(BFloat16Lanes.Load(row, i), factor, shift));
            BFloat16Lanes.Store(row, i, e);
            sum += e;
        }
        var total = Vector512.Sum(sum);
        for (var i = whole; i < width; i++)
        {
            var e = MathF.Exp((Single(row[i]) - largest) * scale);
            var rounded = BitConverter.SingleToUInt32Bits(e);
            row[i] = (ushort)((rounded + 0x7FFF + ((rounded >> 16) & 1)) >> 16);
            total += e;
        }
        return total;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static float Largest(ushort* row, int width, int whole)
    {
        var largest = Vector512.Create(float.NegativeInfinity);
        for (var i = 0; i < whole; i += Lanes.Count) largest = Vector512.MaxNative(largest, BFloat16Lanes.Load(row, i));
        var result = float.NegativeInfinity;
        for (var i = 0; i < Lanes.Count; i++) result = Math.Max(result, largest[i]);
        for (var i = whole; i < width; i++) result = Math.Max(result, Single(row[i]));
        return result;
    }

    private static float Single(ushort bits) => BitConverter.UInt32BitsToSingle((uint)bits << 16);
}

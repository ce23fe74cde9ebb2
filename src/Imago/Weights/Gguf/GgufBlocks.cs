using System.Buffers.Binary;

namespace Imago.Weights;

/// <summary>
/// The block formats of ggml: in every one a number is scale · code (+ or − an offset), where codes of a few bits are packed and scales are shared.
/// Layouts are ggml's; <c>d</c> is a block's scale in float16 and <c>m</c> its offset, as in ggml's names.
/// </summary>
internal static class GgufBlocks
{
    /// <summary>The sixteen levels of IQ4, denser near zero.</summary>
    private static readonly sbyte[] Iq4Levels = [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113];

    /// <summary>Twice the values of a 4-bit float of two exponent bits and one of mantissa (OCP Microscaling 2023).</summary>
    private static readonly sbyte[] Fp4Doubled = [0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12];

    /// <summary>d · (q − 8); the low nibbles are the first half of the block, the high ones the second.</summary>
    internal static void Q4Zero(ReadOnlySpan<byte> block, Span<float> y)
    {
        var d = Half(block, 0);
        for (int i = 0; i < 32; i++) y[i] = d * (Nibble(block[2..], i) - 8);
    }

    /// <summary>d · q + m.</summary>
    internal static void Q4One(ReadOnlySpan<byte> block, Span<float> y)
    {
        var (d, m) = (Half(block, 0), Half(block, 2));
        for (int i = 0; i < 32; i++) y[i] = d * Nibble(block[4..], i) + m;
    }

    /// <summary>d · (q − 16), the fifth bits in a word of their own.</summary>
    internal static void Q5Zero(ReadOnlySpan<byte> block, Span<float> y)
    {
        var d = Half(block, 0);
        var high = BinaryPrimitives.ReadUInt32LittleEndian(block[2..]);
        for (int i = 0; i < 32; i++) y[i] = d * ((Nibble(block[6..], i) | (int)((high >> i) & 1) << 4) - 16);
    }

    /// <summary>d · q + m, five bits.</summary>
    internal static void Q5One(ReadOnlySpan<byte> block, Span<float> y)
    {
        var (d, m) = (Half(block, 0), Half(block, 2));
        var high = BinaryPrimitives.ReadUInt32LittleEndian(block[4..]);
        for (int i = 0; i < 32; i++) y[i] = d * (Nibble(block[8..], i) | (int)((high >> i) & 1) << 4) + m;
    }

    /// <summary>d · q, eight bits.</summary>
    internal static void Q8Zero(ReadOnlySpan<byte> block, Span<float> y)
    {
        var d = Half(block, 0);
        for (int i = 0; i < 32; i++) y[i] = d * (sbyte)block[2 + i];
    }

    /// <summary>Sixteen groups of sixteen, each with a 4-bit scale and a 4-bit offset; 2-bit codes.</summary>
    internal static void Q2K(ReadOnlySpan<byte> block, Span<float> y)
    {
        var scales = block[..16];
        var codes = block.Slice(16, 64);
        var (d, m) = (Half(block, 80), Half(block, 82));
        for (int i = 0; i < 256; i++)
        {
            var scale = scales[i / 16];
            var code = (codes[i / 128 * 32 + i % 32] >> (i % 128 / 32 * 2)) & 3;
            y[i] = d * (scale & 15) * code - m * (scale >> 4);
        }
    }

    /// <summary>Sixteen groups of sixteen with a 6-bit scale; the third bit of each code in a mask, where zero means minus four.</summary>
    internal static void Q3K(ReadOnlySpan<byte> block, Span<float> y)
    {
        var mask = block[..32];
        var codes = block.Slice(32, 64);
        var scales = block.Slice(96, 12);
        var d = Half(block, 108);
        for (int i = 0; i < 256; i++)
        {
            int group = i / 16;
            var low = (scales[group % 8] >> (group / 8 * 4)) & 15;
            var high = (scales[8 + group % 4] >> (group / 4 * 2)) & 3;
            var code = (codes[i / 128 * 32 + i % 32] >> (i % 128 / 32 * 2)) & 3;
            var third = (mask[i % 32] >> (i / 32)) & 1;
            y[i] = d * ((low | high << 4) - 32) * (code - (third == 0 ? 4 : 0));
        }
    }

    /// <summary>Eight groups of 32 with 6-bit scales and offsets; 4-bit codes.</summary>
    internal static void Q4K(ReadOnlySpan<byte> block, Span<float> y)
    {
        var (d, m) = (Half(block, 0), Half(block, 2));
        var scales = block.Slice(4, 12);
        var codes = block.Slice(16, 128);
        for (int i = 0; i < 256; i++)
        {
            var (scale, offset) = ScaleAndOffset(scales, i / 32);
            var code = (codes[i / 64 * 32 + i % 32] >> (i % 64 / 32 * 4)) & 15;
            y[i] = d * scale * code - m * offset;
        }
    }

    /// <summary>As <see cref="Q4K"/>, with a fifth bit in a mask.</summary>
    internal static void Q5K(ReadOnlySpan<byte> block, Span<float> y)
    {
        var (d, m) = (Half(block, 0), Half(block, 2));
        var scales = block.Slice(4, 12);
        var mask = block.Slice(16, 32);
        var codes = block.Slice(48, 128);
        for (int i = 0; i < 256; i++)
        {
            var (scale, offset) = ScaleAndOffset(scales, i / 32);
            var code = (codes[i / 64 * 32 + i % 32] >> (i % 64 / 32 * 4)) & 15;
            var fifth = (mask[i % 32] >> (i / 32)) & 1;
            y[i] = d * scale * (code | fifth << 4) - m * offset;
        }
    }

    /// <summary>Sixteen groups of sixteen with 8-bit scales; 6-bit codes, four bits here and two there.</summary>
    internal static void Q6K(ReadOnlySpan<byte> block, Span<float> y)
    {
        var low = block[..128];
        var high = block.Slice(128, 64);
        var scales = block.Slice(192, 16);
        var d = Half(block, 208);
        for (int i = 0; i < 256; i++)
        {
            int half = i / 128, quarter = i % 128 / 32, lane = i % 32;
            var four = (low[half * 64 + quarter % 2 * 32 + lane] >> (quarter / 2 * 4)) & 15;
            var two = (high[half * 32 + lane] >> (quarter * 2)) & 3;
            y[i] = d * (sbyte)scales[i / 16] * ((four | two << 4) - 32);
        }
    }

    /// <summary>d · level[q].</summary>
    internal static void Iq4Nl(ReadOnlySpan<byte> block, Span<float> y)
    {
        var d = Half(block, 0);
        for (int i = 0; i < 32; i++) y[i] = d * Iq4Levels[Nibble(block[2..], i)];
    }

    /// <summary>Eight groups of 32 with 6-bit scales, and the levels of <see cref="Iq4Nl"/>.</summary>
    internal static void Iq4Xs(ReadOnlySpan<byte> block, Span<float> y)
    {
        var d = Half(block, 0);
        var high = BinaryPrimitives.ReadUInt16LittleEndian(block[2..]);
        var low = block.Slice(4, 4);
        for (int i = 0; i < 256; i++)
        {
            int group = i / 32;
            var scale = ((low[group / 2] >> (group % 2 * 4)) & 15) | ((high >> (group * 2)) & 3) << 4;
            y[i] = d * (scale - 32) * Iq4Levels[Nibble(block.Slice(8 + group * 16, 16), i % 32)];
        }
    }

    /// <summary>Three levels −d, 0, d: five digits to the base three in a byte, as a fraction of 256.</summary>
    internal static void Tq1(ReadOnlySpan<byte> block, Span<float> y)
    {
        ReadOnlySpan<byte> powers = [1, 3, 9, 27, 81];
        var d = Half(block, 52);
        int at = 0;
        foreach (var (start, bytes, digits) in new[] { (0, 32, 5), (32, 16, 5), (48, 4, 4) })
        {
            for (int digit = 0; digit < digits; digit++)
            {
                for (int i = 0; i < bytes; i++) y[at++] = d * (((byte)(block[start + i] * powers[digit]) * 3 >> 8) - 1);
            }
        }
    }

    /// <summary>Three levels, two bits each.</summary>
    internal static void Tq2(ReadOnlySpan<byte> block, Span<float> y)
    {
        var d = Half(block, 64);
        for (int i = 0; i < 256; i++) y[i] = d * (((block[i / 128 * 32 + i % 32] >> (i % 128 / 32 * 2)) & 3) - 1);
    }

    /// <summary>4-bit floats with a common power of two.</summary>
    internal static void MxFp4(ReadOnlySpan<byte> block, Span<float> y)
    {
        var d = MathF.ScaleB(1, block[0] - 128);
        for (int i = 0; i < 32; i++) y[i] = d * Fp4Doubled[Nibble(block[1..], i)];
    }

    /// <summary>Low nibbles hold elements 0 to 15, high ones 16 to 31.</summary>
    private static int Nibble(ReadOnlySpan<byte> codes, int i) => (codes[i % 16] >> (i / 16 * 4)) & 15;

    /// <summary>Eight pairs of 6-bit numbers in twelve bytes.</summary>
    private static (int Scale, int Offset) ScaleAndOffset(ReadOnlySpan<byte> packed, int group) => group < 4
        ? (packed[group] & 63, packed[group + 4] & 63)
        : ((packed[group + 4] & 15) | (packed[group - 4] >> 6) << 4, (packed[group + 4] >> 4) | (packed[group] >> 6) << 4);

    private static float Half(ReadOnlySpan<byte> block, int at) => (float)BinaryPrimitives.ReadHalfLittleEndian(block[at..]);
}

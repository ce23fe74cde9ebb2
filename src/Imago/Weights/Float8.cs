namespace Imago.Weights;

/// <summary>A format of 8-bit floating-point numbers (Micikevicius et al. 2022; OCP Microscaling 2023): sign, exponent, mantissa.</summary>
/// <param name="ExponentBits">Bits of the exponent; the sign takes one and the mantissa the rest.</param>
/// <param name="Bias">What is subtracted from the stored exponent.</param>
/// <param name="Special">Which codes are not numbers.</param>
internal readonly record struct Float8(int ExponentBits, int Bias, Float8.SpecialCodes Special)
{
    internal enum SpecialCodes
    {
        /// <summary>The largest exponent means infinity (mantissa 0) and NaN, as in IEEE 754.</summary>
        InfinityAndNan,

        /// <summary>All ones is NaN; there is no infinity.</summary>
        NanOnly,

        /// <summary>0x80 is the only NaN; there is neither infinity nor negative zero.</summary>
        NegativeZeroIsNan,

        /// <summary>No sign and no mantissa: powers of two; 0xFF is NaN.</summary>
        PowersOfTwo,
    }

    internal static readonly Float8 E4M3 = new(4, 7, SpecialCodes.NanOnly);
    internal static readonly Float8 E5M2 = new(5, 15, SpecialCodes.InfinityAndNan);
    internal static readonly Float8 E4M3Fnuz = new(4, 8, SpecialCodes.NegativeZeroIsNan);
    internal static readonly Float8 E5M2Fnuz = new(5, 16, SpecialCodes.NegativeZeroIsNan);
    internal static readonly Float8 E8M0 = new(8, 127, SpecialCodes.PowersOfTwo);

    /// <summary>The value of a code.</summary>
    internal float Decode(byte code)
    {
        if (Special == SpecialCodes.PowersOfTwo) return code == 0xFF ? float.NaN : MathF.ScaleB(1, code - Bias);
        int mantissaBits = 7 - ExponentBits;
        int exponent = (code & 0x7F) >> mantissaBits;
        int mantissa = code & ((1 << mantissaBits) - 1);
        float sign = code < 0x80 ? 1 : -1;
        if (Special == SpecialCodes.NegativeZeroIsNan && code == 0x80) return float.NaN;
        if (Special == SpecialCodes.NanOnly && (code & 0x7F) == 0x7F) return float.NaN;
        if (Special == SpecialCodes.InfinityAndNan && exponent == (1 << ExponentBits) - 1) return mantissa == 0 ? sign * float.PositiveInfinity : float.NaN;
        return exponent == 0
            ? sign * MathF.ScaleB(mantissa, 1 - Bias - mantissaBits)
            : sign * MathF.ScaleB(mantissa + (1 << mantissaBits), exponent - Bias - mantissaBits);
    }

    /// <summary>The bfloat16 of every code; exact, because bfloat16 has more bits of both exponent and mantissa.</summary>
    internal ushort[] BFloat16Table()
    {
        var table = new ushort[256];
        for (int code = 0; code < 256; code++) table[code] = (ushort)(BitConverter.SingleToUInt32Bits(Decode((byte)code)) >> 16);
        return table;
    }
}

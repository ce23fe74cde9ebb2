namespace Imago.Weights;

/// <summary>A tensor type of GGUF: numbers one by one, or blocks of several with common scales.</summary>
/// <param name="Name">ggml's name.</param>
/// <param name="BlockElements">Elements of a block along the innermost dimension; 1 for plain numbers.</param>
/// <param name="BlockBytes">Bytes of a block.</param>
/// <param name="Element">For plain numbers their type.</param>
/// <param name="Dequantise">For blocks that Imago decodes: the numbers of one block.</param>
internal sealed record GgufType(string Name, int BlockElements, int BlockBytes, ElementType? Element = null, GgufType.BlockDecoder? Dequantise = null)
{
    internal delegate void BlockDecoder(ReadOnlySpan<byte> block, Span<float> numbers);

    /// <summary>By the number in the file. Types that ggml has removed again (4, 5, 31 …) are unknown; those without a decoder can be listed but not read.</summary>
    internal static readonly IReadOnlyDictionary<uint, GgufType> ById = new Dictionary<uint, GgufType>
    {
        [0] = Plain(ElementType.Float32), [1] = Plain(ElementType.Float16), [30] = Plain(ElementType.BFloat16), [28] = Plain(ElementType.Float64),
        [24] = Plain(ElementType.Int8), [25] = Plain(ElementType.Int16), [26] = Plain(ElementType.Int32), [27] = Plain(ElementType.Int64),
        [2] = new("Q4_0", 32, 18, null, GgufBlocks.Q4Zero), [3] = new("Q4_1", 32, 20, null, GgufBlocks.Q4One),
        [6] = new("Q5_0", 32, 22, null, GgufBlocks.Q5Zero), [7] = new("Q5_1", 32, 24, null, GgufBlocks.Q5One),
        [8] = new("Q8_0", 32, 34, null, GgufBlocks.Q8Zero),
        [10] = new("Q2_K", 256, 84, null, GgufBlocks.Q2K), [11] = new("Q3_K", 256, 110, null, GgufBlocks.Q3K), [12] = new("Q4_K", 256, 144, null, GgufBlocks.Q4K),
        [13] = new("Q5_K", 256, 176, null, GgufBlocks.Q5K), [14] = new("Q6_K", 256, 210, null, GgufBlocks.Q6K),
        [16] = new("IQ2_XXS", 256, 66), [17] = new("IQ2_XS", 256, 74), [18] = new("IQ3_XXS", 256, 98), [19] = new("IQ1_S", 256, 50),
        [20] = new("IQ4_NL", 32, 18, null, GgufBlocks.Iq4Nl), [21] = new("IQ3_S", 256, 110), [22] = new("IQ2_S", 256, 82), [23] = new("IQ4_XS", 256, 136, null, GgufBlocks.Iq4Xs),
        [29] = new("IQ1_M", 256, 56), [34] = new("TQ1_0", 256, 54, null, GgufBlocks.Tq1), [35] = new("TQ2_0", 256, 66, null, GgufBlocks.Tq2),
        [39] = new("MXFP4", 32, 17, null, GgufBlocks.MxFp4),
    };

    private static GgufType Plain(ElementType element) => new(element.Name, 1, element.Bytes, element);
}

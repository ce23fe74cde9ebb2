namespace Imago.Weights;

/// <summary>A NumPy type string such as <c>&lt;f4</c>: the element type, and whether its bytes are swapped; or the width of fixed-size text.</summary>
/// <param name="Element">The numbers' type; null for text.</param>
/// <param name="IsBigEndian">Whether the most significant byte comes first.</param>
/// <param name="Text"><c>U</c> (four bytes a character) or <c>S</c> (bytes), else the null character.</param>
/// <param name="ItemBytes">Bytes of one element.</param>
internal sealed record NumpyType(ElementType? Element, bool IsBigEndian, char Text, int ItemBytes)
{
    private static readonly Dictionary<string, ElementType> Elements = new()
    {
        ["f2"] = ElementType.Float16, ["f4"] = ElementType.Float32, ["f8"] = ElementType.Float64,
        ["i1"] = ElementType.Int8, ["i2"] = ElementType.Int16, ["i4"] = ElementType.Int32, ["i8"] = ElementType.Int64,
        ["u1"] = ElementType.UInt8, ["u2"] = ElementType.UInt16, ["u4"] = ElementType.UInt32, ["u8"] = ElementType.UInt64,
        ["b1"] = ElementType.Bool, ["c8"] = ElementType.Complex64, ["c16"] = ElementType.Complex128,
    };

    /// <summary>The type of a string, or null for one that Imago does not read (objects, structures, dates, void, float128).</summary>
    internal static NumpyType? Parse(string text)
    {
        var code = text.Length > 0 && text[0] is '<' or '>' or '=' or '|' ? text[1..] : text;
        var isBigEndian = text.StartsWith('>');
        if (Elements.TryGetValue(code, out var element)) return new NumpyType(element, isBigEndian, '\0', element.Bytes);
        if (code.Length < 2 || code[0] is not ('U' or 'S') || !int.TryParse(code.AsSpan(1), System.Globalization.NumberStyles.None, null, out var width) || width > 1 << 20) return null;
        return new NumpyType(null, isBigEndian, code[0], code[0] == 'U' ? 4 * width : width);
    }

    /// <summary>The string of an element type in the machine's order, or null where NumPy has no such type.</summary>
    internal static string? CodeOf(ElementType type) => Elements.FirstOrDefault(entry => entry.Value == type).Key is { } code ? (type.Bytes == 1 ? "|" : "<") + code : null;

    /// <summary>NumPy's name of the type: <c>float32</c>, <c>int64</c>, <c>bool</c>, ….</summary>
    internal string Name => Element is null ? $"{Text}{(Text == 'U' ? ItemBytes / 4 : ItemBytes)}" : Element.Name switch
    {
        "BOOL" => "bool",
        ['F', ..] => $"float{Element.Bits}",
        ['I', ..] => $"int{Element.Bits}",
        ['U', ..] => $"uint{Element.Bits}",
        _ => $"complex{Element.Bits}",
    };

    /// <summary>Turns elements into the machine's byte order in place.</summary>
    internal void ToNativeOrder(Span<byte> elements)
    {
        if (!IsBigEndian) return;
        var width = Element is null ? 4 : Element.Name[0] == 'C' ? Element.Bytes / 2 : Element.Bytes;
        for (int at = 0; at + width <= elements.Length; at += width) elements.Slice(at, width).Reverse();
    }
}

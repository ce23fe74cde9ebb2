using System.Globalization;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Golden.Networks;

/// <summary>One tensor of a list of weights that are made by a formula: float32(a + b·u), with u from a hash of the tensor's number, the element and a seed.</summary>
/// <param name="Network">Which network of the list, where it is of several.</param>
/// <param name="Number">p, the tensor's number.</param>
/// <param name="Key">Its key.</param>
/// <param name="Shape">Its shape.</param>
/// <param name="A">a.</param>
/// <param name="B">b.</param>
internal sealed record FormulaWeight(string Network, uint Number, string Key, long[] Shape, double A, double B)
{
    /// <summary>The tensors of a list, one a line: the network where there are several, p, key, shape, a, b.</summary>
    internal static IReadOnlyList<FormulaWeight> ReadList(string path) =>
    [
        .. from line in File.ReadLines(path)
           where !line.StartsWith('#') && line.Length > 0
           let parts = line.Split('\t', StringSplitOptions.TrimEntries)
           select new FormulaWeight(
               parts.Length > 5 ? parts[0] : "", uint.Parse(parts[^5], CultureInfo.InvariantCulture), parts[^4],
               [.. parts[^3].Split(',').Select(size => long.Parse(size, CultureInfo.InvariantCulture))], Number64(parts[^2]), Number64(parts[^1])),
    ];

    internal Tensor Values(uint seed)
    {
        var values = new float[Shape.Aggregate(1L, (product, size) => product * size)];
        for (uint i = 0; i < values.Length; i++)
        {
            var x = unchecked(Number * 0x9E3779B1u + i * 0x85EBCA77u + seed);
            x ^= x >> 16;
            x = unchecked(x * 0x85EBCA6Bu);
            x ^= x >> 13;
            x = unchecked(x * 0xC2B2AE35u);
            x ^= x >> 16;
            var u = (x >> 8) * (1.0 / (1 << 23)) - 1;
            values[i] = (float)(A + B * u);
        }
        return tensor(values).view(Shape);
    }

    private static double Number64(string text) => double.Parse(text, CultureInfo.InvariantCulture);
}

using System.Text.Json;
using System.Text.RegularExpressions;

namespace Imago.Golden;

/// <summary>JSON as Python writes it: <c>NaN</c>, <c>Infinity</c> and <c>-Infinity</c> stand bare; they are read as strings of that name.</summary>
internal static partial class PythonJson
{
    [GeneratedRegex("""("(?:[^"\\]|\\.)*")|(-?Infinity|NaN)""")]
    private static partial Regex StringOrConstant();

    internal static JsonElement Read(string path)
    {
        var text = StringOrConstant().Replace(File.ReadAllText(path), match => match.Groups[2].Success ? $"\"{match.Value}\"" : match.Value);
        using var document = JsonDocument.Parse(text);
        return document.RootElement.Clone();
    }

    /// <summary>A number, or one of the named constants.</summary>
    internal static double Number(this JsonElement element) => element.ValueKind == JsonValueKind.Number ? element.GetDouble() : element.GetString() switch
    {
        "Infinity" or "inf" => double.PositiveInfinity,
        "-Infinity" or "-inf" => double.NegativeInfinity,
        "NaN" or "nan" => double.NaN,
        var other => double.Parse(other!, System.Globalization.CultureInfo.InvariantCulture),
    };
}

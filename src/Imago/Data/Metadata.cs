using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Imago.Data;

/// <summary>Values that are known of each item under the names of columns: from <c>metadata.jsonl</c>, <c>metadata.csv</c> or parquet. A value is null, a double, a string or a bool.</summary>
/// <remarks>Columns get their roles by name, as hub users write them: a caption, a label; every other column of numbers or truth values is an attribute.</remarks>
internal sealed class Metadata
{
    private static readonly string[] CaptionNames = ["caption", "text", "prompt", "description", "captions", "sentence"];
    private static readonly string[] LabelNames = ["label", "labels", "class", "category"];

    private Metadata(string? caption, string? label, IReadOnlyList<string> classNames, IReadOnlyList<ImageAttribute> attributes) =>
        (Caption, Label, ClassNames, Attributes) = (caption, label, classNames, attributes);

    /// <summary>The column with captions.</summary>
    internal string? Caption { get; }

    /// <summary>The column with labels.</summary>
    internal string? Label { get; }

    /// <summary>Names of the classes.</summary>
    internal IReadOnlyList<string> ClassNames { get; }

    /// <summary>The columns of numbers.</summary>
    internal IReadOnlyList<ImageAttribute> Attributes { get; }

    /// <summary>Finds the roles of the columns of a table.</summary>
    /// <param name="rows">One row an item; a row may lack columns.</param>
    /// <param name="classes">The column of labels and the names of the classes, if the file says them.</param>
    internal static Metadata Of(IReadOnlyList<IReadOnlyDictionary<string, object?>> rows, (string Column, IReadOnlyList<string> Names)? classes = null)
    {
        var columns = rows.SelectMany(row => row.Keys).Distinct().ToList();
        string? Named(string[] names) => names.SelectMany(name => columns.Where(column => column.Equals(name, StringComparison.OrdinalIgnoreCase))).FirstOrDefault();
        var (caption, label) = (Named(CaptionNames), classes?.Column ?? Named(LabelNames));
        if (caption is not null && Column(rows, caption).Any(value => value is double or bool)) caption = null;
        if (label is not null && classes is null && !CanBeLabels(Column(rows, label))) label = null;
        var classNames = label is null ? [] : classes?.Names ?? ClassesOf(Column(rows, label));
        var attributes = from column in columns
                         where column != caption && column != label
                         let values = Column(rows, column).ToList()
                         where values.Count > 0 && values.All(value => value is double or bool)
                         let numbers = values.Select(Number).ToList()
                         select new ImageAttribute(column, numbers.Min(), numbers.Max(), values.All(value => value is bool) ? ["no", "yes"] : [], $"column {column}");
        return new Metadata(caption, label, classNames, [.. attributes]);
    }

    internal string? CaptionOf(IReadOnlyDictionary<string, object?> row) => Caption is null ? null : row.GetValueOrDefault(Caption) as string;

    internal int? LabelOf(IReadOnlyDictionary<string, object?> row)
    {
        if (Label is null || row.GetValueOrDefault(Label) is not { } value) return null;
        var index = value is double number ? (int)number : ((List<string>)[.. ClassNames]).IndexOf(Text(value));
        return index >= 0 && index < ClassNames.Count ? index : null;
    }

    /// <summary>A number for each attribute, NaN where the row does not say.</summary>
    internal IReadOnlyList<double> AttributesOf(IReadOnlyDictionary<string, object?> row) => [.. Attributes.Select(attribute => row.GetValueOrDefault(attribute.Name) is { } value ? Number(value) : double.NaN)];

    private static IEnumerable<object> Column(IReadOnlyList<IReadOnlyDictionary<string, object?>> rows, string column) => rows.Select(row => row.GetValueOrDefault(column)).OfType<object>();

    private static bool CanBeLabels(IEnumerable<object> values) => values.All(value => value is string or bool || (value is double number && number == Math.Floor(number) && number is >= 0 and < 100_000));

    // Whole numbers are indices: 0 up to the largest. Texts are sorted.
    private static IReadOnlyList<string> ClassesOf(IEnumerable<object> values)
    {
        var all = values.ToList();
        return all.All(value => value is double)
            ? [.. Enumerable.Range(0, all.Count == 0 ? 0 : 1 + all.Max(value => (int)(double)value)).Select(index => index.ToString(CultureInfo.InvariantCulture))]
            : [.. all.Select(Text).Distinct().Order(StringComparer.Ordinal)];
    }

    private static string Text(object value) => value is bool truth ? (truth ? "yes" : "no") : Convert.ToString(value, CultureInfo.InvariantCulture)!;

    private static double Number(object value) => value is bool truth ? (truth ? 1 : 0) : (double)value;

    /// <summary>The rows of a <c>metadata.jsonl</c>.</summary>
    internal static IEnumerable<IReadOnlyDictionary<string, object?>> ReadJsonLines(byte[] file, string name)
    {
        var number = 0;
        foreach (var line in Decode(file, name).Split('\n'))
        {
            number++;
            if (string.IsNullOrWhiteSpace(line)) continue;
            Dictionary<string, object?> row = [];
            try
            {
                using var document = JsonDocument.Parse(line);
                foreach (var property in document.RootElement.EnumerateObject()) row[property.Name] = Value(property.Value);
            }
            catch (Exception e) when (e is JsonException or InvalidOperationException)
            {
                throw new DataException($"{name}, line {number}: is no JSON object: {e.Message}", e);
            }
            yield return row;
        }
    }

    // Of a list of captions the first counts; objects and other lists say nothing that Imago knows.
    private static object? Value(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.String => element.GetString(),
        JsonValueKind.Number => element.GetDouble(),
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        JsonValueKind.Array when element.GetArrayLength() > 0 && element[0].ValueKind == JsonValueKind.String => element[0].GetString(),
        _ => null,
    };

    /// <summary>The rows of a <c>metadata.csv</c> (RFC 4180). A column is of numbers, or of truth values, if all its values are.</summary>
    internal static IEnumerable<IReadOnlyDictionary<string, object?>> ReadCsv(byte[] file, string name)
    {
        var records = Records(Decode(file, name), name).ToList();
        if (records.Count == 0) return [];
        var header = records[0];
        var wrong = records.FindIndex(record => record.Count != header.Count);
        if (wrong >= 0) throw new DataException($"{name}, record {wrong + 1}: has {records[wrong].Count} fields, the header {header.Count}.");
        var parsers = header.Select((_, column) => ParserOf(records.Skip(1).Select(record => record[column]).Where(text => text.Length > 0))).ToList();
        return records.Skip(1).Select(record => header.Select((column, i) => KeyValuePair.Create(column, record[i].Length == 0 ? null : parsers[i](record[i]))).DistinctBy(pair => pair.Key).ToDictionary());
    }

    private static Func<string, object?> ParserOf(IEnumerable<string> values)
    {
        var all = values.ToList();
        if (all.All(text => bool.TryParse(text, out _))) return text => bool.Parse(text);
        return all.All(text => double.TryParse(text, CultureInfo.InvariantCulture, out _)) ? text => double.Parse(text, CultureInfo.InvariantCulture) : text => text;
    }

    private static IEnumerable<List<string>> Records(string text, string name)
    {
        var (field, record, quoted) = (new StringBuilder(), new List<string>(), false);
        for (var i = 0; i < text.Length; i++)
        {
            var c = text[i];
            if (quoted)
            {
                if (c != '"') field.Append(c);
                else if (i + 1 < text.Length && text[i + 1] == '"') field.Append(text[++i]);
                else quoted = false;
            }
            else if (c == '"') quoted = true;
            else if (c is ',' or '\n')
            {
                record.Add(field.ToString().TrimEnd('\r'));
                field.Clear();
                if (c == ',') continue;
                if (record is not [""]) yield return record;
                record = [];
            }
            else field.Append(c);
        }
        if (quoted) throw new DataException($"{name}: a quoted field does not end.");
        record.Add(field.ToString().TrimEnd('\r'));
        if (record is not [""]) yield return record;
    }

    private static string Decode(byte[] file, string name)
    {
        try
        {
            return new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(file).TrimStart('\uFEFF');
        }
        catch (DecoderFallbackException e)
        {
            throw new DataException($"{name}: is not UTF-8 text.", e);
        }
    }
}

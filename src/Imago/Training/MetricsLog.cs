using System.Text;
using System.Text.Json;

namespace Imago.Training;

/// <summary>One line of a run's log.</summary>
/// <param name="Kind"><c>train</c> or <c>validation</c>.</param>
/// <param name="Step">Steps made.</param>
/// <param name="Epoch">Passes through the data that are done.</param>
/// <param name="Seconds">Time spent in the run.</param>
/// <param name="Values">What was measured, by name.</param>
public sealed record MetricsLine(string Kind, long Step, int Epoch, double Seconds, IReadOnlyDictionary<string, double> Values);

/// <summary>
/// A run's <c>metrics.jsonl</c>: one JSON object a line, flushed as it is written, and the same as TensorBoard events beside it.
/// </summary>
internal sealed class MetricsLog : IDisposable
{
    private readonly FileStream _lines;
    private readonly TensorBoardEvents _events;

    /// <summary>Opens the log and drops everything after <paramref name="step"/>, which the run is going to do again.</summary>
    internal MetricsLog(string path, string eventsPath, long step)
    {
        _lines = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read);
        var kept = Read(_lines).Where(line => line.Step <= step).ToList();
        _lines.SetLength(0);
        foreach (var line in kept) _lines.Write(ToJson(line));
        _lines.Flush();
        _events = new TensorBoardEvents(eventsPath, kept);
    }

    internal void Append(MetricsLine line)
    {
        _lines.Write(ToJson(line));
        _lines.Flush();
        _events.Append(line);
    }

    public void Dispose()
    {
        _lines.Dispose();
        _events.Dispose();
    }

    /// <summary>The lines of a log; a last line that was cut off by a crash is left out.</summary>
    internal static List<MetricsLine> Read(Stream stream)
    {
        stream.Position = 0;
        using var reader = new StreamReader(stream, leaveOpen: true);
        var lines = new List<MetricsLine>();
        while (reader.ReadLine() is { } text)
        {
            if (Parse(text) is { } line) lines.Add(line);
        }
        return lines;
    }

    private static MetricsLine? Parse(string text)
    {
        try
        {
            using var json = JsonDocument.Parse(text);
            var fields = json.RootElement.EnumerateObject().ToDictionary(field => field.Name, field => field.Value.Clone());
            var values = fields.Where(field => field.Key is not ("kind" or "step" or "epoch" or "seconds")).ToDictionary(field => field.Key, field => Number(field.Value));
            return new MetricsLine(fields["kind"].GetString()!, fields["step"].GetInt64(), fields["epoch"].GetInt32(), fields["seconds"].GetDouble(), values);
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            return null;
        }
    }

    private static double Number(JsonElement value) => value.ValueKind == JsonValueKind.Number
        ? value.GetDouble()
        : double.Parse(value.GetString()!, System.Globalization.CultureInfo.InvariantCulture);

    private static byte[] ToJson(MetricsLine line)
    {
        var fields = new Dictionary<string, object> { ["kind"] = line.Kind, ["step"] = line.Step, ["epoch"] = line.Epoch, ["seconds"] = Math.Round(line.Seconds, 3) };
        foreach (var (name, value) in line.Values) fields[name] = value;
        return Encoding.UTF8.GetBytes(JsonSerializer.Serialize(fields, Compact) + "\n");
    }

    private static JsonSerializerOptions Compact { get; } = new(ConfigJson.Options) { WriteIndented = false };
}

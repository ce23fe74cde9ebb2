using System.Text.Json;
using System.Text.Unicode;

namespace Imago.Weights;

/// <summary>One tensor of a header: its range is relative to the start of the data.</summary>
internal sealed record SafetensorsEntry(TensorInfo Info, ElementType Type, long Begin, long End);

/// <summary>
/// The header of a safetensors file, as strict as the format demands: offsets cover the data exactly, without hole or overlap, and agree with type and shape.
/// As the official reader does, it accepts unknown fields in an entry and <c>"__metadata__": null</c>; unlike it, it refuses a key that stands twice and a header
/// that does not begin with a brace, as the format's text says.
/// </summary>
internal sealed class SafetensorsHeader
{
    private const int MaxLength = 100_000_000;
    private const int MaxDimensions = 64;

    private readonly string _path;

    private SafetensorsHeader(string path) => _path = path;

    internal List<SafetensorsEntry> Entries { get; } = [];

    internal Dictionary<string, string> Metadata { get; } = [];

    /// <summary>Where the data begin in the file.</summary>
    internal long DataStart { get; private set; }

    internal static SafetensorsHeader Read(MappedFile file)
    {
        var header = new SafetensorsHeader(file.Path);
        if (file.Length < 8) throw header.Damaged(file.Length == 0 ? "the file is empty" : $"{file.Length} bytes are too few");
        var length = BitConverter.ToUInt64(file.Span(0, 8));
        if (length > MaxLength) throw header.Damaged($"a header of {length} bytes, more than the {MaxLength} that the format allows");
        if ((long)length > file.Length - 8) throw header.Damaged($"a header of {length} bytes in a file of {file.Length}; it may be cut short: fetch it again");
        header.DataStart = 8 + (long)length;
        try
        {
            header.Parse(file.Span(8, (int)length));
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException)
        {
            throw header.Damaged($"the header is not the JSON it must be: {e.Message}", e);
        }
        header.CheckRanges(file.Length - header.DataStart);
        return header;
    }

    private void Parse(ReadOnlySpan<byte> text)
    {
        if (text.Length == 0 || text[0] != (byte)'{') throw Damaged("the header does not begin with a brace");
        if (!Utf8.IsValid(text)) throw Damaged("the header is not UTF-8");
        var json = new Utf8JsonReader(text, new JsonReaderOptions { MaxDepth = 16 });
        Expect(ref json, JsonTokenType.StartObject, "the header");
        var names = new HashSet<string>(StringComparer.Ordinal);
        while (json.Read() && json.TokenType == JsonTokenType.PropertyName)
        {
            var name = json.GetString()!;
            if (!names.Add(name)) throw Damaged($"the key {name} stands twice in the header");
            if (name == "__metadata__") ReadMetadata(ref json);
            else Entries.Add(ReadEntry(name, ref json));
        }
        if (json.Read()) throw Damaged("there is text after the header's end");
    }

    private void ReadMetadata(ref Utf8JsonReader json)
    {
        json.Read();
        if (json.TokenType == JsonTokenType.Null) return;
        if (json.TokenType != JsonTokenType.StartObject) throw Damaged("__metadata__ is not an object");
        while (json.Read() && json.TokenType == JsonTokenType.PropertyName)
        {
            var key = json.GetString()!;
            Expect(ref json, JsonTokenType.String, $"metadata {key}");
            Metadata[key] = json.GetString()!;
        }
    }

    private SafetensorsEntry ReadEntry(string name, ref Utf8JsonReader json)
    {
        Expect(ref json, JsonTokenType.StartObject, $"tensor {name}");
        string? type = null;
        List<long>? shape = null, range = null;
        while (json.Read() && json.TokenType == JsonTokenType.PropertyName)
        {
            var field = json.GetString();
            bool isTwice = field switch { "dtype" => type is not null, "shape" => shape is not null, "data_offsets" => range is not null, _ => false };
            if (isTwice) throw Damaged($"tensor {name} has {field} twice");
            switch (field)
            {
                case "dtype":
                    Expect(ref json, JsonTokenType.String, $"the dtype of tensor {name}");
                    type = json.GetString();
                    break;
                case "shape":
                    shape = ReadNumbers(ref json, $"the shape of tensor {name}");
                    break;
                case "data_offsets":
                    range = ReadNumbers(ref json, $"data_offsets of tensor {name}");
                    break;
                default:
                    json.Skip();
                    break;
            }
        }
        if (type is null || shape is null || range is null) throw Damaged($"tensor {name} lacks dtype, shape or data_offsets");
        return Check(name, type, shape, range);
    }

    private SafetensorsEntry Check(string name, string typeName, List<long> shape, List<long> range)
    {
        if (!ElementType.Safetensors.TryGetValue(typeName, out var type))
            throw Damaged($"tensor {name} has the type {typeName}, which is none of {string.Join(", ", ElementType.Safetensors.Keys)}");
        if (shape.Count > MaxDimensions) throw Damaged($"tensor {name} has {shape.Count} dimensions, more than the {MaxDimensions} that libtorch takes");
        if (range is not [var begin, var end] || end < begin) throw Damaged($"tensor {name} has data_offsets [{string.Join(", ", range)}], expected [begin, end]");
        var bits = ElementType.Count([.. shape, type.Bits]) ?? throw Damaged($"tensor {name} of shape [{string.Join(", ", shape)}] is larger than any memory");
        if (bits % 8 != 0 || end - begin != bits / 8)
            throw Damaged($"tensor {name} ({typeName} [{string.Join(", ", shape)}]) needs {bits / 8.0} bytes, but its range holds {end - begin}");
        return new SafetensorsEntry(new TensorInfo(name, typeName, shape) { ByteCount = end - begin }, type, begin, end);
    }

    private List<long> ReadNumbers(ref Utf8JsonReader json, string what)
    {
        Expect(ref json, JsonTokenType.StartArray, what);
        var numbers = new List<long>();
        while (json.Read() && json.TokenType != JsonTokenType.EndArray)
        {
            if (json.TokenType != JsonTokenType.Number || json.ValueSpan.IndexOfAnyExceptInRange((byte)'0', (byte)'9') >= 0 || !json.TryGetInt64(out var number))
                throw Damaged($"{what} is not a list of whole numbers from 0 to 2^63");
            numbers.Add(number);
        }
        return numbers;
    }

    private void Expect(ref Utf8JsonReader json, JsonTokenType type, string what)
    {
        if (!json.Read() || json.TokenType != type) throw Damaged($"{what} is {json.TokenType}, expected {type}");
    }

    private void CheckRanges(long dataLength)
    {
        long covered = 0;
        foreach (var (info, _, begin, end) in Entries.OrderBy(entry => entry.Begin).ThenBy(entry => entry.End))
        {
            if (begin != covered) throw Damaged($"tensor {info.Name} begins at byte {begin} of the data, expected {covered}: there is {(begin > covered ? "a hole" : "an overlap")}");
            covered = end;
        }
        if (covered != dataLength) throw Damaged($"the header describes {covered} bytes of data, but there are {dataLength}; {(covered > dataLength ? "the file is cut short: fetch it again" : "something was appended")}");
    }

    private CheckpointException Damaged(string what, Exception? cause = null) => new($"{_path} is not a valid safetensors file: {what}.", cause);
}

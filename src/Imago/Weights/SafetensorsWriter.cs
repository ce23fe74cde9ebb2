using System.Text.Encodings.Web;
using System.Text.Json;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Weights;

internal static class SafetensorsWriter
{
    private const int Alignment = 8;
    private const int ChunkBytes = 4 << 20;

    internal static void Write(string path, IEnumerable<KeyValuePair<string, Tensor>> tensors, IReadOnlyDictionary<string, string>? metadata)
    {
        var entries = tensors.Select(entry => (Name: entry.Key, Tensor: entry.Value, Type: TypeOf(entry.Key, entry.Value)))
            .OrderByDescending(entry => entry.Type.Bytes).ToList();                                  // a stable sort: given order inside a type
        if (entries.GroupBy(entry => entry.Name).FirstOrDefault(group => group.Count() > 1) is { } twice)
            throw new ArgumentException($"The name {twice.Key} is used twice.", nameof(tensors));
        var header = Header(entries.Select(entry => (entry.Name, entry.Tensor.shape, entry.Type)), metadata);
        AtomicFile.Write(path, stream =>
        {
            stream.Write(BitConverter.GetBytes((ulong)header.Length));
            stream.Write(header);
            foreach (var (_, tensor, _) in entries) WriteElements(stream, tensor);
        });
    }

    /// <summary>Writes the tensors of another file, one in memory at a time.</summary>
    /// <param name="path">The file to write.</param>
    /// <param name="file">The other file.</param>
    /// <param name="type">What floating-point numbers are rounded to; null for their own types.</param>
    /// <param name="metadata">Text to store beside them.</param>
    internal static void Copy(string path, TensorFile file, ScalarType? type, IReadOnlyDictionary<string, string>? metadata)
    {
        var entries = file.Tensors.Select(info => (info.Name, Shape: info.Shape.ToArray(), Type: TypeIn(file, info.Name, type))).OrderByDescending(entry => entry.Type.Bytes).ToList();
        var header = Header(entries, metadata);
        AtomicFile.Write(path, stream =>
        {
            stream.Write(BitConverter.GetBytes((ulong)header.Length));
            stream.Write(header);
            foreach (var (name, _, element) in entries)
            {
                using var scope = NewDisposeScope();
                WriteElements(stream, file.Read(name).to(element.Tensor!.Value));
            }
        });
    }

    private static ElementType TypeIn(TensorFile file, string name, ScalarType? type)
    {
        using var tensor = file.Read(name);
        return type is { } to && tensor.is_floating_point() ? ElementType.Of(to) : TypeOf(name, tensor);
    }

    /// <summary>Writes a tensor's elements in C order.</summary>
    internal static unsafe void WriteElements(Stream stream, Tensor tensor)
    {
        using var scope = NewDisposeScope();
        var plain = tensor.detach().cpu().contiguous();
        var data = (byte*)NativeTensors.DataPointer(plain);
        var length = plain.numel() * plain.element_size();
        for (long at = 0; at < length; at += ChunkBytes) stream.Write(new ReadOnlySpan<byte>(data + at, (int)Math.Min(ChunkBytes, length - at)));
        GC.KeepAlive(plain);
    }

    private static ElementType TypeOf(string name, Tensor tensor)
    {
        if (name == "__metadata__") throw new ArgumentException("The name __metadata__ is reserved by the format.", nameof(name));
        var type = ElementType.Of(tensor.dtype);
        return ElementType.Safetensors.ContainsKey(type.Name)
            ? type
            : throw new ArgumentException($"Tensor {name}: the safetensors format has no {type.Name}; split it into real and imaginary parts (view_as_real).", nameof(tensor));
    }

    internal static byte[] Header(IEnumerable<(string Name, long[] Shape, ElementType Type)> entries, IReadOnlyDictionary<string, string>? metadata)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            if (metadata is { Count: > 0 })
            {
                json.WriteStartObject("__metadata__");
                foreach (var (key, value) in metadata) json.WriteString(key, value);
                json.WriteEndObject();
            }
            long begin = 0;
            foreach (var (name, shape, type) in entries)
            {
                var end = begin + shape.Aggregate(1L, (count, size) => count * size) * type.Bytes;
                json.WriteStartObject(name);
                json.WriteString("dtype", type.Name);
                WriteNumbers(json, "shape", shape);
                WriteNumbers(json, "data_offsets", [begin, end]);
                json.WriteEndObject();
                begin = end;
            }
            json.WriteEndObject();
        }
        while (buffer.Length % Alignment != 0) buffer.WriteByte((byte)' ');
        return buffer.ToArray();
    }

    private static void WriteNumbers(Utf8JsonWriter json, string name, IEnumerable<long> numbers)
    {
        json.WriteStartArray(name);
        foreach (var number in numbers) json.WriteNumberValue(number);
        json.WriteEndArray();
    }
}

using System.Text.Json;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Weights;

/// <summary>Files in the safetensors format.</summary>
public static class Safetensors
{
    /// <summary>Opens a file.</summary>
    /// <exception cref="CheckpointException">It is not a valid safetensors file.</exception>
    public static TensorFile Open(string path) => new Reader(path);

    private sealed class Reader : TensorFile
    {
        private readonly byte[] _data;
        private readonly Dictionary<string, (TensorInfo Info, long Begin, long End)> _entries = [];

        internal Reader(string path)
        {
            Path = path;
            var file = File.ReadAllBytes(path);
            var length = BitConverter.ToInt64(file, 0);
            using var header = JsonDocument.Parse(file.AsMemory(8, (int)length));
            _data = file[(8 + (int)length)..];
            foreach (var entry in header.RootElement.EnumerateObject())
            {
                if (entry.Name == "__metadata__") continue;
                var shape = entry.Value.GetProperty("shape").EnumerateArray().Select(n => n.GetInt64()).ToArray();
                var offsets = entry.Value.GetProperty("data_offsets");
                _entries[entry.Name] = (new TensorInfo(entry.Name, entry.Value.GetProperty("dtype").GetString()!, shape), offsets[0].GetInt64(), offsets[1].GetInt64());
            }
        }

        public override string Path { get; }

        public override IReadOnlyList<TensorInfo> Tensors => [.. _entries.Values.Select(entry => entry.Info)];

        public override IReadOnlyDictionary<string, string> Metadata { get; } = new Dictionary<string, string>();

        public override Tensor Read(string name)
        {
            var (info, begin, end) = _entries[name];
            var type = info.DataType switch
            {
                "F32" => ScalarType.Float32,
                "F64" => ScalarType.Float64,
                "F16" => ScalarType.Float16,
                "BF16" => ScalarType.BFloat16,
                "I64" => ScalarType.Int64,
                "I32" => ScalarType.Int32,
                "U8" => ScalarType.Byte,
                "BOOL" => ScalarType.Bool,
                _ => throw new CheckpointException($"{Path}: tensor {name} has the type {info.DataType}, which is not supported."),
            };
            var tensor = empty([.. info.Shape], dtype: type);
            tensor.bytes = _data.AsSpan((int)begin, (int)(end - begin));
            return tensor;
        }

        public override void Dispose()
        {
        }
    }
}

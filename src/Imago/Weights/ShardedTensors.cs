using System.Text.Json;
using static TorchSharp.torch;

namespace Imago.Weights;

/// <summary>A model over several files, by the hub's <c>*.index.json</c>: <c>weight_map</c> says which file holds which key.</summary>
internal sealed class ShardedTensors : TensorFile
{
    private const long MaxIndexLength = 100_000_000;

    private readonly Dictionary<string, TensorFile> _shards = [];
    private readonly Dictionary<string, TensorFile> _shardOf = [];
    private readonly Dictionary<string, string> _metadata = [];

    internal ShardedTensors(string indexPath)
    {
        Path = indexPath;
        try
        {
            Open();
        }
        catch
        {
            Dispose();
            throw;
        }
        Tensors = [.. _shards.Values.SelectMany(shard => shard.Tensors)];
    }

    public override string Path { get; }

    public override IReadOnlyList<TensorInfo> Tensors { get; }

    public override IReadOnlyDictionary<string, string> Metadata => _metadata;

    internal bool IsSafetensors => _shards.Values.All(shard => shard is SafetensorsFile);

    internal int ShardCount => _shards.Count;

    internal long FileBytes => _shards.Values.Sum(shard => LinkedFile.Length(shard.Path) ?? 0);

    public override bool Contains(string name) => _shardOf.ContainsKey(name);

    public override Tensor Read(string name) =>
        _shardOf.TryGetValue(name, out var shard) ? shard.Read(name) : throw new CheckpointException($"{Path}: there is no tensor {name}.");

    internal override void Forget()
    {
        foreach (var shard in _shards.Values) shard.Forget();
    }

    public override void Dispose()
    {
        foreach (var shard in _shards.Values) shard.Dispose();
    }

    private void Open()
    {
        if (!File.Exists(Path)) throw new CheckpointException($"{Path}: there is no such file.");
        if (LinkedFile.Length(Path) > MaxIndexLength) throw Wrong($"it is larger than {MaxIndexLength} bytes");
        try
        {
            using var json = JsonDocument.Parse(File.ReadAllBytes(Path));
            if (json.RootElement.ValueKind != JsonValueKind.Object || !json.RootElement.TryGetProperty("weight_map", out var map) || map.ValueKind != JsonValueKind.Object)
                throw Wrong("it has no weight_map");
            if (json.RootElement.TryGetProperty("metadata", out var metadata) && metadata.ValueKind == JsonValueKind.Object)
            {
                foreach (var entry in metadata.EnumerateObject()) _metadata[entry.Name] = entry.Value.ToString();
            }
            foreach (var entry in map.EnumerateObject()) Add(entry.Name, entry.Value.ValueKind == JsonValueKind.String ? entry.Value.GetString()! : throw Wrong($"the file of {entry.Name} is not a name"));
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw Wrong($"it is not the JSON it must be: {e.Message}", e);
        }
        foreach (var (file, shard) in _shards)
        {
            if (shard.Tensors.FirstOrDefault(tensor => _shardOf.GetValueOrDefault(tensor.Name) != shard) is { } stray)
                throw Wrong($"{file} holds {stray.Name}, which the index does not place there");
        }
    }

    private void Add(string key, string file)
    {
        if (file != System.IO.Path.GetFileName(file) || file.Contains('\\', StringComparison.Ordinal) || file is "." or ".." or "")
            throw Wrong($"it places {key} in '{file}', which is not a file beside it");
        if (!_shards.TryGetValue(file, out var shard))
        {
            var path = System.IO.Path.Combine(System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(Path))!, file);
            if (!File.Exists(path)) throw Wrong($"the shard {file} is missing; fetch it into the same folder");
            if (TensorFileOpener.KindOf(path) == FileFormat.Kind.Json) throw Wrong($"the shard {file} is an index itself");
            _shards[file] = shard = TensorFileOpener.Open(path);
        }
        if (!shard.Contains(key)) throw Wrong($"{file} does not hold {key}, which the index places there");
        if (!_shardOf.TryAdd(key, shard)) throw Wrong($"the key {key} stands twice");
    }

    private CheckpointException Wrong(string what, Exception? cause = null) => new($"{Path} is not a valid index of shards: {what}.", cause);
}

using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Weights;

/// <summary>A mapped safetensors file.</summary>
internal sealed class SafetensorsFile : TensorFile
{
    private readonly MappedFile _file;
    private readonly SafetensorsHeader _header;
    private readonly Dictionary<string, SafetensorsEntry> _entries;

    internal SafetensorsFile(string path)
    {
        _file = new MappedFile(path);
        try
        {
            _header = SafetensorsHeader.Read(_file);
        }
        catch
        {
            _file.Dispose();
            throw;
        }
        _entries = _header.Entries.ToDictionary(entry => entry.Info.Name);
        Tensors = [.. _header.Entries.Select(entry => entry.Info)];
    }

    public override string Path => _file.Path;

    public override IReadOnlyList<TensorInfo> Tensors { get; }

    public override IReadOnlyDictionary<string, string> Metadata => _header.Metadata;

    public override bool Contains(string name) => _entries.ContainsKey(name);

    public override Tensor Read(string name)
    {
        if (!_entries.TryGetValue(name, out var entry)) throw new CheckpointException($"{Path}: there is no tensor {name}.");
        return MappedTensors.Read(_file, _header.DataStart + entry.Begin, entry.Info, entry.Type);
    }

    internal override void Forget() => _file.Forget();

    public override void Dispose() => _file.Dispose();
}

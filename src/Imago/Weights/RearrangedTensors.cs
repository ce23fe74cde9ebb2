using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Weights;

/// <summary>
/// A part of a file as if it were a file of its own, under other names and in other forms: nothing is copied, and a tensor is read when it is asked for.
/// Keys that the layout does not know keep their names, so that the loader reports them.
/// </summary>
internal sealed class RearrangedTensors : TensorFile
{
    private readonly TensorFile _file;
    private readonly Dictionary<string, KeyOrigin> _origins = [];
    private readonly Dictionary<string, (TensorInfo Info, Func<Tensor> Make)> _made = [];
    private readonly List<TensorInfo> _tensors = [];

    /// <summary>A part of a file.</summary>
    /// <param name="file">The file; it belongs to the part from now on.</param>
    /// <param name="what">What the part is, for messages.</param>
    /// <param name="map">What becomes of a key of the file, with the file's own keys as sources: nothing, something, or null if the layout does not know it.</param>
    /// <exception cref="CheckpointException">Two tensors of the file become the same one, or one has a shape that no file of the layout has. The file stays open then.</exception>
    internal RearrangedTensors(TensorFile file, string what, Func<string, IReadOnlyList<KeyOrigin>?> map)
    {
        (_file, Path) = (file, $"{file.Path} ({what})");
        foreach (var info in file.Tensors)
        {
            foreach (var origin in map(info.Name) ?? [KeyOrigin.Unchanged(info.Name)]) Add(info, origin);
        }
    }

    public override string Path { get; }

    public override IReadOnlyList<TensorInfo> Tensors => _tensors;

    public override IReadOnlyDictionary<string, string> Metadata => _file.Metadata;

    public override bool Contains(string name) => _origins.ContainsKey(name) || _made.ContainsKey(name);

    /// <summary>The key of the file that a tensor comes from.</summary>
    internal string? SourceOf(string name) => _origins.TryGetValue(name, out var origin) ? origin.Source : null;

    /// <summary>Adds a tensor that the layout leaves out because it is always the same.</summary>
    internal void AddMissing(TensorInfo info, Func<Tensor> make)
    {
        if (Contains(info.Name)) return;
        _made[info.Name] = (info, make);
        _tensors.Add(info);
    }

    public override Tensor Read(string name)
    {
        if (_made.TryGetValue(name, out var made)) return made.Make();
        if (!_origins.TryGetValue(name, out var origin)) throw new CheckpointException($"{Path}: there is no tensor {name}.");
        using var source = _file.Read(origin.Source);
        return origin.Of(source);
    }

    internal override void Forget() => _file.Forget();

    public override void Dispose() => _file.Dispose();

    private void Add(TensorInfo info, KeyOrigin origin)
    {
        if (origin.ShapeOf(info.Shape) is not { } shape)
            throw new CheckpointException($"{Path}: {origin.Source} is [{string.Join(", ", info.Shape)}], which cannot be made into {origin.Name}. The file is damaged, or not of the layout that its other keys are of.");
        if (!_origins.TryAdd(origin.Name, origin))
            throw new CheckpointException($"{Path}: {origin.Name} is there twice, as {_origins[origin.Name].Source} and as {origin.Source}. Several files were mixed into one.");
        _tensors.Add(new TensorInfo(origin.Name, info.DataType, shape) { ByteCount = info.ByteCount / origin.Part.Count });
    }
}

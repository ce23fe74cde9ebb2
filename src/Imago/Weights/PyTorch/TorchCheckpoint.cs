using static TorchSharp.torch;

namespace Imago.Weights;

/// <summary>
/// A checkpoint of <c>torch.save</c> (<c>.pt</c>, <c>.pth</c>, <c>.ckpt</c>, <c>.bin</c>), in the zip container or the legacy one of PyTorch before 1.6.
/// Its pickle is read as data through closed lists of opcodes and names; nothing is executed.
/// </summary>
/// <remarks>
/// <see cref="Root"/> is the whole tree. As a <see cref="TensorFile"/> it is the state dict: of a dictionary with one of the keys <c>state_dict</c>,
/// <c>model_state_dict</c>, <c>model</c>, <c>module</c>, <c>params_ema</c>, <c>params</c> the first that is a dictionary with tensors (looked for again inside it);
/// otherwise every tensor of the tree. Nested names are joined with dots, elements of lists are numbered, a bare tensor is called <c>tensor</c>.
/// Tensors stored uncompressed share the file's memory; those that share a storage in the file share it here too when it is read in place.
/// </remarks>
public sealed class TorchCheckpoint : TensorFile
{
    private const long FreeBytes = 16 << 20;

    private readonly MappedFile _file;
    private readonly ITorchContainer _container;
    private readonly Dictionary<string, PickleTensor> _tensors;

    private TorchCheckpoint(MappedFile file)
    {
        _file = file;
        _container = FileFormat.Of(file) switch
        {
            FileFormat.Kind.Zip => new TorchZip(file),
            FileFormat.Kind.TorchLegacy => new TorchLegacy(file),
            var kind => throw new CheckpointException($"{file.Path} is not a PyTorch checkpoint but {FileFormat.Describe(kind)}."),
        };
        Root = _container.Root;
        foreach (var tensor in _container.Tensors) Check(tensor);
        var dictionary = new StateDictionary(file.Path, Root);
        (_tensors, Metadata) = (dictionary.Tensors, dictionary.Metadata);
        Tensors = [.. _tensors.Select(entry => new TensorInfo(entry.Key, entry.Value.DataType, entry.Value.Shape) { ByteCount = ElementType.Count([.. entry.Value.Shape, entry.Value.Type.Bytes])!.Value })];
    }

    /// <summary>The whole tree.</summary>
    public PickleValue Root { get; }

    /// <summary>Which container it is: <c>zip</c> or <c>legacy</c>.</summary>
    public string Container => _container.Name;

    /// <inheritdoc/>
    public override string Path => _file.Path;

    /// <inheritdoc/>
    public override IReadOnlyList<TensorInfo> Tensors { get; }

    /// <summary>Texts and numbers that stand beside the tensors, as text.</summary>
    public override IReadOnlyDictionary<string, string> Metadata { get; }

    /// <summary>Opens a checkpoint and checks it whole; numbers are read when they are asked for.</summary>
    /// <exception cref="CheckpointException">It is damaged or refused (the message names what is), or no checkpoint (the message says what it is).</exception>
    public static new TorchCheckpoint Open(string path)
    {
        var file = new MappedFile(path);
        try
        {
            return new TorchCheckpoint(file);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public override bool Contains(string name) => _tensors.ContainsKey(name);

    /// <inheritdoc/>
    public override Tensor Read(string name) =>
        _tensors.TryGetValue(name, out var tensor) ? Read(tensor) : throw new CheckpointException($"{Path}: there is no tensor {name}.");

    /// <summary>Reads a tensor of <see cref="Root"/>, with its strides.</summary>
    /// <exception cref="CheckpointException">Its data are damaged.</exception>
    public Tensor Read(PickleTensor tensor)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        var type = tensor.Type;
        long[] shape = [.. tensor.Shape];
        if (shape.Contains(0)) return empty(shape, dtype: type.Tensor!.Value);
        using var scope = NewDisposeScope();
        var storage = _container.ReadStorage(tensor.Storage, type);
        return storage.as_strided(shape, [.. tensor.Strides], tensor.Offset).MoveToOuterDisposeScope();
    }

    internal override void Forget() => _file.Forget();

    /// <inheritdoc/>
    public override void Dispose() => _file.Dispose();

    /// <summary>The tensor's elements lie in its storage, the storage lies in the file, and the tensor is not absurdly larger than either.</summary>
    private void Check(PickleTensor tensor)
    {
        if (tensor.Strides.Count != tensor.Shape.Count) throw Wrong($"a tensor has {tensor.Shape.Count} sizes but {tensor.Strides.Count} strides");
        if (tensor.Shape.Count > 64) throw Wrong($"a tensor has {tensor.Shape.Count} dimensions, more than the 64 that libtorch takes");
        if (tensor.Offset < 0 || tensor.Shape.Any(size => size < 0) || tensor.Strides.Any(stride => stride < 0)) throw Wrong("a tensor has a negative size, stride or offset");
        var bytes = ElementType.Count([.. tensor.Shape, tensor.Type.Bytes]) ?? throw Wrong($"a tensor of shape [{string.Join(", ", tensor.Shape)}] is larger than any memory");
        if (bytes > Math.Max(FreeBytes, _file.Length)) _container.CheckSize(tensor, bytes);
        var available = _container.StorageBytes(tensor.Storage) / tensor.Type.Bytes;
        if (bytes == 0) return;
        var last = (Int128)tensor.Offset;
        for (int i = 0; i < tensor.Shape.Count; i++) last += (Int128)(tensor.Shape[i] - 1) * tensor.Strides[i];
        if (last >= available) throw Wrong($"a tensor reaches to element {last} of a storage of {available}");
    }

    private CheckpointException Wrong(string what) => new($"{Path} is refused: {what}.");
}

/// <summary>How a checkpoint lies in its file.</summary>
internal interface ITorchContainer
{
    string Name { get; }

    PickleValue Root { get; }

    IReadOnlyList<PickleTensor> Tensors { get; }

    /// <summary>Bytes of a storage, checked against what the pickle says of it.</summary>
    long StorageBytes(PickleStorage storage);

    /// <summary>Called for a tensor that is larger than the file: refuses it, unless its storage is compressed and really so large.</summary>
    void CheckSize(PickleTensor tensor, long bytes);

    /// <summary>A storage as a tensor of one dimension.</summary>
    Tensor ReadStorage(PickleStorage storage, ElementType type);
}

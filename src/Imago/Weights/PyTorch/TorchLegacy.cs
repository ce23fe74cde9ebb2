using System.Buffers.Binary;
using System.Globalization;
using System.Numerics;
using static TorchSharp.torch;

namespace Imago.Weights;

/// <summary>The container before PyTorch 1.6: pickles of a magic number, a protocol version, facts of the machine, the value and the list of storage keys; then the storages.</summary>
internal sealed class TorchLegacy : ITorchContainer
{
    private const long ProtocolVersion = 1001;

    private static readonly BigInteger Magic = BigInteger.Parse("1950a86a20f9469cfc6c", NumberStyles.HexNumber, CultureInfo.InvariantCulture);

    private readonly MappedFile _file;
    private readonly Dictionary<string, long> _offsets = [];
    private long _at;

    internal TorchLegacy(MappedFile file)
    {
        _file = file;
        if (Next().Root is not PickleScalar { Value: BigInteger magic } || magic != Magic) throw Wrong("its magic number is wrong");
        if (Next().Root is not PickleScalar { Value: BigInteger version } || version != ProtocolVersion) throw Wrong($"its protocol version is not {ProtocolVersion}");
        if (Next().Root is not PickleDictionary machine || machine["little_endian"] is not PickleScalar { Value: true }) throw Wrong("it was not written by a little-endian machine");
        (Root, var storages, Tensors) = Next();
        ReadStorages(Next().Root, storages);
    }

    public string Name => "legacy";

    public PickleValue Root { get; }

    public IReadOnlyList<PickleTensor> Tensors { get; }

    public long StorageBytes(PickleStorage storage) => storage.ByteCount!.Value;

    public void CheckSize(PickleTensor tensor, long bytes) =>
        throw Wrong($"a tensor of shape [{string.Join(", ", tensor.Shape)}] repeats the elements of its storage until it is larger than the file");

    public Tensor ReadStorage(PickleStorage storage, ElementType type)
    {
        var bytes = StorageBytes(storage);
        return MappedTensors.Read(_file, _offsets[storage.Key], new TensorInfo($"of storage {storage.Key}", type.Name, [bytes / type.Bytes]) { ByteCount = bytes }, type);
    }

    private (PickleValue Root, List<PickleStorage> Storages, List<PickleTensor> Tensors) Next()
    {
        var unpickler = new Unpickler(_file.Span(_at, (int)Math.Min(_file.Length - _at, Array.MaxLength)), _file.Path, storageFields: 6);
        var root = unpickler.Load();
        _at += unpickler.Position;
        return (root, unpickler.Storages, unpickler.Tensors);
    }

    private void ReadStorages(PickleValue keys, List<PickleStorage> storages)
    {
        if (keys is not PickleSequence { Kind: PickleSequenceKind.List } list) throw Wrong("its list of storages is no list");
        var wanted = storages.DistinctBy(storage => storage.Key).ToDictionary(storage => storage.Key);
        foreach (var item in list.Items)
        {
            if (item is not PickleScalar { Value: string key } || !wanted.TryGetValue(key, out var storage)) throw Wrong("its list of storages names one that no tensor uses");
            if (_at > _file.Length - 8) throw Wrong("it is cut short: fetch it again");
            var count = BinaryPrimitives.ReadInt64LittleEndian(_file.Span(_at, 8));
            _at += 8;
            if (count != storage.Count) throw Wrong($"the storage {key} has {count} elements, but the pickle says {storage.Count}");
            if (storage.ByteCount > _file.Length - _at) throw Wrong($"the storage {key} reaches beyond the file; it is cut short: fetch it again");
            if (!_offsets.TryAdd(key, _at)) throw Wrong($"the storage {key} is listed twice");
            _at += storage.ByteCount!.Value;
        }
        if (storages.Find(storage => !_offsets.ContainsKey(storage.Key)) is { } missing) throw Wrong($"the storage {missing.Key} is missing");
        if (storages.Find(storage => storage.ByteCount != wanted[storage.Key].ByteCount) is { } other) throw Wrong($"the storage {other.Key} is described in two ways");
        if (_at != _file.Length) throw Wrong($"{_file.Length - _at} bytes follow its end");
    }

    private CheckpointException Wrong(string what) => new($"{_file.Path} is refused: {what}.");
}

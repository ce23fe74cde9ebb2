using System.Text;
using static TorchSharp.torch;

namespace Imago.Weights;

/// <summary>The zip container: <c>NAME/data.pkl</c>, and a member <c>NAME/data/KEY</c> for each storage.</summary>
internal sealed class TorchZip : ITorchContainer
{
    private const long FreePickleBytes = 16 << 20;
    private const string PickleName = "data.pkl";

    private readonly MappedFile _file;
    private readonly ZipContainer _zip;
    private readonly string _folder;
    private readonly Dictionary<string, ZipMember> _members;

    internal TorchZip(MappedFile file)
    {
        _file = file;
        _zip = ZipContainer.Open(file);
        _members = _zip.Members.ToDictionary(member => member.Name);
        var pickles = _zip.Members.Where(member => member.Name == PickleName || member.Name.EndsWith($"/{PickleName}", StringComparison.Ordinal)).ToList();
        if (pickles.Count == 0) throw NoPickle();
        if (pickles.Count > 1) throw Wrong($"it holds {pickles.Count} checkpoints: {string.Join(", ", pickles.Select(member => member.Name))}");
        _folder = pickles[0].Name[..^PickleName.Length];
        if (_members.Keys.Any(name => name == $"{_folder}constants.pkl" || name.StartsWith($"{_folder}code/", StringComparison.Ordinal)))
            throw Wrong("it is a TorchScript archive, a program with weights, and programs of strangers are not run; save its state_dict() instead");
        CheckByteOrder();
        var pickle = ReadPickle(pickles[0]);
        var unpickler = new Unpickler(pickle, file.Path, storageFields: 5);
        Root = unpickler.Load();
        if (unpickler.Position != pickle.Length) throw Wrong($"{pickle.Length - unpickler.Position} bytes follow the end of its pickle");
        Tensors = unpickler.Tensors;
        foreach (var storage in unpickler.Storages) StorageBytes(storage);
    }

    public string Name => "zip";

    public PickleValue Root { get; }

    public IReadOnlyList<PickleTensor> Tensors { get; }

    public long StorageBytes(PickleStorage storage)
    {
        var bytes = storage.ByteCount!.Value;
        var member = Member(storage);
        return member.Length == bytes ? bytes : throw Wrong($"the storage {storage.Key} has {member.Length} bytes, but the pickle says {bytes}");
    }

    public void CheckSize(PickleTensor tensor, long bytes)
    {
        if (!Member(tensor.Storage).IsDeflated || bytes > tensor.Storage.ByteCount)
            throw Wrong($"a tensor of shape [{string.Join(", ", tensor.Shape)}] repeats the elements of its storage until it is larger than the file");
    }

    public Tensor ReadStorage(PickleStorage storage, ElementType type)
    {
        var member = Member(storage);
        var info = new TensorInfo($"of storage {storage.Key}", type.Name, [member.Length / type.Bytes]) { ByteCount = member.Length };
        if (!member.IsDeflated)
        {
            _zip.Verify(member);
            return MappedTensors.Read(_file, member.Offset, info, type);
        }
        using var stream = _zip.Read(member);
        return MappedTensors.Read(_file.Path, info, type, stream.ReadExactly);
    }

    private ZipMember Member(PickleStorage storage) =>
        _members.TryGetValue($"{_folder}data/{storage.Key}", out var member) ? member : throw Wrong($"the storage {storage.Key} is missing");

    private void CheckByteOrder()
    {
        if (!_members.TryGetValue($"{_folder}byteorder", out var member)) return;
        if (member.Length > 16) throw Wrong("its byteorder is not a word");
        var order = Encoding.Latin1.GetString(Bytes(member));
        if (order != "little") throw Wrong($"its byte order is '{order}', only little-endian files are read");
    }

    private byte[] ReadPickle(ZipMember member) => member.Length <= Math.Max(FreePickleBytes, _file.Length) && member.Length <= Array.MaxLength
        ? Bytes(member)
        : throw Wrong($"its pickle would expand to {member.Length} bytes");

    private byte[] Bytes(ZipMember member)
    {
        using var stream = _zip.Read(member);
        var bytes = new byte[member.Length];
        stream.ReadExactly(bytes);
        return bytes;
    }

    private CheckpointException NoPickle() => _zip.Members.Count switch
    {
        0 => Wrong("it is an empty zip file"),
        _ when _zip.Members.All(member => member.Name.EndsWith(".npy", StringComparison.Ordinal)) => Wrong("it is no PyTorch checkpoint but a NumPy archive (.npz)"),
        _ => Wrong($"it is a zip file without {PickleName}, so no PyTorch checkpoint"),
    };

    private CheckpointException Wrong(string what) => new($"{_file.Path} is refused: {what}.");
}

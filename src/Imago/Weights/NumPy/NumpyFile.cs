using System.IO.Compression;
using System.Text;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Weights;

/// <summary>
/// NumPy's <c>.npy</c> (one array, called <c>array</c>) and <c>.npz</c> (a zip of arrays). Arrays of objects are pickles and are refused, as are structures, dates and void;
/// fixed-size text is read by <see cref="ReadText"/>.
/// </summary>
public sealed class NumpyFile : TensorFile
{
    private readonly MappedFile _file;
    private readonly ZipContainer? _zip;
    private readonly Dictionary<string, (NpyHeader Header, ZipMember? Member)> _arrays = [];

    private NumpyFile(MappedFile file)
    {
        _file = file;
        switch (FileFormat.Of(file))
        {
            case FileFormat.Kind.Numpy:
                using (var stream = file.Stream(0, file.Length)) _arrays["array"] = (NpyHeader.Read(stream, file.Length, file.Path), null);
                break;
            case FileFormat.Kind.Zip:
                _zip = ZipContainer.Open(file);
                foreach (var member in _zip.Members) AddMember(member);
                break;
            case var kind:
                throw new CheckpointException($"{file.Path} is not a NumPy file but {FileFormat.Describe(kind)}.");
        }
        Tensors = [.. _arrays.Select(array => new TensorInfo(array.Key, array.Value.Header.Type.Element?.Name ?? array.Value.Header.Type.Name, array.Value.Header.Shape) { ByteCount = array.Value.Header.DataLength })];
    }

    /// <inheritdoc/>
    public override string Path => _file.Path;

    /// <inheritdoc/>
    public override IReadOnlyList<TensorInfo> Tensors { get; }

    /// <summary>Always empty: the formats store none.</summary>
    public override IReadOnlyDictionary<string, string> Metadata { get; } = new Dictionary<string, string>();

    /// <summary>Whether the file is an archive of arrays.</summary>
    public bool IsArchive => _zip is not null;

    /// <summary>Opens an array or an archive; numbers are read when they are asked for.</summary>
    /// <exception cref="CheckpointException">It is damaged, or holds what Imago refuses; the message names it.</exception>
    public static new NumpyFile Open(string path)
    {
        var file = new MappedFile(path);
        try
        {
            return new NumpyFile(file);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Writes one array in C order, through a temporary name.</summary>
    /// <exception cref="ArgumentException">NumPy has no such type (bfloat16): convert to float32 first.</exception>
    /// <exception cref="CheckpointException">The file cannot be written.</exception>
    public static void WriteArray(string path, Tensor tensor)
    {
        var header = Header("the tensor", tensor);
        AtomicFile.Write(path, stream => WriteArray(stream, header, tensor));
    }

    /// <summary>Writes an archive of arrays, through a temporary name.</summary>
    /// <param name="path">The file to write.</param>
    /// <param name="tensors">Names (without <c>.npy</c>) and tensors.</param>
    /// <param name="compress">Whether to deflate the members, as <c>numpy.savez_compressed</c> does.</param>
    /// <exception cref="ArgumentException">NumPy has no such type (bfloat16): convert to float32 first.</exception>
    /// <exception cref="CheckpointException">The file cannot be written.</exception>
    public static void WriteArchive(string path, IEnumerable<KeyValuePair<string, Tensor>> tensors, bool compress = false)
    {
        var members = tensors.Select(entry => (entry.Key, entry.Value, Header: Header(entry.Key, entry.Value))).ToList();
        AtomicFile.Write(path, stream =>
        {
            using var zip = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true);
            foreach (var (name, tensor, header) in members)
            {
                using var member = zip.CreateEntry($"{name}.npy", compress ? CompressionLevel.Optimal : CompressionLevel.NoCompression).Open();
                WriteArray(member, header, tensor);
            }
        });
    }

    /// <inheritdoc/>
    public override bool Contains(string name) => _arrays.ContainsKey(name);

    /// <inheritdoc/>
    public override Tensor Read(string name)
    {
        var (header, member) = Find(name);
        if (header.Type.Element is not { } element) throw new CheckpointException($"{Path}: {name} holds text; read it with ReadText.");
        if (!header.IsFortranOrder && !header.Type.IsBigEndian && member is null or { IsDeflated: false })
        {
            if (member is not null) _zip!.Verify(member);
            return MappedTensors.Read(_file, (member?.Offset ?? 0) + header.Length, new TensorInfo(name, element.Name, header.Shape) { ByteCount = header.DataLength }, element);
        }
        using var data = Elements(header, member);
        return NumpyArrays.ToTensor($"{Path}: {name}", header.Type, header.Shape, header.IsFortranOrder, data);
    }

    /// <summary>Reads an array of fixed-size text (<c>U</c> or <c>S</c>), in C order; trailing null characters are padding.</summary>
    /// <exception cref="CheckpointException">There is no such array, or it holds numbers.</exception>
    public IReadOnlyList<string> ReadText(string name)
    {
        var (header, member) = Find(name);
        if (header.Type.Element is not null) throw new CheckpointException($"{Path}: {name} holds numbers; read it with Read.");
        if (header.IsFortranOrder && header.Shape.Length > 1) throw new CheckpointException($"{Path}: {name} is text in Fortran order, which Imago does not read.");
        var encoding = header.Type.Text == 'S' ? Encoding.Latin1 : header.Type.IsBigEndian ? new UTF32Encoding(bigEndian: true, byteOrderMark: false) : Encoding.UTF32;
        using var data = Elements(header, member);
        var item = new byte[header.Type.ItemBytes];
        var texts = new List<string>();
        for (long i = ElementType.Count(header.Shape)!.Value; i > 0; i--)
        {
            data.ReadExactly(item);
            texts.Add(encoding.GetString(item).TrimEnd('\0'));
        }
        return texts;
    }

    /// <inheritdoc/>
    public override void Dispose() => _file.Dispose();

    private (NpyHeader Header, ZipMember? Member) Find(string name) =>
        _arrays.TryGetValue(name, out var array) ? array : throw new CheckpointException($"{Path}: there is no array {name}.");

    private void AddMember(ZipMember member)
    {
        var name = member.Name.EndsWith(".npy", StringComparison.Ordinal) ? member.Name[..^4] : member.Name;
        if (name.Split('/', '\\').Contains("..") || name.StartsWith('/')) throw new CheckpointException($"{Path} is refused: the member {member.Name} has the name of a path outside the archive.");
        using var stream = _zip!.Read(member);
        var header = NpyHeader.Read(stream, member.Length, $"{Path}: the member {member.Name}");
        if (!_arrays.TryAdd(name, (header, member))) throw new CheckpointException($"{Path} is refused: the array {name} is there twice.");
    }

    /// <summary>A stream of exactly the elements.</summary>
    private Stream Elements(NpyHeader header, ZipMember? member)
    {
        if (member is null) return _file.Stream(header.Length, header.DataLength);
        var stream = _zip!.Read(member);
        stream.ReadExactly(new byte[header.Length]);
        return stream;
    }

    private static void WriteArray(Stream stream, byte[] header, Tensor tensor)
    {
        stream.Write(header);
        SafetensorsWriter.WriteElements(stream, tensor);
    }

    private static byte[] Header(string name, Tensor tensor) => NumpyType.CodeOf(ElementType.Of(tensor.dtype)) is { } code
        ? NpyHeader.Write(code, tensor.shape)
        : throw new ArgumentException($"{name} is of type {tensor.dtype}, which NumPy lacks; convert it to float32 first.", nameof(tensor));
}

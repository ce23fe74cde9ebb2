using System.Buffers.Binary;
using System.Collections;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Weights;

/// <summary>A typed value of a GGUF file's metadata.</summary>
/// <param name="Type"><c>u8</c>, <c>i8</c>, <c>u16</c>, <c>i16</c>, <c>u32</c>, <c>i32</c>, <c>f32</c>, <c>bool</c>, <c>str</c>, <c>arr</c>, <c>u64</c>, <c>i64</c> or <c>f64</c>.</param>
/// <param name="Value">The number, truth value or text; for <c>arr</c> an array of <see cref="ElementType"/>.</param>
/// <param name="ElementType">For an array, the type of its elements.</param>
public sealed record GgufValue(string Type, object Value, string? ElementType = null);

/// <summary>
/// A GGUF file of version 2 or 3, little-endian. Plain numbers share the file's memory; quantised blocks become float32 when they are read.
/// Shapes are given outermost first, as PyTorch has them; <c>comfy.gguf.orig_shape.*</c> is honoured.
/// </summary>
public sealed class GgufFile : TensorFile
{
    private const string OriginalShape = "comfy.gguf.orig_shape.";
    private const int MaxDimensions = 4;
    private const int MaxNesting = 8;

    private static readonly string[] TypeNames = ["u8", "i8", "u16", "i16", "u32", "i32", "f32", "bool", "str", "arr", "u64", "i64", "f64"];
    private static readonly int[] TypeBytes = [1, 1, 2, 2, 4, 4, 4, 1, 8, 12, 8, 8, 8];       // for str and arr the least

    private readonly MappedFile _file;
    private readonly Dictionary<string, GgufValue> _values = [];
    private readonly Dictionary<string, (TensorInfo Info, GgufType Type, long Offset)> _tensors = [];
    private long _at;

    private GgufFile(MappedFile file)
    {
        _file = file;
        if (FileFormat.Of(file) is var kind && kind != FileFormat.Kind.Gguf) throw new CheckpointException($"{file.Path} is not a GGUF file but {FileFormat.Describe(kind)}.");
        _at = 4;
        Version = (int)UInt32();
        if (Version is not (2 or 3)) throw Wrong($"its version {Version} is neither 2 nor 3{(Version is 0x02000000 or 0x03000000 ? " (it is big-endian)" : "")}");
        var (tensorCount, valueCount) = (Count(24, "tensors"), Count(12, "metadata"));
        for (long i = 0; i < valueCount; i++) ReadPair();
        Alignment = ReadAlignment();
        for (long i = 0; i < tensorCount; i++) ReadTensor();
        PlaceTensors();
        Tensors = [.. _tensors.Values.Select(tensor => tensor.Info)];
        Metadata = _values.ToDictionary(entry => entry.Key, entry => Text(entry.Value));
    }

    /// <inheritdoc/>
    public override string Path => _file.Path;

    /// <summary>The version of the format.</summary>
    public int Version { get; }

    /// <summary>Tensors begin at multiples of this many bytes.</summary>
    public int Alignment { get; }

    /// <inheritdoc/>
    public override IReadOnlyList<TensorInfo> Tensors { get; }

    /// <summary>The metadata as text; long arrays are abridged.</summary>
    public override IReadOnlyDictionary<string, string> Metadata { get; }

    /// <summary>The metadata with their types.</summary>
    public IReadOnlyDictionary<string, GgufValue> Values => _values;

    /// <summary>Opens a file and checks its head; numbers are read when they are asked for.</summary>
    /// <exception cref="CheckpointException">It is not a sound GGUF file; the message names what is wrong.</exception>
    public static new GgufFile Open(string path)
    {
        var file = new MappedFile(path);
        try
        {
            return new GgufFile(file);
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
    public override Tensor Read(string name)
    {
        if (!_tensors.TryGetValue(name, out var found)) throw new CheckpointException($"{Path}: there is no tensor {name}.");
        var (info, type, offset) = found;
        if (type.Element is { } element) return MappedTensors.Read(_file, offset, info, element);
        if (type.Dequantise is null) throw new CheckpointException($"{Path}: tensor {name} is quantised as {type.Name}, which Imago lists but does not decode; take a file of another quantisation (Q4_0 to Q8_0, Q2_K to Q6_K, IQ4_NL, IQ4_XS).");
        return Dequantise(info, type, offset);
    }

    /// <inheritdoc/>
    public override void Dispose() => _file.Dispose();

    private unsafe Tensor Dequantise(TensorInfo info, GgufType type, long offset)
    {
        var tensor = empty([.. info.Shape], dtype: ScalarType.Float32);
        var numbers = (float*)NativeTensors.DataPointer(tensor);
        for (long block = 0; block < info.ByteCount / type.BlockBytes; block++)
            type.Dequantise!(_file.Span(offset + block * type.BlockBytes, type.BlockBytes), new Span<float>(numbers + block * type.BlockElements, type.BlockElements));
        return tensor;
    }

    private void ReadPair()
    {
        var key = ReadText("a key");
        var type = TypeIndex(UInt32(), key);
        var value = type == 9 ? ReadArray(key, 0) : new GgufValue(TypeNames[type], ReadScalar(type, key));
        if (!_values.TryAdd(key, value)) throw Wrong($"the key {key} is there twice");
    }

    private object ReadScalar(int type, string key) => type switch
    {
        0 => Take(1)[0],
        1 => (sbyte)Take(1)[0],
        2 => BinaryPrimitives.ReadUInt16LittleEndian(Take(2)),
        3 => BinaryPrimitives.ReadInt16LittleEndian(Take(2)),
        4 => UInt32(),
        5 => BinaryPrimitives.ReadInt32LittleEndian(Take(4)),
        6 => BinaryPrimitives.ReadSingleLittleEndian(Take(4)),
        7 => Take(1)[0] is var truth && truth <= 1 ? truth == 1 : throw Wrong($"the bool {key} is {truth}"),
        8 => ReadText(key),
        10 => BinaryPrimitives.ReadUInt64LittleEndian(Take(8)),
        11 => BinaryPrimitives.ReadInt64LittleEndian(Take(8)),
        _ => BinaryPrimitives.ReadDoubleLittleEndian(Take(8)),
    };

    private GgufValue ReadArray(string key, int depth)
    {
        if (depth > MaxNesting) throw Wrong($"the array {key} is nested more than {MaxNesting} deep");
        var type = TypeIndex(UInt32(), key);
        var count = Count(TypeBytes[type], $"the array {key}");
        Array array = type switch
        {
            0 => Numbers<byte>(count),
            1 => Numbers<sbyte>(count),
            2 => Numbers<ushort>(count),
            3 => Numbers<short>(count),
            4 => Numbers<uint>(count),
            5 => Numbers<int>(count),
            6 => Numbers<float>(count),
            10 => Numbers<ulong>(count),
            11 => Numbers<long>(count),
            12 => Numbers<double>(count),
            _ => new object[count],
        };
        if (array is object[] items)
        {
            for (long i = 0; i < count; i++) items[i] = type == 9 ? ReadArray(key, depth + 1) : ReadScalar(type, key);
        }
        return new GgufValue("arr", array, TypeNames[type]);
    }

    private T[] Numbers<T>(long count) where T : unmanaged => MemoryMarshal.Cast<byte, T>(Take(count * Marshal.SizeOf<T>())).ToArray();

    private int ReadAlignment()
    {
        if (!_values.TryGetValue("general.alignment", out var value)) return 32;
        return value.Value is uint alignment && alignment is >= 8 and <= 1 << 20 && uint.IsPow2(alignment)
            ? (int)alignment
            : throw Wrong($"general.alignment is {Text(value)}, expected a power of two from 8 to {1 << 20}");
    }

    private void ReadTensor()
    {
        var name = ReadText("a tensor's name");
        var dimensions = UInt32();
        if (dimensions > MaxDimensions) throw Wrong($"tensor {name} has {dimensions} dimensions, more than {MaxDimensions}");
        var shape = new long[dimensions];
        for (int i = 0; i < shape.Length; i++) shape[^(i + 1)] = Int64($"a size of tensor {name}");
        var typeId = UInt32();
        if (!GgufType.ById.TryGetValue(typeId, out var type)) throw Wrong($"tensor {name} has the unknown type {typeId}");
        var offset = Int64($"the offset of tensor {name}");
        var elements = ElementType.Count(shape) ?? throw Wrong($"tensor {name} of shape [{string.Join(", ", shape)}] is larger than any memory");
        if ((shape.Length == 0 ? 1 : shape[^1]) % type.BlockElements != 0) throw Wrong($"tensor {name} has rows of {shape.LastOrDefault(1)}, no multiple of the {type.BlockElements} in a block of {type.Name}");
        var bytes = ElementType.Count([elements / type.BlockElements, type.BlockBytes]) ?? throw Wrong($"tensor {name} is larger than any memory");
        var info = new TensorInfo(name, type.Name, Original(name, shape, elements)) { ByteCount = bytes };
        if (!_tensors.TryAdd(name, (info, type, offset))) throw Wrong($"the tensor {name} is there twice");
    }

    /// <summary>The shape before the converter flattened it, where the file tells.</summary>
    private long[] Original(string name, long[] shape, long elements)
    {
        if (!_values.TryGetValue(OriginalShape + name, out var value)) return shape;
        long[]? original = value.Value switch
        {
            int[] sizes => [.. sizes.Select(size => (long)size)],
            uint[] sizes => [.. sizes.Select(size => (long)size)],
            long[] sizes => sizes,
            _ => null,
        };
        return original is not null && ElementType.Count(original) == elements ? original : throw Wrong($"{OriginalShape}{name} does not fit its tensor");
    }

    private void PlaceTensors()
    {
        var start = (_at + Alignment - 1) / Alignment * Alignment;
        long covered = 0;
        foreach (var (name, (info, type, offset)) in _tensors.OrderBy(tensor => tensor.Value.Offset).ThenBy(tensor => tensor.Value.Info.ByteCount).ToList())
        {
            if (offset % Alignment != 0) throw Wrong($"tensor {name} begins at {offset}, no multiple of {Alignment}");
            if (offset < covered) throw Wrong($"tensor {name} overlaps another");
            if (offset > _file.Length - start || info.ByteCount > _file.Length - start - offset) throw Wrong($"tensor {name} reaches beyond the file; it is cut short: fetch it again");
            covered = offset + info.ByteCount;
            _tensors[name] = (info, type, start + offset);
        }
    }

    private int TypeIndex(uint type, string key) => type < TypeNames.Length ? (int)type : throw Wrong($"the value of {key} has the unknown type {type}");

    /// <summary>A number of things that take at least so many bytes each.</summary>
    private long Count(int leastBytes, string what)
    {
        var count = BinaryPrimitives.ReadUInt64LittleEndian(Take(8));
        return count <= (ulong)(_file.Length - _at) / (ulong)leastBytes && count <= (ulong)Array.MaxLength ? (long)count : throw Wrong($"{what}: {count} of them cannot be in the file");
    }

    private long Int64(string what)
    {
        var number = BinaryPrimitives.ReadInt64LittleEndian(Take(8));
        return number >= 0 ? number : throw Wrong($"{what} is beyond 2^63");
    }

    private uint UInt32() => BinaryPrimitives.ReadUInt32LittleEndian(Take(4));

    private string ReadText(string what)
    {
        var bytes = Take(Count(1, what));
        return System.Text.Unicode.Utf8.IsValid(bytes) ? Encoding.UTF8.GetString(bytes) : throw Wrong($"{what} is not UTF-8");
    }

    private ReadOnlySpan<byte> Take(long length)
    {
        if (length > _file.Length - _at) throw Wrong("its head is cut short: fetch it again");
        var bytes = _file.Span(_at, (int)length);
        _at += length;
        return bytes;
    }

    private static string Text(GgufValue value) => value.Value switch
    {
        Array array => $"[{string.Join(", ", ((IEnumerable)array).Cast<object>().Take(8).Select(item => item is GgufValue inner ? Text(inner) : Convert.ToString(item, CultureInfo.InvariantCulture)))}{(array.Length > 8 ? $", … {array.Length} in all" : "")}]",
        var scalar => Convert.ToString(scalar, CultureInfo.InvariantCulture)!,
    };

    private CheckpointException Wrong(string what) => new($"{Path} is not a sound GGUF file: {what}.");
}

using System.Buffers.Binary;
using System.IO.Compression;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Data;

/// <summary>An array in LeCun's IDX format: <c>00 00 type rank</c>, the sizes as big-endian 32-bit numbers, then the elements, big-endian, last index fastest.</summary>
public sealed class IdxFile
{
    private const int MaximumRank = 8;

    private IdxFile(ScalarType type, long[] shape, byte[] elements) => (Type, Shape, Elements) = (type, shape, elements);

    /// <summary>Element type: uint8, int8, int16, int32, float32 or float64.</summary>
    public ScalarType Type { get; }

    /// <summary>Sizes, outermost first.</summary>
    public IReadOnlyList<long> Shape { get; }

    /// <summary>The elements in this machine's byte order.</summary>
    public byte[] Elements { get; }

    /// <summary>Reads a file, gzipped or plain; which of the two its first bytes tell.</summary>
    /// <exception cref="DataException">The file is not IDX, is shorter or longer than it declares, or its compression is damaged.</exception>
    public static IdxFile Read(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        try
        {
            using var file = File.OpenRead(path);
            Span<byte> magic = stackalloc byte[2];
            var zipped = file.ReadAtLeast(magic, 2, throwOnEndOfStream: false) == 2 && magic is [0x1F, 0x8B];
            file.Position = 0;
            if (!zipped) return Read(file, path);
            using var plain = new GZipStream(file, CompressionMode.Decompress);
            return Read(plain, path);
        }
        catch (Exception e) when (e is IOException or InvalidDataException or UnauthorizedAccessException)
        {
            throw new DataException($"{path}: cannot be read as IDX: {e.Message}", e);
        }
    }

    /// <summary>A copy of the array as a tensor.</summary>
    public Tensor ToTensor()
    {
        var tensor = empty([.. Shape], dtype: Type);
        if (Elements.Length > 0) Elements.CopyTo(tensor.bytes);
        return tensor;
    }

    private static IdxFile Read(Stream stream, string path)
    {
        Span<byte> head = stackalloc byte[4];
        if (stream.ReadAtLeast(head, 4, throwOnEndOfStream: false) < 4) throw new DataException($"{path}: ends inside the IDX header.");
        if (head[0] != 0 || head[1] != 0) throw new DataException($"{path}: begins with {Convert.ToHexString(head)}, an IDX file with 0000.");
        var (type, size) = head[2] switch
        {
            0x08 => (ScalarType.Byte, 1),
            0x09 => (ScalarType.Int8, 1),
            0x0B => (ScalarType.Int16, 2),
            0x0C => (ScalarType.Int32, 4),
            0x0D => (ScalarType.Float32, 4),
            0x0E => (ScalarType.Float64, 8),
            var other => throw new DataException($"{path}: element type {other:X2} is unknown to IDX (08, 09, 0B, 0C, 0D, 0E)."),
        };
        if (head[3] > MaximumRank) throw new DataException($"{path}: {head[3]} dimensions, at most {MaximumRank} are read.");
        var shape = ReadShape(stream, head[3], path);
        var elements = ReadExactly(stream, shape, size, path);
        if (BitConverter.IsLittleEndian && size > 1) Swap(elements, size);
        return new IdxFile(type, shape, elements);
    }

    private static long[] ReadShape(Stream stream, int rank, string path)
    {
        Span<byte> sizes = stackalloc byte[4 * rank];
        if (stream.ReadAtLeast(sizes, sizes.Length, throwOnEndOfStream: false) < sizes.Length) throw new DataException($"{path}: ends inside the IDX header.");
        var shape = new long[rank];
        for (var i = 0; i < rank; i++) shape[i] = BinaryPrimitives.ReadUInt32BigEndian(sizes[(4 * i)..]);
        return shape;
    }

    // What a header declares is not believed: memory grows with the bytes that really come.
    private static byte[] ReadExactly(Stream stream, long[] shape, int size, string path)
    {
        var declared = shape.Aggregate((Int128)size, (product, length) => product * length);
        if (declared > Array.MaxLength) throw new DataException($"{path}: declares {declared:N0} bytes, more than an array can hold.");
        using var elements = new MemoryStream();
        var buffer = new byte[64 * 1024];
        while (elements.Length <= (long)declared && stream.Read(buffer) is > 0 and var read) elements.Write(buffer, 0, read);
        if (elements.Length != (long)declared)
            throw new DataException($"{path}: declares [{string.Join(", ", shape)}], {declared:N0} bytes, but holds {(elements.Length < declared ? $"only {elements.Length:N0}" : "more")}; fetch it again.");
        return elements.ToArray();
    }

    private static void Swap(byte[] elements, int size)
    {
        for (var i = 0; i < elements.Length; i += size) elements.AsSpan(i, size).Reverse();
    }
}

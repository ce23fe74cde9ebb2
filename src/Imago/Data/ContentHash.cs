using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Imago.Data;

/// <summary>128 bits of SHA-256: enough that no two different images of any set ever meet, by accident or by intent.</summary>
internal static class ContentHash
{
    internal static UInt128 Of(ReadOnlySpan<byte> content, ReadOnlySpan<int> shape = default)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(content);
        hash.AppendData(MemoryMarshal.AsBytes(shape));
        return Key(hash.GetHashAndReset());
    }

    /// <summary>The key of a content under a seed: sorting by it shuffles, equally on every machine.</summary>
    internal static UInt128 Salted(UInt128 key, long seed)
    {
        Span<byte> bytes = stackalloc byte[24];
        BinaryPrimitives.WriteUInt128LittleEndian(bytes, key);
        BinaryPrimitives.WriteInt64LittleEndian(bytes[16..], seed);
        return Key(SHA256.HashData(bytes));
    }

    private static UInt128 Key(ReadOnlySpan<byte> sha256) => BinaryPrimitives.ReadUInt128LittleEndian(sha256);
}

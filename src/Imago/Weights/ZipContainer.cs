using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using ICSharpCode.SharpZipLib.Checksum;

namespace Imago.Weights;

/// <summary>A member of a zip file.</summary>
/// <param name="Name">Its name; never used as a path.</param>
/// <param name="Offset">The first byte of its data in the file.</param>
/// <param name="StoredLength">Bytes in the file.</param>
/// <param name="Length">Bytes once expanded, as declared; reading ends there.</param>
/// <param name="IsDeflated">Whether the data are compressed.</param>
/// <param name="Checksum">CRC-32 of the expanded data.</param>
internal sealed record ZipMember(string Name, long Offset, long StoredLength, long Length, bool IsDeflated, uint Checksum);

/// <summary>
/// A zip file, strict: one central directory at the very end, members that lie inside the file and do not overlap, no name twice, local and central headers in agreement,
/// stored or deflated only, nothing encrypted. Bytes before the zip are allowed.
/// </summary>
internal sealed class ZipContainer
{
    private const int EndLength = 22;
    private const int CentralLength = 46;
    private const int LocalLength = 30;
    private const int MaxExpansion = 1032;                                      // of deflate: 258 bytes for a quarter of a byte
    private const uint EndSignature = 0x06054b50;
    private const uint End64Signature = 0x06064b50;
    private const uint Locator64Signature = 0x07064b50;
    private const uint CentralSignature = 0x02014b50;
    private const uint LocalSignature = 0x04034b50;

    private readonly MappedFile _file;
    private readonly HashSet<string> _verified = [];

    private ZipContainer(MappedFile file) => _file = file;

    /// <summary>The members, in the directory's order.</summary>
    internal List<ZipMember> Members { get; } = [];

    /// <exception cref="CheckpointException">It is not a sound zip file.</exception>
    internal static ZipContainer Open(MappedFile file)
    {
        var zip = new ZipContainer(file);
        zip.ReadDirectory();
        zip.CheckOverlaps();
        return zip;
    }

    internal ZipMember? Find(string name) => Members.Find(member => member.Name == name);

    /// <summary>A stream of a member's expanded bytes, which are exactly as many as declared or the reading is refused; the checksum is verified at the end.</summary>
    internal Stream Read(ZipMember member)
    {
        Stream stored = _file.Stream(member.Offset, member.StoredLength);
        return new CheckedStream(member.IsDeflated ? new DeflateStream(stored, CompressionMode.Decompress) : stored, member, _file.Path);
    }

    /// <summary>Sums a stored member up, once, so that damage is noticed although its bytes are then used in place.</summary>
    internal void Verify(ZipMember member)
    {
        lock (_verified)
        {
            if (!_verified.Add(member.Name)) return;
        }
        using var stream = Read(member);
        stream.CopyTo(Stream.Null, 1 << 18);
    }

    private void ReadDirectory()
    {
        var end = FindEnd();
        var (count, size, offset) = Directory(end);
        var directoryEnd = end;
        if (IsZip64(end, out var end64)) ((count, size, offset), directoryEnd) = (Directory64(end64), end64);
        if (size < 0 || offset < 0 || size > directoryEnd || offset > directoryEnd - size) throw Damaged("the central directory lies outside the file");
        var start = directoryEnd - size;
        var prefix = start - offset;                                            // bytes before the zip
        if (count < 0 || count > size / CentralLength) throw Damaged($"a directory of {size} bytes cannot hold {count} members");
        var names = new HashSet<string>(StringComparer.Ordinal);
        var at = start;
        for (long i = 0; i < count; i++)
        {
            var member = ReadMember(ref at, directoryEnd, prefix, start);
            if (member.Name.EndsWith('/') && member.Length == 0) continue;
            if (!names.Add(member.Name)) throw Damaged($"the member {member.Name} is there twice, and one would hide the other");
            Members.Add(member);
        }
        if (at != directoryEnd) throw Damaged("the central directory holds more than its members");
    }

    private long FindEnd()
    {
        for (var at = _file.Length - EndLength; at >= 0 && at >= _file.Length - EndLength - ushort.MaxValue; at--)
        {
            var end = _file.Span(at, EndLength);
            if (UInt32(end, 0) == EndSignature && at + EndLength + UInt16(end, 20) == _file.Length) return at;
        }
        throw Damaged("there is no central directory at its end; it may be cut short: fetch it again");
    }

    private (long Count, long Size, long Offset) Directory(long at)
    {
        var end = _file.Span(at, EndLength);
        return UInt16(end, 4) == 0 && UInt16(end, 6) == 0 ? (UInt16(end, 10), UInt32(end, 12), UInt32(end, 16)) : throw Damaged("it is a part of a zip over several disks");
    }

    private bool IsZip64(long end, out long end64)
    {
        end64 = -1;
        if (end < 20 || UInt32(_file.Span(end - 20, 20), 0) != Locator64Signature) return false;
        const int length64 = 56;
        end64 = end - 20 - length64;
        return end64 >= 0 && UInt32(_file.Span(end64, length64), 0) == End64Signature ? true : throw Damaged("its zip64 directory is not where it must be");
    }

    private (long Count, long Size, long Offset) Directory64(long at)
    {
        var end = _file.Span(at, 56);
        return (Int64(end, 32), Int64(end, 40), Int64(end, 48));
    }

    private ZipMember ReadMember(ref long at, long end, long prefix, long directoryStart)
    {
        if (at > end - CentralLength) throw Damaged("the central directory is cut short");
        var header = _file.Span(at, CentralLength);
        var (flags, method) = (UInt16(header, 8), UInt16(header, 10));
        int nameLength = UInt16(header, 28), extraLength = UInt16(header, 30), commentLength = UInt16(header, 32);
        if (UInt32(header, 0) != CentralSignature || at > end - CentralLength - nameLength - extraLength - commentLength) throw Damaged("the central directory is damaged");
        var nameBytes = _file.Span(at + CentralLength, nameLength);
        var name = Name(nameBytes, (flags & 0x800) != 0);
        long length = UInt32(header, 24), stored = UInt32(header, 20), offset = UInt32(header, 42);
        ReadExtra64(_file.Span(at + CentralLength + nameLength, extraLength), name, ref length, ref stored, ref offset);
        at += CentralLength + nameLength + extraLength + commentLength;
        if ((flags & 1) != 0) throw Damaged($"the member {name} is encrypted");
        if (method is not (0 or 8)) throw Damaged($"the member {name} is compressed by method {method}; only stored and deflated ones are read");
        if (method == 0 && stored != length) throw Damaged($"the member {name} is stored but has two lengths");
        if (length / MaxExpansion > stored) throw Damaged($"the member {name} declares {length} bytes, more than {stored} compressed ones can hold");
        if (length < 0 || stored < 0 || offset < 0 || offset > directoryStart - prefix - LocalLength) throw Damaged($"the member {name} lies outside the file");
        var dataAt = CheckLocal(prefix + offset, name, nameBytes, header, stored, length, directoryStart);
        return new ZipMember(name, dataAt, stored, length, method == 8, UInt32(header, 16));
    }

    /// <summary>The local header must say the same; returns where the data begin.</summary>
    private long CheckLocal(long at, string name, ReadOnlySpan<byte> nameBytes, ReadOnlySpan<byte> central, long stored, long length, long directoryStart)
    {
        var local = _file.Span(at, LocalLength);
        int nameLength = UInt16(local, 26), extraLength = UInt16(local, 28);
        var dataAt = at + LocalLength + nameLength + extraLength;
        if (UInt32(local, 0) != LocalSignature || dataAt > directoryStart || stored > directoryStart - dataAt) throw Damaged($"the member {name} lies outside the file");
        var (localStored, localLength) = ((long)UInt32(local, 18), (long)UInt32(local, 22));
        bool isDeferred = (UInt16(local, 6) & 8) != 0;                          // lengths and checksum follow the data
        long unused = 0;
        ReadExtra64(_file.Span(at + LocalLength + nameLength, extraLength), name, ref localLength, ref localStored, ref unused);
        bool agrees = _file.Span(at + LocalLength, nameLength).SequenceEqual(nameBytes) && UInt16(local, 8) == UInt16(central, 10)
            && (isDeferred || (localStored == stored && localLength == length && UInt32(local, 14) == UInt32(central, 16)));
        return agrees ? dataAt : throw Damaged($"the two headers of the member {name} contradict each other");
    }

    private void ReadExtra64(ReadOnlySpan<byte> extra, string name, ref long length, ref long stored, ref long offset)
    {
        while (extra.Length >= 4)
        {
            int id = UInt16(extra, 0), size = UInt16(extra, 2);
            if (size > extra.Length - 4) return;                                // padding: PyTorch and others align data with it
            if (id == 1)
            {
                var fields = extra.Slice(4, size);
                Take64(ref fields, name, ref length);
                Take64(ref fields, name, ref stored);
                Take64(ref fields, name, ref offset);
            }
            extra = extra[(4 + size)..];
        }
    }

    private void Take64(ref ReadOnlySpan<byte> fields, string name, ref long value)
    {
        if (value != uint.MaxValue) return;
        if (fields.Length < 8) throw Damaged($"the member {name} lacks a length");
        value = Int64(fields, 0);
        fields = fields[8..];
    }

    private void CheckOverlaps()
    {
        long covered = 0;
        foreach (var member in Members.OrderBy(member => member.Offset).ThenBy(member => member.StoredLength))
        {
            if (member.Offset < covered) throw Damaged($"the member {member.Name} overlaps another");
            covered = member.Offset + member.StoredLength;
        }
    }

    private static string Name(ReadOnlySpan<byte> bytes, bool isUtf8) => isUtf8 || System.Text.Unicode.Utf8.IsValid(bytes) ? Encoding.UTF8.GetString(bytes) : Encoding.Latin1.GetString(bytes);

    private static ushort UInt16(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt16LittleEndian(bytes[at..]);

    private static uint UInt32(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt32LittleEndian(bytes[at..]);

    private static long Int64(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadInt64LittleEndian(bytes[at..]);

    private CheckpointException Damaged(string what) => new($"{_file.Path} is not a sound zip file: {what}.");

    /// <summary>Passes on as many bytes as the member declares, and checks their sum at the end.</summary>
    private sealed class CheckedStream(Stream inner, ZipMember member, string path) : Stream
    {
        private readonly Crc32 _checksum = new();
        private long _left = member.Length;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => member.Length;

        public override long Position
        {
            get => member.Length - _left;
            set => throw new NotSupportedException();
        }

        public override int Read(byte[] buffer, int offset, int count)
        {
            if (_left == 0) return 0;
            int got;
            try
            {
                got = inner.Read(buffer, offset, (int)Math.Min(count, _left));
            }
            catch (InvalidDataException e)
            {
                throw new CheckpointException($"{path}: the member {member.Name} is damaged: {e.Message}", e);
            }
            if (got == 0 && count > 0) throw new CheckpointException($"{path}: the member {member.Name} ends {_left} bytes too early.");
            _checksum.Update(new ArraySegment<byte>(buffer, offset, got));
            _left -= got;
            if (_left == 0) CheckEnd();
            return got;
        }

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        protected override void Dispose(bool disposing)
        {
            if (disposing) inner.Dispose();
            base.Dispose(disposing);
        }

        private void CheckEnd()
        {
            if (inner.ReadByte() >= 0) throw new CheckpointException($"{path}: the member {member.Name} holds more than the {member.Length} bytes it declares.");
            if ((uint)_checksum.Value != member.Checksum) throw new CheckpointException($"{path}: the checksum of the member {member.Name} is wrong; the file is damaged: fetch it again.");
        }
    }
}

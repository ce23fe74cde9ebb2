using System.Buffers.Binary;
using System.Text;

namespace Imago.Training;

/// <summary>
/// Scalars as TensorBoard reads them: a file of TFRecords (length, masked CRC-32C of the length, data, masked CRC-32C of the data; little endian), each a protocol buffer
/// <c>Event { double wall_time = 1; int64 step = 2; string file_version = 3; Summary summary = 5 }</c> with <c>Summary { repeated Value { string tag = 1; float simple_value = 2 } value = 1 }</c>.
/// </summary>
internal sealed class TensorBoardEvents : IDisposable
{
    private static readonly DateTimeOffset Start = DateTimeOffset.UtcNow;
    private readonly FileStream _stream;

    /// <summary>Begins the file anew with these lines.</summary>
    internal TensorBoardEvents(string path, IEnumerable<MetricsLine> lines)
    {
        _stream = new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.Read);
        WriteRecord(Event(0, 0, writer => WriteBytes(writer, 3, "brain.Event:2"u8)));
        foreach (var line in lines) Append(line);
    }

    internal void Append(MetricsLine line)
    {
        WriteRecord(Event(line.Seconds, line.Step, writer => WriteBytes(writer, 5, Message(summary =>
        {
            foreach (var (name, value) in line.Values)
            {
                WriteBytes(summary, 1, Message(entry =>
                {
                    WriteBytes(entry, 1, Encoding.UTF8.GetBytes($"{line.Kind}/{name}"));
                    entry.Write((byte)(2 << 3 | 5));
                    entry.Write((float)value);
                }));
            }
        }))));
        _stream.Flush();
    }

    public void Dispose() => _stream.Dispose();

    private static byte[] Event(double seconds, long step, Action<BinaryWriter> content) => Message(writer =>
    {
        writer.Write((byte)(1 << 3 | 1));
        writer.Write((Start.ToUnixTimeMilliseconds() / 1000.0) + seconds);
        writer.Write((byte)(2 << 3));
        writer.Write7BitEncodedInt64(step);
        content(writer);
    });

    private static byte[] Message(Action<BinaryWriter> content)
    {
        using var buffer = new MemoryStream();
        using (var writer = new BinaryWriter(buffer)) content(writer);
        return buffer.ToArray();
    }

    private static void WriteBytes(BinaryWriter writer, int field, ReadOnlySpan<byte> bytes)
    {
        writer.Write((byte)(field << 3 | 2));
        writer.Write7BitEncodedInt(bytes.Length);
        writer.Write(bytes);
    }

    private void WriteRecord(byte[] data)
    {
        Span<byte> length = stackalloc byte[8], check = stackalloc byte[4];
        BinaryPrimitives.WriteInt64LittleEndian(length, data.Length);
        _stream.Write(length);
        BinaryPrimitives.WriteUInt32LittleEndian(check, MaskedCrc(length));
        _stream.Write(check);
        _stream.Write(data);
        BinaryPrimitives.WriteUInt32LittleEndian(check, MaskedCrc(data));
        _stream.Write(check);
    }

    private static uint MaskedCrc(ReadOnlySpan<byte> data)
    {
        var crc = Crc32C(data);
        return unchecked((crc >> 15 | crc << 17) + 0xa282ead8u);
    }

    internal static uint Crc32C(ReadOnlySpan<byte> data)
    {
        var crc = uint.MaxValue;
        foreach (var value in data) crc = System.Numerics.BitOperations.Crc32C(crc, value);
        return ~crc;
    }
}

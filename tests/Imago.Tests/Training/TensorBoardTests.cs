using System.Text;
using Imago.Training;

namespace Imago.Tests.Training;

public class TensorBoardTests
{
    [Fact]
    public void Crc32C_OfTheStandardText_IsTheStandardValue() => Assert.Equal(0xE3069283u, TensorBoardEvents.Crc32C("123456789"u8));

    [Fact]
    public void Events_AreWellFramedRecords_OnePerLine()
    {
        using var folder = new TemporaryFolder();
        MetricsLine Line(long step) => new("train", step, 0, 1.5, new Dictionary<string, double> { ["loss"] = 0.25 });
        using (var events = new TensorBoardEvents(folder.File("events"), [Line(1)])) events.Append(Line(300));
        using var reader = new BinaryReader(File.OpenRead(folder.File("events")));
        var records = new List<byte[]>();
        while (reader.BaseStream.Position < reader.BaseStream.Length)
        {
            var length = reader.ReadInt64();
            reader.ReadUInt32();
            records.Add(reader.ReadBytes((int)length));
            Assert.Equal(TensorBoardEvents.Crc32C(records[^1]), Unmask(reader.ReadUInt32()));
        }
        Assert.Equal(3, records.Count);
        Assert.Contains("brain.Event:2", Encoding.Latin1.GetString(records[0]));
        Assert.Contains("train/loss", Encoding.Latin1.GetString(records[2]));
        Assert.Equal([0x10, 0xAC, 0x02], records[2][9..12]);                          // field 2, varint 300
        Assert.Equal(0.25f, BitConverter.ToSingle(records[2].AsSpan(^4)));
    }

    private static uint Unmask(uint masked)
    {
        var rotated = unchecked(masked - 0xa282ead8u);
        return rotated << 15 | rotated >> 17;
    }
}

using System.Buffers.Binary;
using System.Formats.Tar;
using System.IO.Compression;
using CsCheck;
using Imago.Data;
using Imago.Images;

namespace Imago.Tests;

public sealed class PublishedSetTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private DatasetOptions Here => new() { Folder = _folder.Path };

    public void Dispose() => _folder.Dispose();

    private static byte[] Idx(byte type, int[] shape, params byte[] elements)
    {
        var header = new byte[4 + 4 * shape.Length];
        (header[2], header[3]) = (type, (byte)shape.Length);
        for (var i = 0; i < shape.Length; i++) BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4 + 4 * i), shape[i]);
        return [.. header, .. elements];
    }

    private static byte[] GZip(byte[] plain)
    {
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionMode.Compress)) gzip.Write(plain);
        return packed.ToArray();
    }

    private void WriteMnist(int train, int test, int shared = 0)
    {
        byte[] Images(int count, int offset) => Idx(8, [count, 2, 3], [.. Enumerable.Range(0, count * 6).Select(i => (byte)(i / 6 + offset))]);
        byte[] Labels(int count) => Idx(8, [count], [.. Enumerable.Range(0, count).Select(i => (byte)(i % 10))]);
        File.WriteAllBytes(_folder.File("train-images-idx3-ubyte.gz"), GZip(Images(train, 0)));
        File.WriteAllBytes(_folder.File("train-labels-idx1-ubyte"), Labels(train));
        File.WriteAllBytes(_folder.File("t10k-images-idx3-ubyte"), Images(test, train - shared));
        File.WriteAllBytes(_folder.File("t10k-labels-idx1-ubyte.gz"), GZip(Labels(test)));
    }

    [Fact]
    public void Mnist_FromAFolder_GzippedOrPlain_HasItsSplits()
    {
        WriteMnist(60, 10);
        var splits = Datasets.Open("mnist", Here);
        Assert.Equal((54, 6, 10), (splits.Train.Count, splits.Validation.Count, splits.Test.Count));
        Assert.Equal(60, splits.Test.Get(0).Image.Pixels[0]);
        Assert.Equal(3, splits.Test.Get(3).Label);
        Assert.Equal((3, 2, 1), (splits.Test.Get(0).Image.Width, splits.Test.Get(0).Image.Height, splits.Test.Get(0).Image.Channels));
    }

    [Fact]
    public void TestImages_AmongTheTrainingImages_AreLeftOutThere()
    {
        WriteMnist(60, 10, shared: 4);
        var splits = Datasets.Open("fashion-mnist", Here);
        Assert.Equal((56, 10), (splits.Train.Count + splits.Validation.Count, splits.Test.Count));
        Assert.All(Enumerable.Range(0, splits.Train.Count), i => Assert.InRange(splits.Train.Get(i).Image.Pixels[0], 0, 55));
    }

    [Fact]
    public void Mnist_Missing_SaysWhichFileAndWhatToDo()
    {
        var message = Assert.Throws<DataException>(() => Datasets.Open("mnist", Here)).Message;
        Assert.Contains("train-images-idx3-ubyte.gz", message, StringComparison.Ordinal);
        Assert.Contains("--download", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Mnist_LabelsThatDoNotFit_AreNamed()
    {
        WriteMnist(5, 5);
        File.WriteAllBytes(_folder.File("train-labels-idx1-ubyte"), Idx(8, [4], 1, 2, 3, 4));
        Assert.Contains("train-labels", Assert.Throws<DataException>(() => Datasets.Open("mnist", Here)).Message, StringComparison.Ordinal);
        File.WriteAllBytes(_folder.File("train-labels-idx1-ubyte"), Idx(8, [5], 1, 2, 3, 4, 10));
        Assert.Contains("label 10", Assert.Throws<DataException>(() => Datasets.Open("mnist", Here)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void MutatedIdxFiles_AreReadOrRefused_WithinTheirSize()
    {
        var path = _folder.File("idx");
        var whole = Idx(0x0C, [2, 3], new byte[24]);
        Gen.Select(Gen.Int[0, whole.Length - 1], Gen.Byte, Gen.Int[0, whole.Length], Gen.Bool).Sample((at, value, length, packed) =>
        {
            var mutated = whole[..length];
            if (at < length) mutated[at] = value;
            File.WriteAllBytes(path, packed ? GZip(mutated) : mutated);
            var before = GC.GetAllocatedBytesForCurrentThread();
            try
            {
                Assert.True(IdxFile.Read(path).Elements.Length <= whole.Length);
            }
            catch (DataException)
            {
            }
            Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1 << 20);
        }, iter: 300, threads: 1);
    }

    [Fact]
    public void Mnist_OfThisMachine_IsTheOriginal()
    {
        var folder = Path.Combine(Golden.GoldenFolder.Repository()!, "..", "shared", "data", "mnist");
        Assert.SkipUnless(Directory.Exists(folder), $"{folder} is not there");
        var splits = Datasets.Open("mnist", new DatasetOptions { Folder = folder });
        Assert.Equal((54_000, 6_000, 10_000), (splits.Train.Count, splits.Validation.Count, splits.Test.Count));
        Assert.Equal([7, 2, 1, 0, 4], Enumerable.Range(0, 5).Select(i => splits.Test.Get(i).Label!.Value));
    }

    private static byte[] CifarRecords(int count, byte seed) => [.. Enumerable.Range(0, count).SelectMany(i =>
        (byte[])[(byte)(i % 10), .. Enumerable.Repeat((byte)(seed + i), 1024), .. Enumerable.Repeat((byte)2, 1024), .. Enumerable.Repeat((byte)3, 1024)])];

    [Fact]
    public void Cifar10_FromItsArchive_AsFromItsFolder()
    {
        using (var file = File.Create(_folder.File("cifar-10-binary.tar.gz")))
        using (var gzip = new GZipStream(file, CompressionLevel.Fastest))
        using (var tar = new TarWriter(gzip))
        {
            for (var i = 1; i <= 6; i++)
            {
                var name = i == 6 ? "test_batch.bin" : $"data_batch_{i}.bin";
                tar.WriteEntry(new PaxTarEntry(TarEntryType.RegularFile, $"cifar-10-batches-bin/{name}") { DataStream = new MemoryStream(CifarRecords(4, (byte)(i * 10))) });
            }
        }
        var splits = Datasets.Open("cifar10", Here);
        Assert.Equal((18, 2, 4), (splits.Train.Count, splits.Validation.Count, splits.Test.Count));
        Assert.Equal([61, 2, 3, 61, 2, 3], splits.Test.Get(1).Image.Pixels[..6]);
        Assert.Equal("automobile", splits.Test.ClassNames[splits.Test.Get(1).Label!.Value]);
        var unpacked = Directory.CreateDirectory(_folder.File("cifar-10-batches-bin")).FullName;
        File.Delete(_folder.File("cifar-10-binary.tar.gz"));
        for (var i = 1; i <= 6; i++) File.WriteAllBytes(Path.Combine(unpacked, i == 6 ? "test_batch.bin" : $"data_batch_{i}.bin"), CifarRecords(4, (byte)(i * 10)));
        Assert.Equal(61, Datasets.Open("cifar10", Here).Test.Get(1).Image.Pixels[0]);
    }

    [Theory]
    [InlineData(".txt")]
    [InlineData(".csv")]
    public void Celeba_WithItsLists_HasAttributesAndOfficialSplits(string kind)
    {
        var images = Directory.CreateDirectory(_folder.File("img_align_celeba")).FullName;
        for (var i = 1; i <= 4; i++) ImageFile.Write(Path.Combine(images, $"{i:000000}.png"), TestImages.Numbered(i, channels: 3).Image);
        var comma = kind == ".csv";
        File.WriteAllText(_folder.File($"list_attr_celeba{kind}"), (comma ? "image_id,Smiling,Young\n" : "4\nSmiling Young \n") + string.Concat(Enumerable.Range(1, 4).Select(i => comma ? $"{i:000000}.png,{(i % 2 == 0 ? 1 : -1)},-1\n" : $"{i:000000}.png {(i % 2 == 0 ? " 1" : "-1")} -1\n")));
        File.WriteAllText(_folder.File($"list_eval_partition{kind}"), (comma ? "image_id,partition\n" : "") + string.Concat(Enumerable.Range(1, 4).Select(i => $"{i:000000}.png{(comma ? ',' : ' ')}{Math.Max(0, i - 2)}\n")));
        var splits = Datasets.Open("celeba", Here);
        Assert.Equal((2, 1, 1), (splits.Train.Count, splits.Validation.Count, splits.Test.Count));
        Assert.Equal(["smiling", "young"], splits.Train.Attributes.Select(attribute => attribute.Name));
        Assert.Equal([1, 0], splits.Test.Get(0).Attributes);
        Assert.Equal(4, splits.Test.Get(0).Image.Pixels[0]);
    }

    [Theory]
    [MemberData(nameof(Drawn))]
    public void DrawnSets_HaveDisjointParts_OfTheNumberAskedFor(string name)
    {
        var splits = Datasets.Open(name, new DatasetOptions { Count = 60 });
        Assert.Equal(60, splits.Parts.Sum(part => part.Set.Count));
        var keys = splits.Parts.Select(part => Enumerable.Range(0, part.Set.Count).Select(part.Set.ContentKey).ToHashSet()).ToList();
        Assert.Empty(keys[0].Intersect(keys[1]));
        Assert.Empty(keys[0].Intersect(keys[2]));
        Assert.Empty(keys[1].Intersect(keys[2]));
    }

    public static TheoryData<string> Drawn => ["faces", "sprites"];

    [Fact]
    public void UnknownName_ListsTheKnownOnes() =>
        Assert.Contains("fashion-mnist", Assert.Throws<DataException>(() => Datasets.Open("imagenet")).Message, StringComparison.Ordinal);

    [Fact]
    public void Summary_CountsSizesClassesCaptionsAndBrokenImages()
    {
        var set = new FaultyDataset(TestImages.Set(12, 4, 3), 5);
        var summary = DatasetSummary.Of(set, cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal([new SizeCount(4, 3, 1, 11)], summary.Sizes);
        Assert.Equal([("a", 4), ("b", 4), ("c", 3)], summary.Classes.Select(item => (item.Name, item.Images)));
        Assert.Equal((6, 12), (summary.Captions, summary.Examined));
        Assert.Equal(5, summary.Broken.Single().Index);
        Assert.True(DatasetSummary.ContactSheet(set, 12, 4).Width > 4 * 96);
    }
}

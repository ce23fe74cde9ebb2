using System.IO.Compression;
using System.Text;
using Imago.Data;
using Imago.Images;

namespace Imago.Tests;

public sealed class ImageFolderTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private static byte[] Png(int number) => ImageFile.Encode(TestImages.Numbered(number).Image, ".png");

    private void Write(string name, byte[] bytes)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(_folder.File(name))!);
        File.WriteAllBytes(_folder.File(name), bytes);
    }

    private void Write(string name, string text) => Write(name, Encoding.UTF8.GetBytes(text));

    private string Zip()
    {
        var path = Path.Combine(Path.GetTempPath(), $"{Path.GetFileName(_folder.Path)}.zip");
        ZipFile.CreateFromDirectory(_folder.Path, path, CompressionLevel.Fastest, includeBaseDirectory: true);
        return path;
    }

    [Fact]
    public void SubFolders_AreClasses_InAFolderAsInAZip()
    {
        for (var i = 0; i < 6; i++) Write($"{(i % 2 == 0 ? "cat" : "dog")}/{i}.png", Png(i));
        Write("__MACOSX/cat/._0.png", "resource fork");
        Write("cat/.hidden.png", "hidden");
        Write("readme.md", "text");
        var zip = Zip();
        foreach (var set in (ImageFolderDataset[])[new(_folder.Path), new(zip)])
        {
            Assert.Equal(["cat", "dog"], set.ClassNames);
            Assert.Equal([0, 0, 0, 1, 1, 1], Enumerable.Range(0, set.Count).Select(i => set.Get(i).Label));
            Assert.Equal(TestImages.Numbered(2).Image.Pixels, set.Get(1).Image.Pixels);
            Assert.EndsWith("cat/2.png", set.Describe(1), StringComparison.Ordinal);
        }
        File.Delete(zip);
    }

    [Fact]
    public void OneFolder_IsNoClass()
    {
        Write("images/0.png", Png(0));
        Write("images/1.png", Png(1));
        Assert.Empty(new ImageFolderDataset(_folder.Path).ClassNames);
    }

    [Fact]
    public void MetadataJsonLines_GivesCaptionsLabelsAndAttributes()
    {
        for (var i = 0; i < 3; i++) Write($"train/{i}.png", Png(i));
        Write("train/metadata.jsonl", """
            {"file_name": "2.png", "text": "zwei ✓", "label": "b", "size": 2.5, "glasses": true}
            {"file_name": "0.png", "text": "a \"first\"", "label": "a", "size": 1, "glasses": false, "box": [1, 2]}

            """);
        var set = new ImageFolderDataset(_folder.Path);
        Assert.Equal(["a", "b"], set.ClassNames);
        Assert.Equal(["size", "glasses"], set.Attributes.Select(attribute => attribute.Name));
        Assert.Equal((1.0, 2.5), (set.Attributes[0].Minimum, set.Attributes[0].Maximum));
        Assert.Equal(["no", "yes"], set.Attributes[1].Values);
        Assert.Equal(("a \"first\"", 0), (set.Get(0).Caption, set.Get(0).Label));
        Assert.Equal(("zwei ✓", 1), (set.Get(2).Caption, set.Get(2).Label));
        Assert.Equal([2.5, 1], set.Get(2).Attributes);
        Assert.Equal((null, null), (set.Get(1).Caption, set.Get(1).Label));
        Assert.All(set.Get(1).Attributes, value => Assert.True(double.IsNaN(value)));
    }

    [Fact]
    public void MetadataCsv_WithQuotesAndLineBreaks_IsRead()
    {
        for (var i = 0; i < 2; i++) Write($"{i}.png", Png(i));
        Write("metadata.csv", "file_name,caption,score,happy\r\n0.png,\"one, \"\"two\"\"\nthree\",0.5,true\r\n1.png,,,False\r\n");
        var set = new ImageFolderDataset(_folder.Path);
        Assert.Equal(("one, \"two\"\nthree", null), (set.Get(0).Caption, set.Get(1).Caption));
        Assert.Equal(["score", "happy"], set.Attributes.Select(attribute => attribute.Name));
        Assert.Equal([0.5, 1], set.Get(0).Attributes);
        Assert.Equal([double.NaN, 0], set.Get(1).Attributes);
    }

    [Fact]
    public void TextBesideTheImage_IsItsCaption()
    {
        Write("a.png", Png(0));
        Write("a.txt", " a photo of a bee\n");
        Write("b.png", Png(1));
        var set = new ImageFolderDataset(_folder.Path);
        Assert.Equal(("a photo of a bee", null), (set.Get(0).Caption, set.Get(1).Caption));
    }

    [Theory]
    [InlineData("metadata.jsonl", "{\"file_name\": \"0.png\"", "line 1")]
    [InlineData("metadata.jsonl", "[1]", "line 1")]
    [InlineData("metadata.jsonl", "{\"caption\": \"x\"}", "file_name")]
    [InlineData("metadata.jsonl", "{\"file_name\": \"../../etc/passwd\"}", "no image")]
    [InlineData("metadata.csv", "file_name,caption\n0.png", "record 2")]
    [InlineData("metadata.csv", "file_name,caption\n0.png,\"open", "does not end")]
    public void DamagedMetadata_IsNamed(string file, string text, string expected)
    {
        Write("0.png", Png(0));
        Write(file, text);
        Assert.Contains(expected, Assert.Throws<DataException>(() => new ImageFolderDataset(_folder.Path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void NoImage_IsAnErrorThatSaysWhatIsRead() =>
        Assert.Contains(".png", Assert.Throws<DataException>(() => Datasets.Open(_folder.Path)).Message, StringComparison.Ordinal);

    [Fact]
    public void BrokenZip_IsRefused()
    {
        Write("broken.zip", [(byte)'P', (byte)'K', 3, 4, .. new byte[40]]);
        Assert.Throws<DataException>(() => Datasets.Open(_folder.File("broken.zip")));
    }

    [Fact]
    public void HostileZip_IsNeitherUnpackedNorBelieved()
    {
        var path = _folder.File("hostile.zip");
        using (var zip = ZipFile.Open(path, ZipArchiveMode.Create))
        {
            void Add(string name, byte[] bytes)
            {
                using var entry = zip.CreateEntry(name).Open();
                entry.Write(bytes);
            }
            Add("../../outside.png", Png(1));
            Add("/absolute.png", Png(2));
            Add("bomb.png", new byte[50_000_000]);
            Add("good.png", Png(3));
            Add("good.png", Png(4));                                        // a second file of that name: the first counts
        }
        var loader = new ImageLoader(new ImageFolderDataset(path));
        using var batch = loader.Epoch(0, cancellationToken: TestContext.Current.CancellationToken).Single();
        Assert.Equal("bomb.png", Path.GetFileName(loader.Skipped.Single().Name));
        Assert.Contains(3, Enumerable.Range(0, batch.Indices.Count).Select(i => (int)batch.Bytes[i, 0, 0, 0].item<byte>()));
        Assert.Equal([path], Directory.GetFileSystemEntries(_folder.Path));
    }

    [Fact]
    public void Splits_NamedByFolders_AreKept_AndWhatIsTestedIsNotTrainedOn()
    {
        for (var i = 0; i < 30; i++) Write($"train/{(i % 2 == 0 ? "cat" : "dog")}/{i}.png", Png(i));
        for (var i = 28; i < 34; i++) Write($"test/{(i % 2 == 0 ? "cat" : "dog")}/other{i}.png", Png(i));              // 28 and 29 are in the training folder, too
        var splits = Datasets.Open(_folder.Path);
        Assert.Equal(["cat", "dog"], splits.Train.ClassNames);
        Assert.Equal(6, splits.Test.Count);
        Assert.Equal(28, splits.Train.Count + splits.Validation.Count);
        Assert.Equal(3, splits.Validation.Count);
        AssertDisjoint(splits);
    }

    [Fact]
    public void Splits_ByContent_KeepDuplicatesTogether_AndDoNotDependOnNames()
    {
        for (var i = 0; i < 40; i++) Write($"{i:00}.png", Png(i / 2));
        var first = Datasets.Open(_folder.Path);
        Assert.Equal((32, 4, 4), (first.Train.Count, first.Validation.Count, first.Test.Count));
        AssertDisjoint(first);
        var test = Contents(first.Test);
        for (var i = 0; i < 40; i++) File.Move(_folder.File($"{i:00}.png"), _folder.File($"renamed{39 - i:00}.png"));
        Assert.Equal(test, Contents(Datasets.Open(_folder.Path).Test));
        var zip = Zip();
        Assert.Equal(test, Contents(Datasets.Open(zip).Test));
        File.Delete(zip);
        Assert.NotEqual(test, Contents(Datasets.Open(_folder.Path, new DatasetOptions { Seed = 1 }).Test));
    }

    private static SortedSet<byte> Contents(ImageDataset set) => [.. Enumerable.Range(0, set.Count).Select(i => set.Get(i).Image.Pixels[0])];

    private static void AssertDisjoint(DatasetSplits splits)
    {
        var (train, validation, test) = (Contents(splits.Train), Contents(splits.Validation), Contents(splits.Test));
        Assert.Empty(train.Intersect(test));
        Assert.Empty(train.Intersect(validation));
        Assert.Empty(validation.Intersect(test));
        Assert.All((ImageDataset[])[splits.Train, splits.Validation, splits.Test], part => Assert.NotEqual(0, part.Count));
    }

    [Fact]
    public void ParquetShards_GiveTheSplitsOfTheirNames_WithoutLeaks()
    {
        var parquet = Path.Combine(Golden.GoldenFolder.Repository()!, "tests", "golden", "formats-images", "parquet");
        Write("data/train-00000-of-00002.parquet", File.ReadAllBytes(Path.Combine(parquet, "snappy.parquet")));                // seven images …
        Write("data/test-00000-of-00001.parquet", File.ReadAllBytes(Path.Combine(parquet, "one_broken_image.parquet")));       // … of which two are here, too
        var splits = Datasets.Open(_folder.Path);
        Assert.Equal((5, 3), (splits.Train.Count + splits.Validation.Count, splits.Test.Count));
        Assert.Equal(["cat", "dog", "bird"], splits.Train.ClassNames);
        var loader = new ImageLoader(splits.Test, new LoaderOptions { Size = 8, Channels = 3 });
        using var batch = loader.Epoch(0, cancellationToken: TestContext.Current.CancellationToken).Single();
        Assert.Equal([2, 3, 8, 8], batch.Bytes.shape);
        Assert.Contains("row 1", loader.Skipped.Single().Name, StringComparison.Ordinal);
    }

    [Fact]
    public void SmilesZip_LoadsWithItsClasses()
    {
        var path = Path.Combine(Golden.GoldenFolder.Repository()!, "..", "shared", "data", "smiles", "smiles.zip");
        Assert.SkipUnless(File.Exists(path), $"{path} is not there");
        var splits = Datasets.Open(path, new DatasetOptions { Count = 200 });
        Assert.Equal(200, splits.Parts.Sum(part => part.Set.Count));
        using var batch = new ImageLoader(splits.Train, new LoaderOptions { Strict = true }).Epoch(0, cancellationToken: TestContext.Current.CancellationToken).First();
        Assert.Equal([64, 1, 64, 64], batch.Bytes.shape);
        Assert.Equal(["neutral", "smile"], splits.Train.ClassNames);
    }
}

using System.Formats.Tar;
using System.IO.Compression;
using Imago.Images;

namespace Imago.Data;

/// <summary>CIFAR-10 (Krizhevsky 2009) from its binary version: records of a label and 32×32 pixels, planes of red, green, blue.</summary>
public sealed class Cifar10Dataset : ImageDataset
{
    private const int Side = 32, ImageBytes = 3 * Side * Side, RecordBytes = 1 + ImageBytes, RecordsPerFile = 10_000;
    private const string Archive = "cifar-10-binary.tar.gz", Folder = "cifar-10-batches-bin", TestFile = "test_batch.bin";

    private readonly byte[] _records;

    private Cifar10Dataset(byte[] records, string where)
    {
        if (records.Length == 0 || records.Length % RecordBytes != 0) throw new DataException($"{where}: {records.Length:N0} bytes are no whole number of records of {RecordBytes}.");
        _records = records;
        Count = records.Length / RecordBytes;
        for (var i = 0; i < Count; i++)
        {
            if (records[i * RecordBytes] >= ClassNames.Count) throw new DataException($"{where}: record {i} has label {records[i * RecordBytes]}, CIFAR-10 has {ClassNames.Count} classes.");
        }
    }

    internal static DatasetInfo Published { get; } = new(
        "cifar10", "60,000 photographs of ten kinds of things, 32×32 colour. Official test split of 10,000; a tenth of the training images, chosen by content, for validation.", Open);

    /// <inheritdoc/>
    public override string Name => "cifar10";

    /// <inheritdoc/>
    public override int Count { get; }

    /// <inheritdoc/>
    public override IReadOnlyList<string> ClassNames { get; } = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];

    private static string[] TrainFiles => [.. Enumerable.Range(1, 5).Select(i => $"data_batch_{i}.bin")];

    /// <inheritdoc/>
    public override ImageItem Get(int index)
    {
        var record = _records.AsSpan(Checked(index) * RecordBytes, RecordBytes);
        var pixels = new byte[ImageBytes];
        for (var i = 0; i < ImageBytes; i++) pixels[i] = record[1 + i % 3 * (Side * Side) + i / 3];
        return new ImageItem { Image = new PixelImage(Side, Side, 3, pixels), Label = record[0] };
    }

    /// <inheritdoc/>
    public override UInt128 ContentKey(int index) => ContentHash.Of(_records.AsSpan(Checked(index) * RecordBytes + 1, ImageBytes));

    private static DatasetSplits Open(DatasetOptions options, CancellationToken cancellationToken)
    {
        var published = new PublishedFiles("cifar10", [new PublishedFile(Archive, [new Uri($"https://www.cs.toronto.edu/~kriz/{Archive}")], "md5:c32a1d4ab5d03f1284b67883e8d87530")]);
        var files = published.FindFolder(Folder, TestFile, options) is { } folder
            ? TrainFiles.Append(TestFile).ToDictionary(name => name, name => ReadFile(Path.Combine(folder, name)))
            : ReadArchive(published.Find(Archive, options, cancellationToken));
        var missing = TrainFiles.Append(TestFile).Where(name => !files.ContainsKey(name)).ToList();
        if (missing.Count > 0) throw new DataException($"cifar10: the archive lacks {string.Join(", ", missing)}; delete it and fetch it again.");
        return DatasetSplits.WithTest(
            "cifar10", Published.Description, new Cifar10Dataset([.. TrainFiles.SelectMany(name => files[name])], "cifar10, training files"), new Cifar10Dataset(files[TestFile], TestFile), options);
    }

    private static byte[] ReadFile(string path)
    {
        try
        {
            using var file = File.OpenRead(path);
            return ReadRecords(file, path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new DataException($"{path}: cannot be read: {e.Message}", e);
        }
    }

    private static Dictionary<string, byte[]> ReadArchive(string path)
    {
        try
        {
            var files = new Dictionary<string, byte[]>();
            using var file = File.OpenRead(path);
            using var plain = new GZipStream(file, CompressionMode.Decompress);
            using var tar = new TarReader(plain);
            while (tar.GetNextEntry() is { } entry)
            {
                var name = Path.GetFileName(entry.Name);
                if (entry.DataStream is not null && name.EndsWith(".bin", StringComparison.Ordinal)) files[name] = ReadRecords(entry.DataStream, $"{path}/{name}");
            }
            return files;
        }
        catch (Exception e) when (e is IOException or InvalidDataException or UnauthorizedAccessException)
        {
            throw new DataException($"{path}: cannot be read as tar.gz: {e.Message}", e);
        }
    }

    private static byte[] ReadRecords(Stream stream, string where)
    {
        using var records = new MemoryStream();
        var buffer = new byte[64 * 1024];
        while (stream.Read(buffer) is > 0 and var read)
        {
            records.Write(buffer, 0, read);
            if (records.Length > RecordsPerFile * RecordBytes) throw new DataException($"{where}: is longer than the {RecordsPerFile:N0} records of a file of CIFAR-10.");
        }
        return records.ToArray();
    }
}

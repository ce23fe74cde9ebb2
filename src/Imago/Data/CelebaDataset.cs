using System.Globalization;
using System.Text;
using Imago.Images;

namespace Imago.Data;

/// <summary>CelebA (Liu, Luo, Wang and Tang 2015), aligned and cropped: 202,599 faces with forty attributes, from its folder or zip and the two lists, as text or as CSV.</summary>
public sealed class CelebaDataset : ImageDataset
{
    private const string Images = "img_align_celeba", AttributeList = "list_attr_celeba", PartitionList = "list_eval_partition";

    private readonly FileSource _source;
    private readonly List<string> _files = [];
    private readonly List<sbyte[]> _values = [];

    private CelebaDataset(FileSource source, string attributeList)
    {
        _source = source;
        var byName = source.Names.Where(ImageFile.HasImageName).GroupBy(name => Path.GetFileName(name)).ToDictionary(group => group.Key, group => group.First());
        var (names, rows) = ReadList(attributeList);
        Attributes = [.. names.Select(name => new ImageAttribute(name.ToLowerInvariant(), 0, 1, ["no", "yes"], $"CelebA's attribute {name}"))];
        foreach (var (image, values) in rows)
        {
            if (!byName.TryGetValue(image, out var file)) continue;
            if (values.Length != Attributes.Count) throw new DataException($"{attributeList}: {image} has {values.Length} values, expected {Attributes.Count}.");
            _files.Add(file);
            _values.Add(values);
        }
        if (_files.Count == 0) throw new DataException($"{source.Path}: holds none of the images that {attributeList} names.");
    }

    internal static DatasetInfo Published { get; } = new(
        "celeba", "202,599 aligned faces of celebrities, 178×218 colour, with forty attributes (for non-commercial research). Official splits.", Open);

    /// <inheritdoc/>
    public override string Name => "celeba";

    /// <inheritdoc/>
    public override int Count => _files.Count;

    /// <inheritdoc/>
    public override IReadOnlyList<ImageAttribute> Attributes { get; }

    /// <inheritdoc/>
    public override ImageItem Get(int index) => new()
    {
        Image = ImageFile.Decode(_source.Read(_files[Checked(index)]), Describe(index)),
        Attributes = [.. _values[index].Select(value => value > 0 ? 1.0 : 0.0)],
    };

    /// <inheritdoc/>
    public override string Describe(int index) => _source.Describe(_files[Checked(index)]);

    /// <inheritdoc/>
    public override UInt128 ContentKey(int index) => ContentHash.Of(_source.Read(_files[Checked(index)]));

    private static DatasetSplits Open(DatasetOptions options, CancellationToken cancellationToken)
    {
        var published = new PublishedFiles("celeba",
        [
            new PublishedFile($"{Images}.zip", [Drive("0B7EVK8r0v71pZjFTYXZWM3FlRnM")], "md5:00d2c5bc6d35e252742224ab0c1e8fcb"),
            new PublishedFile($"{AttributeList}.txt", [Drive("0B7EVK8r0v71pblRyaVFSWGxPY0U")], "md5:75e246fa4810816ffd6ee81facbd244c"),
            new PublishedFile($"{PartitionList}.txt", [Drive("0B7EVK8r0v71pY0NSMzRuSXJEVkk")], "md5:d32c9cbf5e040fd4025c592c306e6668"),
        ]);
        string List(string name) => published.FindPresent($"{name}.csv", options) ?? published.Find($"{name}.txt", options, cancellationToken);
        var partition = ReadList(List(PartitionList)).Rows.ToDictionary(row => row.Image, row => row.Values is [var part] ? part : (sbyte)-1);
        var source = FileSource.Open(published.FindFolder(Images, null, options) ?? published.Find($"{Images}.zip", options, cancellationToken));
        var set = new CelebaDataset(source, List(AttributeList));
        SubsetDataset Part(int part) => new(set, [.. Enumerable.Range(0, set.Count).Where(index => partition.GetValueOrDefault(Path.GetFileName(set._files[index]), (sbyte)-1) == part)]);
        return new DatasetSplits(Part(0), Part(1), Part(2)) { Name = "celeba", Description = Published.Description }.Limited(options.Count);
    }

    private static Uri Drive(string id) => new($"https://drive.usercontent.google.com/download?id={id}&export=download&confirm=t");

    /// <summary>Lines of an image's name and its values. The attributes' names stand in a line of their own: the second of the text, the first of the CSV.</summary>
    private static (string[] Names, List<(string Image, sbyte[] Values)> Rows) ReadList(string path)
    {
        var (names, rows) = (Array.Empty<string>(), new List<(string, sbyte[])>());
        try
        {
            foreach (var line in File.ReadLines(path, Encoding.UTF8))
            {
                var fields = line.Split([' ', ',', '\t'], StringSplitOptions.RemoveEmptyEntries);
                if (fields.Length < 2) continue;
                if (ImageFile.HasImageName(fields[0])) rows.Add((fields[0], [.. fields[1..].Select(value => sbyte.Parse(value, CultureInfo.InvariantCulture))]));
                else if (rows.Count == 0) names = fields[0] == "image_id" ? fields[1..] : fields;
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or FormatException or OverflowException)
        {
            throw new DataException($"{path}: cannot be read as a list of CelebA: {e.Message}", e);
        }
        return rows.Count > 0 ? (names, rows) : throw new DataException($"{path}: names no image.");
    }
}

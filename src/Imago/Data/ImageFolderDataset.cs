using System.Text;
using Imago.Images;

namespace Imago.Data;

/// <summary>
/// A folder or zip file of images. Classes come from sub-folders or a <c>label</c> column, captions and attributes from
/// <c>metadata.jsonl</c> or <c>metadata.csv</c> (column <c>file_name</c>, relative to its folder), captions also from a <c>.txt</c> beside the image.
/// </summary>
public sealed class ImageFolderDataset : ImageDataset
{
    private const int MaximumCaptionBytes = 64 * 1024;

    private readonly FileSource _source;
    private readonly ImageReadOptions? _reading;
    private readonly IReadOnlyList<string> _files;
    private readonly IReadOnlyList<int?> _labels;
    private readonly IReadOnlyList<string?> _captions;
    private readonly IReadOnlyList<IReadOnlyList<double>> _attributes;

    /// <summary>Opens all images of a folder or zip, in the order of their names. No image is read yet.</summary>
    /// <exception cref="DataException">It does not exist, holds no image, or its metadata are damaged or name no image.</exception>
    public ImageFolderDataset(string path)
        : this(FileSource.Open(path))
    {
    }

    internal ImageFolderDataset(FileSource source, ImageReadOptions? reading = null)
    {
        (_source, _reading) = (source, reading);
        _files = [.. source.Names.Where(ImageFile.HasImageName)];
        if (_files.Count == 0) throw new DataException($"{source.Path}: holds no image; read are files ending with {string.Join(", ", ImageFile.Extensions)}.");
        Name = Path.GetFileNameWithoutExtension(source.Path.Length > 1 ? Path.GetFullPath(source.Path) : source.Path);
        var parts = Parts(_files);
        SplitOf = SplitNames(parts);
        var rows = ReadMetadata(source, _files);
        var metadata = Metadata.Of(rows);
        Attributes = metadata.Attributes;
        _attributes = [.. rows.Select(metadata.AttributesOf)];
        var texts = source.Names.Where(name => name.EndsWith(".txt", StringComparison.OrdinalIgnoreCase)).ToHashSet();
        _captions = [.. _files.Select((file, index) => metadata.CaptionOf(rows[index]) ?? CaptionBeside(file, texts))];
        if (metadata.Label is not null) (ClassNames, _labels) = (metadata.ClassNames, [.. rows.Select(metadata.LabelOf)]);
        else (ClassNames, _labels) = ClassesByFolder(parts, skip: SplitOf.Count > 0 ? 1 : 0);
    }

    /// <inheritdoc/>
    public override string Name { get; }

    /// <inheritdoc/>
    public override int Count => _files.Count;

    /// <inheritdoc/>
    public override IReadOnlyList<string> ClassNames { get; }

    /// <inheritdoc/>
    public override IReadOnlyList<ImageAttribute> Attributes { get; }

    /// <summary>For each image the split that its folder names (train, validation, test); empty if the folders name none.</summary>
    internal IReadOnlyList<string> SplitOf { get; }

    /// <inheritdoc/>
    public override ImageItem Get(int index)
    {
        var file = _files[Checked(index)];
        return new ImageItem
        {
            Image = ImageFile.Decode(_source.Read(file), _source.Describe(file), _reading),
            Label = _labels[index],
            Attributes = _attributes[index],
            Caption = _captions[index],
        };
    }

    /// <inheritdoc/>
    public override string Describe(int index) => _source.Describe(_files[Checked(index)]);

    /// <inheritdoc/>
    public override UInt128 ContentKey(int index) => ContentHash.Of(_source.Read(_files[Checked(index)]));

    /// <summary>The folders of each file, below those that all files share.</summary>
    private static List<string[]> Parts(IReadOnlyList<string> files)
    {
        var folders = files.Select(file => file.Split('/')[..^1]).ToList();
        var shared = 0;
        while (folders.All(folder => folder.Length > shared && folder[shared] == folders[0][shared])) shared++;
        return [.. folders.Select(folder => folder[shared..])];
    }

    private static IReadOnlyList<string> SplitNames(List<string[]> parts)
    {
        var splits = parts.Select(folder => folder.Length == 0 ? null : DatasetSplits.SplitNamed(folder[0])).ToList();
        return splits.All(split => split is not null) && splits.Contains("train") ? [.. splits.OfType<string>()] : [];
    }

    private static (IReadOnlyList<string> Names, IReadOnlyList<int?> Labels) ClassesByFolder(List<string[]> parts, int skip)
    {
        if (parts.Any(folder => folder.Length <= skip)) return ([], new int?[parts.Count]);
        List<string> names = [.. parts.Select(folder => folder[skip]).Distinct().Order(StringComparer.Ordinal)];
        var index = names.Select((name, i) => (name, i)).ToDictionary(pair => pair.name, pair => pair.i);
        return names.Count < 2 ? ([], new int?[parts.Count]) : (names, [.. parts.Select(folder => (int?)index[folder[skip]])]);
    }

    private static IReadOnlyList<IReadOnlyDictionary<string, object?>> ReadMetadata(FileSource source, IReadOnlyList<string> files)
    {
        var known = new Dictionary<string, IReadOnlyDictionary<string, object?>>();
        foreach (var name in source.Names.Where(name => Path.GetFileName(name) is "metadata.jsonl" or "metadata.csv"))
        {
            var folder = name[..^Path.GetFileName(name).Length];
            var described = source.Describe(name);
            foreach (var row in name.EndsWith(".csv", StringComparison.Ordinal) ? Metadata.ReadCsv(source.Read(name), described) : Metadata.ReadJsonLines(source.Read(name), described))
            {
                if ((row.GetValueOrDefault("file_name") ?? row.GetValueOrDefault("image_file_name")) is not string file)
                    throw new DataException($"{described}: a row has no file_name; each must name its image.");
                known[folder + file] = row;
            }
        }
        if (known.Count > 0 && !files.Any(known.ContainsKey))
            throw new DataException($"{source.Path}: its metadata name no image that is there (the first is '{known.Keys.First()}'); file_name is relative to the folder of the metadata.");
        var none = new Dictionary<string, object?>();
        return [.. files.Select(file => known.GetValueOrDefault(file, none))];
    }

    private string? CaptionBeside(string file, HashSet<string> texts)
    {
        var text = file[..^Path.GetExtension(file).Length] + ".txt";
        if (!texts.Contains(text)) return null;
        var bytes = _source.Read(text);
        if (bytes.Length > MaximumCaptionBytes) throw new DataException($"{_source.Describe(text)}: {bytes.Length:N0} bytes are too long for a caption (at most {MaximumCaptionBytes:N0}).");
        return Encoding.UTF8.GetString(bytes).TrimStart('\uFEFF').Trim();
    }
}

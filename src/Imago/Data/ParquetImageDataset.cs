using System.Buffers.Binary;
using System.Text.Json;
using Imago.Images;
using Parquet;
using Parquet.Data;
using Parquet.Schema;

namespace Imago.Data;

/// <summary>
/// Parquet files as dataset hubs publish them: images as a struct of <c>bytes</c> and <c>path</c>, or as a plain column of bytes; class names from the
/// <c>huggingface</c> metadata; other columns as captions and attributes. Several shards are one set.
/// </summary>
/// <remarks>Rows are read once, group by group; the encoded images go to a temporary file in Imago's cache, from which any can be read at any time.</remarks>
public sealed class ParquetImageDataset : ImageDataset
{
    private readonly ImageSpool _spool = new();
    private readonly List<Row> _rows = [];
    private readonly List<Dictionary<string, object?>> _values = [];
    private readonly Metadata _metadata;

    /// <summary>Reads the shards, in the order given.</summary>
    /// <exception cref="DataException">A file is damaged, or has no column of images.</exception>
    public ParquetImageDataset(string name, IReadOnlyList<string> paths, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(paths);
        Name = name;
        (string Column, IReadOnlyList<string> Names)? classes = null;
        foreach (var path in paths)
        {
            try
            {
                CheckEnds(path);
                classes = ReadAsync(path, cancellationToken).GetAwaiter().GetResult() ?? classes;
            }
            catch (Exception e) when (e is not (ImagoException or OperationCanceledException))
            {
                // The parquet library answers damaged files with exceptions of every kind, OutOfMemoryException for absurd lengths among them.
                throw new DataException($"{path}: cannot be read as parquet: {e.Message}", e);
            }
        }
        _metadata = Metadata.Of(_values, classes);
    }

    /// <inheritdoc/>
    public override string Name { get; }

    /// <inheritdoc/>
    public override int Count => _rows.Count;

    /// <inheritdoc/>
    public override IReadOnlyList<string> ClassNames => _metadata.ClassNames;

    /// <inheritdoc/>
    public override IReadOnlyList<ImageAttribute> Attributes => _metadata.Attributes;

    /// <summary>For each image the split that its file or folder names; empty if they name none.</summary>
    internal IReadOnlyList<string> SplitOf
    {
        get
        {
            var names = _rows.Select(row => SplitNamed(row.Shard)).ToList();
            return names.All(split => split is not null) && names.Contains("train") ? [.. names.OfType<string>()] : [];
        }
    }

    /// <inheritdoc/>
    public override ImageItem Get(int index) => new()
    {
        Image = ImageFile.Decode(Bytes(index), Describe(index)),
        Label = _metadata.LabelOf(_values[index]),
        Attributes = _metadata.AttributesOf(_values[index]),
        Caption = _metadata.CaptionOf(_values[index]),
    };

    /// <inheritdoc/>
    public override UInt128 ContentKey(int index) => _rows[Checked(index)].Length == 0 ? ContentHash.Of([], [index]) : ContentHash.Of(Bytes(index));

    /// <inheritdoc/>
    public override string Describe(int index)
    {
        var row = _rows[Checked(index)];
        return $"{row.Shard}, row {row.Number}{(row.Path is null ? "" : $" ({row.Path})")}";
    }

    private byte[] Bytes(int index)
    {
        var row = _rows[Checked(index)];
        return row.Length > 0 ? _spool.Read(row.Offset, row.Length) : throw new DataException($"{Describe(index)}: holds no bytes of an image{(row.Path is null ? "" : ", only its path")}.");
    }

    private static string? SplitNamed(string path)
    {
        var file = Path.GetFileName(path).Split('-', '_', '.')[0];
        return DatasetSplits.SplitNamed(file) ?? DatasetSplits.SplitNamed(Path.GetFileName(Path.GetDirectoryName(path)) ?? "");
    }

    /// <summary>The length that the footer declares is checked before the library allocates it.</summary>
    private static void CheckEnds(string path)
    {
        using var file = File.OpenRead(path);
        Span<byte> end = stackalloc byte[8];
        if (file.Length < 12) throw new DataException($"{path}: {file.Length} bytes are too few for a parquet file.");
        file.Position = file.Length - 8;
        file.ReadExactly(end);
        if (!end[4..].SequenceEqual("PAR1"u8)) throw new DataException($"{path}: does not end as a parquet file does; it is cut off or something else. Fetch it again.");
        var footer = BinaryPrimitives.ReadUInt32LittleEndian(end);
        if (footer > file.Length - 12) throw new DataException($"{path}: declares a footer of {footer:N0} bytes in a file of {file.Length:N0}.");
    }

    private async Task<(string Column, IReadOnlyList<string> Names)?> ReadAsync(string path, CancellationToken cancellationToken)
    {
        var reader = await ParquetReader.CreateAsync(path, cancellationToken: cancellationToken).ConfigureAwait(false);
        await using var _ = reader.ConfigureAwait(false);
        var fields = reader.Schema.GetDataFields();
        var images = ImageField(fields) ?? throw new DataException($"{path}: has no column of images (a struct with bytes, or plain bytes); its columns are {string.Join(", ", fields.Select(field => field.Path))}.");
        var names = fields.FirstOrDefault(field => field.Path.Length == 2 && field.Path.FirstPart == images.Path.FirstPart && field.Path[1] == "path");
        var columns = fields.Where(field => field != images && field != names && field.ClrType != typeof(ReadOnlyMemory<byte>) && (field.Path.Length == 1 || field.MaxRepetitionLevel == 1)).ToList();
        var number = 0;
        for (var group = 0; group < reader.RowGroupCount; group++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            using var rows = reader.OpenRowGroupReader(group);
            if (rows.RowCount == 0) continue;
            var first = _rows.Count;
            var paths = names is null ? null : await ValuesAsync(rows, names, cancellationToken).ConfigureAwait(false);
            using (var bytes = (RawColumnData<ReadOnlyMemory<byte>>)await rows.ReadRawColumnDataBaseAsync(images, cancellationToken).ConfigureAwait(false))
            {
                foreach (var position in Positions(bytes, images, bytes.Values.Length))
                {
                    var (offset, length) = position < 0 ? (0, 0) : _spool.Append(bytes.Values[position].Span);
                    _rows.Add(new Row(path, number++, offset, length, paths?[_rows.Count - first] as string));
                    _values.Add([]);
                }
            }
            foreach (var column in columns)
            {
                var values = await ValuesAsync(rows, column, cancellationToken).ConfigureAwait(false);
                if (values.Count != _rows.Count - first) throw new DataException($"{path}: column {column.Path} has {values.Count} rows in group {group}, the images {_rows.Count - first}.");
                for (var i = 0; i < values.Count; i++) _values[first + i][column.Path.FirstPart!] = values[i];
            }
        }
        return ClassNamesIn(reader.CustomMetadata.GetValueOrDefault("huggingface"));
    }

    private static DataField? ImageField(DataField[] fields)
    {
        var candidates = fields.Where(field => field.ClrType == typeof(ReadOnlyMemory<byte>) && field.MaxRepetitionLevel == 0 && (field.Path.Length == 1 || field.Path[^1] == "bytes")).ToList();
        return candidates.FirstOrDefault(field => field.Path.FirstPart is "image" or "img") ?? candidates.FirstOrDefault();
    }

    /// <summary>For each row the position of its (first) value among those stored, or −1 where it has none.</summary>
    private static List<int> Positions(RawColumnData column, DataField field, int count)
    {
        if (field.MaxDefinitionLevel == 0 && field.MaxRepetitionLevel == 0) return [.. Enumerable.Range(0, count)];
        var (positions, next) = (new List<int>(), 0);
        for (var i = 0; i < column.DefinitionLevels.Length; i++)
        {
            var defined = column.DefinitionLevels[i] == field.MaxDefinitionLevel;
            if (field.MaxRepetitionLevel == 0 || column.RepetitionLevels[i] == 0) positions.Add(defined ? next : -1);
            if (defined) next++;
        }
        return next <= count ? positions : throw new DataException($"column {field.Path} declares {next} values and holds {count}.");
    }

    /// <summary>A value for each row: double, bool, string or null. Columns of other types say nothing.</summary>
    private static async Task<IReadOnlyList<object?>> ValuesAsync(ParquetRowGroupReader rows, DataField field, CancellationToken cancellationToken)
    {
        return field.ClrType switch
        {
            var type when type == typeof(ReadOnlyMemory<char>) => await ReadAsync<ReadOnlyMemory<char>>(text => text.ToString()).ConfigureAwait(false),
            var type when type == typeof(string) => await ReadAsync<ReadOnlyMemory<char>>(text => text.ToString()).ConfigureAwait(false),
            var type when type == typeof(bool) => await ReadAsync<bool>(truth => truth).ConfigureAwait(false),
            var type when type == typeof(double) => await ReadAsync<double>(number => number).ConfigureAwait(false),
            var type when type == typeof(float) => await ReadAsync<float>(number => (double)number).ConfigureAwait(false),
            var type when type == typeof(long) => await ReadAsync<long>(number => (double)number).ConfigureAwait(false),
            var type when type == typeof(int) => await ReadAsync<int>(number => (double)number).ConfigureAwait(false),
            var type when type == typeof(short) => await ReadAsync<short>(number => (double)number).ConfigureAwait(false),
            var type when type == typeof(sbyte) => await ReadAsync<sbyte>(number => (double)number).ConfigureAwait(false),
            var type when type == typeof(byte) => await ReadAsync<byte>(number => (double)number).ConfigureAwait(false),
            var type when type == typeof(ushort) => await ReadAsync<ushort>(number => (double)number).ConfigureAwait(false),
            var type when type == typeof(uint) => await ReadAsync<uint>(number => (double)number).ConfigureAwait(false),
            var type when type == typeof(ulong) => await ReadAsync<ulong>(number => (double)number).ConfigureAwait(false),
            _ => new object?[rows.RowCount],
        };

        async Task<IReadOnlyList<object?>> ReadAsync<T>(Func<T, object> convert)
            where T : struct
        {
            using var column = (RawColumnData<T>)await rows.ReadRawColumnDataBaseAsync(field, cancellationToken).ConfigureAwait(false);
            var values = new List<object?>();
            foreach (var position in Positions(column, field, column.Values.Length)) values.Add(position < 0 ? null : convert(column.Values[position]));
            return values;
        }
    }

    /// <summary>The first column of class labels in a hub's description: <c>{"info": {"features": {NAME: {"_type": "ClassLabel", "names": […]}}}}</c>.</summary>
    private static (string Column, IReadOnlyList<string> Names)? ClassNamesIn(string? description)
    {
        if (description is null) return null;
        using var json = JsonDocument.Parse(description);
        if (!json.RootElement.TryGetProperty("info", out var info) || !info.TryGetProperty("features", out var features)) return null;
        foreach (var feature in features.EnumerateObject())
        {
            if (feature.Value.ValueKind != JsonValueKind.Object || !feature.Value.TryGetProperty("_type", out var type) || type.GetString() != "ClassLabel") continue;
            if (feature.Value.TryGetProperty("names", out var names) && names.ValueKind == JsonValueKind.Array) return (feature.Name, [.. names.EnumerateArray().Select(name => name.ToString())]);
        }
        return null;
    }

    private sealed record Row(string Shard, int Number, long Offset, int Length, string? Path);
}

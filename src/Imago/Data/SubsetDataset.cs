namespace Imago.Data;

/// <summary>Some of the images of another set, in a chosen order.</summary>
public sealed class SubsetDataset : ImageDataset
{
    private readonly ImageDataset _source;
    private readonly IReadOnlyList<int> _indices;

    /// <summary>Takes the images at <paramref name="indices"/>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">An index lies outside the source.</exception>
    public SubsetDataset(ImageDataset source, IReadOnlyList<int> indices, string? name = null)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(indices);
        foreach (var index in indices)
        {
            if (index < 0 || index >= source.Count) throw new ArgumentOutOfRangeException(nameof(indices), index, $"{source.Name} has {source.Count} images.");
        }
        (_source, _indices, Name) = (source, indices, name ?? source.Name);
    }

    /// <inheritdoc/>
    public override string Name { get; }

    /// <inheritdoc/>
    public override int Count => _indices.Count;

    /// <inheritdoc/>
    public override IReadOnlyList<string> ClassNames => _source.ClassNames;

    /// <inheritdoc/>
    public override IReadOnlyList<ImageAttribute> Attributes => _source.Attributes;

    /// <inheritdoc/>
    public override ImageItem Get(int index) => _source.Get(_indices[Checked(index)]);

    /// <inheritdoc/>
    public override UInt128 ContentKey(int index) => _source.ContentKey(_indices[Checked(index)]);

    /// <inheritdoc/>
    public override string Describe(int index) => _source.Describe(_indices[Checked(index)]);
}

/// <summary>Images that are in memory already.</summary>
public sealed class MemoryDataset : ImageDataset
{
    private readonly IReadOnlyList<ImageItem> _items;

    /// <summary>A set of the given images.</summary>
    public MemoryDataset(string name, IReadOnlyList<ImageItem> items, IReadOnlyList<string>? classNames = null, IReadOnlyList<ImageAttribute>? attributes = null) =>
        (Name, _items, ClassNames, Attributes) = (name, items, classNames ?? [], attributes ?? []);

    /// <inheritdoc/>
    public override string Name { get; }

    /// <inheritdoc/>
    public override int Count => _items.Count;

    /// <inheritdoc/>
    public override IReadOnlyList<string> ClassNames { get; }

    /// <inheritdoc/>
    public override IReadOnlyList<ImageAttribute> Attributes { get; }

    /// <inheritdoc/>
    public override ImageItem Get(int index) => _items[Checked(index)];
}

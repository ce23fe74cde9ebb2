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

/// <summary>Sets of the same classes and attributes, one after the other.</summary>
public sealed class ConcatenatedDataset : ImageDataset
{
    private readonly IReadOnlyList<ImageDataset> _parts;

    /// <summary>Joins sets; classes and attributes are those of the first.</summary>
    /// <exception cref="ArgumentException">There is no set, or the sets differ in classes or attributes.</exception>
    public ConcatenatedDataset(string name, IReadOnlyList<ImageDataset> parts)
    {
        ArgumentNullException.ThrowIfNull(parts);
        if (parts.Count == 0) throw new ArgumentException("there is no set to join.", nameof(parts));
        foreach (var part in parts)
        {
            if (!part.ClassNames.SequenceEqual(parts[0].ClassNames) || !part.Attributes.Select(attribute => attribute.Name).SequenceEqual(parts[0].Attributes.Select(attribute => attribute.Name)))
                throw new ArgumentException($"{part.Name} and {parts[0].Name} differ in their classes or attributes.", nameof(parts));
        }
        (Name, _parts, Count) = (name, parts, checked(parts.Sum(part => part.Count)));
    }

    /// <inheritdoc/>
    public override string Name { get; }

    /// <inheritdoc/>
    public override int Count { get; }

    /// <inheritdoc/>
    public override IReadOnlyList<string> ClassNames => _parts[0].ClassNames;

    /// <inheritdoc/>
    public override IReadOnlyList<ImageAttribute> Attributes => _parts[0].Attributes;

    /// <inheritdoc/>
    public override ImageItem Get(int index) => At(index, (set, i) => set.Get(i));

    /// <inheritdoc/>
    public override UInt128 ContentKey(int index) => At(index, (set, i) => set.ContentKey(i));

    /// <inheritdoc/>
    public override string Describe(int index) => At(index, (set, i) => set.Describe(i));

    private T At<T>(int index, Func<ImageDataset, int, T> get)
    {
        var rest = Checked(index);
        foreach (var part in _parts)
        {
            if (rest < part.Count) return get(part, rest);
            rest -= part.Count;
        }
        throw new ArgumentOutOfRangeException(nameof(index));
    }
}

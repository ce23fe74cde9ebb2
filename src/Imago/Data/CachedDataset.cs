namespace Imago.Data;

/// <summary>A data set whose items are read or drawn once and kept, for sets that are gone through by several loaders and fit in memory.</summary>
public sealed class CachedDataset : ImageDataset
{
    private readonly ImageDataset _source;
    private readonly ImageItem?[] _items;

    /// <summary>Wraps a data set; nothing is read yet.</summary>
    public CachedDataset(ImageDataset source)
    {
        ArgumentNullException.ThrowIfNull(source);
        _source = source;
        _items = new ImageItem?[source.Count];
    }

    /// <inheritdoc/>
    public override string Name => _source.Name;

    /// <inheritdoc/>
    public override int Count => _source.Count;

    /// <inheritdoc/>
    public override IReadOnlyList<string> ClassNames => _source.ClassNames;

    /// <inheritdoc/>
    public override IReadOnlyList<ImageAttribute> Attributes => _source.Attributes;

    /// <inheritdoc/>
    public override string Describe(int index) => _source.Describe(index);

    /// <inheritdoc/>
    public override UInt128 ContentKey(int index) => _source.ContentKey(index);

    /// <inheritdoc/>
    /// <remarks>Threads that ask for the same new item at once may each read it; one result is kept.</remarks>
    public override ImageItem Get(int index)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, Count);
        return Volatile.Read(ref _items[index]) ?? (Interlocked.CompareExchange(ref _items[index], _source.Get(index), null) ?? _items[index]!);
    }
}

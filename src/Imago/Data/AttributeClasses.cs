namespace Imago.Data;

/// <summary>A set whose classes are the values of one of its attributes: what a classifier learns on a set that has attributes and no classes.</summary>
public sealed class AttributeClasses : ImageDataset
{
    private readonly ImageDataset _set;
    private readonly int _attribute;

    /// <summary>Makes an attribute the classes.</summary>
    /// <param name="set">The set.</param>
    /// <param name="attribute">Name of an attribute that is a choice.</param>
    /// <exception cref="ArgumentException">There is no such choice; the message lists those that there are.</exception>
    public AttributeClasses(ImageDataset set, string attribute)
    {
        ArgumentNullException.ThrowIfNull(set);
        var choices = set.Attributes.Where(known => known.Values.Count > 1).Select(known => known.Name).ToList();
        if (!choices.Contains(attribute))
            throw new ArgumentException($"{set.Name} has no attribute '{attribute}' that is a choice; {(choices.Count == 0 ? "it has none at all" : $"there are {string.Join(", ", choices)}")}.", nameof(attribute));
        (_set, _attribute) = (set, set.Attributes.Select((known, index) => (known, index)).First(entry => entry.known.Name == attribute).index);
    }

    /// <inheritdoc/>
    public override string Name => $"{_set.Name}-{_set.Attributes[_attribute].Name}";

    /// <inheritdoc/>
    public override int Count => _set.Count;

    /// <inheritdoc/>
    public override IReadOnlyList<string> ClassNames => _set.Attributes[_attribute].Values;

    /// <inheritdoc/>
    public override IReadOnlyList<ImageAttribute> Attributes => _set.Attributes;

    /// <inheritdoc/>
    public override ImageItem Get(int index)
    {
        var item = _set.Get(index);
        var value = item.Attributes[_attribute];
        return item with { Label = double.IsNaN(value) ? null : (int)value };
    }

    /// <inheritdoc/>
    public override string Describe(int index) => _set.Describe(index);

    /// <inheritdoc/>
    public override UInt128 ContentKey(int index) => _set.ContentKey(index);
}

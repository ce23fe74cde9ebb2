using Imago.Images;

namespace Imago.Data;

/// <summary>One example of a data set: an image and what is known about it.</summary>
public sealed record ImageItem
{
    /// <summary>The image, as stored (its size and channels may differ from item to item).</summary>
    public required PixelImage Image { get; init; }

    /// <summary>Index into <see cref="ImageDataset.ClassNames"/>, or <see langword="null"/> without classes.</summary>
    public int? Label { get; init; }

    /// <summary>One value for each of <see cref="ImageDataset.Attributes"/>, in that order, NaN where it is unknown; empty without attributes.</summary>
    public IReadOnlyList<double> Attributes { get; init; } = [];

    /// <summary>A sentence that describes the image, or <see langword="null"/>.</summary>
    public string? Caption { get; init; }
}

/// <summary>A named factor or property that the data set knows of each image.</summary>
/// <param name="Name">Lower case, words joined by underscores: <c>smile</c>, <c>head_tilt</c>.</param>
/// <param name="Minimum">Smallest value it takes.</param>
/// <param name="Maximum">Largest value it takes.</param>
/// <param name="Values">For a choice: the names of the values 0, 1, …; empty for a continuous quantity.</param>
/// <param name="Description">What it is and in which unit.</param>
public sealed record ImageAttribute(string Name, double Minimum, double Maximum, IReadOnlyList<string> Values, string Description);

/// <summary>A finite, ordered collection of images. Items may be asked for from any thread, in any order, any number of times.</summary>
public abstract class ImageDataset
{
    /// <summary>What the set is called in reports: <c>mnist</c>, <c>faces</c>, a folder's name.</summary>
    public abstract string Name { get; }

    /// <summary>Number of items.</summary>
    public abstract int Count { get; }

    /// <summary>Names of the classes that labels point to; empty without classes.</summary>
    public virtual IReadOnlyList<string> ClassNames => [];

    /// <summary>The attributes that every item carries; empty without.</summary>
    public virtual IReadOnlyList<ImageAttribute> Attributes => [];

    /// <summary>Reads or draws item <paramref name="index"/>.</summary>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="index"/> is not in [0, Count).</exception>
    /// <exception cref="DataException">The image cannot be decoded; the message names it.</exception>
    public abstract ImageItem Get(int index);

    /// <summary>Where item <paramref name="index"/> comes from, for messages: a file name, or the name and index.</summary>
    public virtual string Describe(int index) => $"{Name}[{index}]";

    /// <summary>A number that is equal for images of equal content, whatever they are called: splits keep such images together.</summary>
    /// <remarks>The first half of the SHA-256 of the pixels; sets of encoded files take that of the file instead, and need not decode it.</remarks>
    public virtual UInt128 ContentKey(int index)
    {
        var image = Get(index).Image;
        return ContentHash.Of(image.Pixels, [image.Width, image.Height, image.Channels]);
    }

    /// <summary>The index, if it points to an item.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is not in [0, Count).</exception>
    protected int Checked(int index) =>
        index >= 0 && index < Count ? index : throw new ArgumentOutOfRangeException(nameof(index), index, $"{Name} has {Count} images.");
}

using System.Globalization;
using System.Text.Json.Serialization;
using Imago.Data;
using Imago.Generation.Conditions;
using Imago.Text;
using static Imago.Generation.ConditionerConfig;

namespace Imago.Generation;

/// <summary>One condition; its kind stands under <c>kind</c> in the JSON.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "kind")]
[JsonDerivedType(typeof(ClassConditionConfig), ClassConditionConfig.Name)]
[JsonDerivedType(typeof(AttributeConditionConfig), AttributeConditionConfig.Name)]
[JsonDerivedType(typeof(TextConditionConfig), TextConditionConfig.Name)]
[JsonDerivedType(typeof(SizeConditionConfig), SizeConditionConfig.Name)]
public abstract record ConditionConfig
{
    /// <summary>Share of the images of a training step of which this condition alone is withheld.</summary>
    public double Dropout { get; init; } = 0.1;

    internal abstract string Kind { get; }

    internal abstract ConditionPart Build(int width, Tokenizer? tokenizer);

    internal virtual void Validate() => Require(Dropout is >= 0 and <= 1, $"dropout of {Kind}", Dropout, "between 0 and 1");
}

/// <summary>The picture's class.</summary>
public sealed record ClassConditionConfig : ConditionConfig
{
    internal const string Name = "class";

    /// <summary>Names of the classes.</summary>
    public required IReadOnlyList<string> Names { get; init; }

    /// <summary>Whether the class becomes a vector here; else the network gets its number, and the number of classes where none is given (as DiT has it).</summary>
    public bool Embed { get; init; } = true;

    internal override string Kind => Name;

    internal override ConditionPart Build(int width, Tokenizer? tokenizer) => new ClassCondition(this, width);

    internal override void Validate()
    {
        base.Validate();
        Require(Names.Count > 0, "names of class", "empty", "one name or more");
    }
}

/// <summary>Named quantities and choices, any subset of which may be given.</summary>
public sealed record AttributeConditionConfig : ConditionConfig
{
    internal const string Name = "attributes";

    /// <summary>The attributes, in the order of the data set.</summary>
    public required IReadOnlyList<ImageAttribute> Attributes { get; init; }

    /// <summary>Whether training withholds attributes one by one, at a rate drawn for each image from [0, 1): every number of given attributes is then equally frequent.</summary>
    public bool Subsets { get; init; } = true;

    internal override string Kind => Name;

    /// <summary>The value of an attribute that a text names: the name of a choice's value, or a number.</summary>
    /// <exception cref="ArgumentException">There is no such attribute or value; the message lists those there are.</exception>
    public double Parse(string name, string text)
    {
        var attribute = Attributes[IndexOf(name)];
        var choice = attribute.Values.ToList().FindIndex(value => value.Equals(text, StringComparison.OrdinalIgnoreCase));
        if (choice >= 0) return choice;
        if (double.TryParse(text, CultureInfo.InvariantCulture, out var number)) return Checked(attribute, number);
        throw new ArgumentException($"{name} is '{text}'; it must be {Expected(attribute)}.");
    }

    internal override ConditionPart Build(int width, Tokenizer? tokenizer) => new AttributeCondition(this, width);

    internal override void Validate()
    {
        base.Validate();
        Require(Attributes.Count > 0, "attributes", "empty", "one attribute or more");
        Require(Attributes.Select(attribute => attribute.Name).Distinct().Count() == Attributes.Count, "attributes", string.Join(", ", Attributes.Select(attribute => attribute.Name)), "of different names");
        Require(Attributes.All(attribute => attribute.Minimum < attribute.Maximum || attribute.Values.Count > 0), "attributes", "an empty range", "quantities with minimum < maximum, and choices");
    }

    internal int IndexOf(string name)
    {
        var index = Attributes.ToList().FindIndex(attribute => attribute.Name.Equals(name, StringComparison.OrdinalIgnoreCase));
        return index >= 0 ? index : throw new ArgumentException($"'{name}' is no attribute of this model; it has {string.Join(", ", Attributes.Select(attribute => attribute.Name))}.");
    }

    internal static double Checked(ImageAttribute attribute, double value)
    {
        var valid = attribute.Values.Count > 0 ? value >= 0 && value < attribute.Values.Count && value == Math.Floor(value) : value >= attribute.Minimum && value <= attribute.Maximum;
        return valid ? value : throw new ArgumentException(FormattableString.Invariant($"{attribute.Name} is {value}; it must be {Expected(attribute)}."));
    }

    private static string Expected(ImageAttribute attribute) => attribute.Values.Count > 0
        ? $"one of {string.Join(", ", attribute.Values)} (0 to {attribute.Values.Count - 1})"
        : FormattableString.Invariant($"a number from {attribute.Minimum} to {attribute.Maximum}");
}

/// <summary>A caption, read by a small transformer that is trained together with the denoiser.</summary>
public sealed record TextConditionConfig : ConditionConfig
{
    internal const string Name = "text";

    /// <summary>Tokens of the tokenizer.</summary>
    public required int Vocabulary { get; init; }

    /// <summary>L, the tokens that are read; longer captions are cut.</summary>
    public int Length { get; init; } = 48;

    /// <summary>W, length of each token's vector.</summary>
    public int Width { get; init; } = 256;

    /// <summary>Blocks of the transformer.</summary>
    public int Layers { get; init; } = 3;

    /// <summary>Attention heads, a divisor of <see cref="Width"/>.</summary>
    public int Heads { get; init; } = 4;

    /// <summary>Whether capitals are read as small letters.</summary>
    public bool LowerCase { get; init; } = true;

    /// <summary>
    /// Steps in which the transformer learns to tell the data's attributes from their captions, before the denoiser is trained; it then stays as it is. 0 to train both together,
    /// which needs no attributes and much longer.
    /// </summary>
    public long ReadingSteps { get; init; }

    internal override string Kind => Name;

    internal override ConditionPart Build(int width, Tokenizer? tokenizer) => new TextCondition(this, width, tokenizer!);

    internal override void Validate()
    {
        base.Validate();
        Require(Vocabulary is >= 1 and <= 1 << 20, "vocabulary of text", Vocabulary, "between 1 and 2^20");
        Require(Length is >= 1 and <= 4096, "length of text", Length, "between 1 and 4096");
        Require(Layers is >= 0 and <= 256, "layers of text", Layers, "between 0 and 256");
        Require(Width is >= 1 and <= 16384, "width of text", Width, "between 1 and 16384");
        Require(ReadingSteps >= 0, "reading steps of text", ReadingSteps, "0 or more");
        Require(Heads >= 1 && Width % Heads == 0, "heads of text", Heads, $"a divisor of its width {Width}");
    }
}

/// <summary>Sizes and crop (Podell et al. 2023).</summary>
public sealed record SizeConditionConfig : ConditionConfig
{
    internal const string Name = "sizes";

    /// <summary>Whether the sizes become a vector here; else the network gets the pixels.</summary>
    public bool Embed { get; init; } = true;

    /// <summary>Sines, and as many cosines, for each of the six sizes.</summary>
    public int Frequencies { get; init; } = 32;

    internal override string Kind => Name;

    internal override ConditionPart Build(int width, Tokenizer? tokenizer) => new SizeCondition(this, width);

    internal override void Validate()
    {
        base.Validate();
        Require(Frequencies is >= 1 and <= 4096, "frequencies of sizes", Frequencies, "between 1 and 4096");
    }
}

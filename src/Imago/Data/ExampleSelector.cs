using System.Globalization;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Data;

/// <summary>
/// Tells the pictures that have an attribute from those that do not. Written as the name of a class (<c>positives</c>), of a choice that begins
/// with "none" or has two values (<c>glasses</c>: any but the first), of a number, which then means its upper half (<c>smile</c>), or as <c>hair=long</c>, <c>smile&gt;0.5</c>, <c>age&lt;30</c>.
/// </summary>
public sealed class ExampleSelector
{
    private readonly int? _class;
    private readonly int _attribute;
    private readonly Func<double, bool> _test;

    private ExampleSelector(string text, int? label, int attribute, Func<double, bool> test) => (Text, _class, _attribute, _test) = (text, label, attribute, test);

    /// <summary>As it was written.</summary>
    public string Text { get; }

    /// <summary>Who has the attribute: 1, 0, or NaN where that is unknown, float32 [B].</summary>
    /// <param name="batch">Pictures of the data set that the attribute was read for.</param>
    public Tensor Of(ImageBatch batch)
    {
        if (_class is { } label) return tensor(batch.Labels!.data<long>().Select(own => own < 0 ? float.NaN : own == label ? 1f : 0f).ToArray());
        using var values = batch.Attributes!.select(1, _attribute).contiguous();
        return tensor(values.data<float>().Select(value => float.IsNaN(value) ? float.NaN : _test(value) ? 1f : 0f).ToArray());
    }

    /// <summary>One answer for each picture.</summary>
    /// <param name="labels">Their classes.</param>
    /// <param name="attributeValues">Their values of one attribute, by its place among the data set's.</param>
    internal IEnumerable<bool> Select(IEnumerable<long> labels, Func<int, IEnumerable<double>> attributeValues) =>
        _class is { } label ? labels.Select(own => own == label) : attributeValues(_attribute).Select(_test);

    /// <summary>Reads an attribute as users write it.</summary>
    /// <param name="text">See the type.</param>
    /// <param name="dataset">Whose classes and attributes are meant.</param>
    /// <exception cref="ArgumentException">The data set knows no such class, attribute or value; the message lists what it knows.</exception>
    public static ExampleSelector Parse(string text, ImageDataset dataset)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(text);
        ArgumentNullException.ThrowIfNull(dataset);
        var at = text.IndexOfAny(['=', '<', '>']);
        var (name, comparison, value) = at < 0 ? (text.Trim(), '\0', "") : (text[..at].Trim(), text[at], text[(at + 1)..].Trim());

        var label = IndexOf(dataset.ClassNames, name);
        if (label >= 0 && comparison == '\0') return new ExampleSelector(text, label, -1, _ => false);

        var index = IndexOf([.. dataset.Attributes.Select(a => a.Name)], name);
        if (index < 0) throw new ArgumentException($"{dataset.Name} knows no class or attribute '{name}'; {Known(dataset)}.", nameof(text));
        return new ExampleSelector(text, null, index, Test(dataset.Attributes[index], comparison, value));
    }

    private static Func<double, bool> Test(ImageAttribute attribute, char comparison, string value)
    {
        if (attribute.Values.Count == 0) return Number(attribute, comparison, value);
        if (comparison == '\0' && (attribute.Values.Count == 2 || attribute.Values[0] is "none" or "no")) return x => x > 0.5;
        var choice = IndexOf(attribute.Values, value);
        if (comparison != '=' || choice < 0)
            throw new ArgumentException($"Write one of the values of {attribute.Name}: {string.Join(", ", attribute.Values.Select(v => $"{attribute.Name}={v}"))}.", nameof(value));
        return x => (int)Math.Round(x) == choice;
    }

    private static Func<double, bool> Number(ImageAttribute attribute, char comparison, string value)
    {
        var middle = (attribute.Minimum + attribute.Maximum) / 2;
        if (comparison == '\0') return x => x > middle;
        if (!double.TryParse(value, CultureInfo.InvariantCulture, out var bound))
            throw new ArgumentException($"{attribute.Name} is a number between {attribute.Minimum} and {attribute.Maximum}; it cannot be compared with '{value}'.", nameof(value));
        return comparison switch
        {
            '>' => x => x > bound,
            '<' => x => x < bound,
            _ => x => Math.Abs(x - bound) < 1e-6 * (attribute.Maximum - attribute.Minimum),
        };
    }

    private static int IndexOf(IReadOnlyList<string> names, string name) =>
        names.Select((candidate, i) => (candidate, i)).Where(pair => pair.candidate.Equals(name, StringComparison.OrdinalIgnoreCase)).Select(pair => pair.i).FirstOrDefault(-1);

    private static string Known(ImageDataset dataset) => (dataset.ClassNames.Count, dataset.Attributes.Count) switch
    {
        (0, 0) => "its pictures carry no labels at all (put them into one folder for each class)",
        (_, 0) => $"its classes are {string.Join(", ", dataset.ClassNames)}",
        (0, _) => $"its attributes are {string.Join(", ", dataset.Attributes.Select(a => a.Name))}",
        _ => $"its classes are {string.Join(", ", dataset.ClassNames)}, its attributes {string.Join(", ", dataset.Attributes.Select(a => a.Name))}",
    };
}

using System.Globalization;
using Imago.Data;

namespace Imago.Exploration;

/// <summary>
/// Tells the pictures that have an attribute from those that do not. Written as the name of a class (<c>positives</c>), of a choice that begins
/// with "none" or has two values (<c>glasses</c>: any but the first), of a number, which then means its upper half (<c>smile</c>), or as <c>hair=long</c>, <c>smile&gt;0.5</c>, <c>age&lt;30</c>.
/// </summary>
public sealed class ExampleSelector
{
    private readonly Func<LatentCodes, IEnumerable<bool>> _select;

    private ExampleSelector(string text, Func<LatentCodes, IEnumerable<bool>> select) => (Text, _select) = (text, select);

    /// <summary>As it was written.</summary>
    public string Text { get; }

    /// <summary>One answer for each picture.</summary>
    public IReadOnlyList<bool> Select(LatentCodes codes)
    {
        bool[] labels = [.. _select(codes)];
        var with = labels.Count(label => label);
        if (with == 0 || with == labels.Length)
            throw new DataException($"'{Text}' holds for {with} of the {labels.Length} pictures of {codes.Dataset?.Name}; examples with and without it are needed. Take more pictures, or another condition.");
        return labels;
    }

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
        if (label >= 0 && comparison == '\0') return new ExampleSelector(text, codes => codes.Labels.Select(l => l == label));

        var index = IndexOf([.. dataset.Attributes.Select(a => a.Name)], name);
        if (index < 0) throw new ArgumentException($"{dataset.Name} knows no class or attribute '{name}'; {Known(dataset)}.", nameof(text));
        var test = Test(dataset.Attributes[index], comparison, value);
        return new ExampleSelector(text, codes => codes.AttributeValues(index).Select(test));
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

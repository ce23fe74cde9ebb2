using Imago.Data;
using Imago.Exploration;

namespace Imago.Cli.Exploring;

/// <summary>What the colours of a map stand for.</summary>
/// <param name="Title">What is shown; null for nothing.</param>
/// <param name="Names">The groups, for the legend.</param>
/// <param name="Of">The group of each picture, −1 for none.</param>
/// <param name="AreOrdered">Whether they are steps of one quantity.</param>
internal sealed record PointGroups(string? Title, IReadOnlyList<string> Names, Func<LatentCodes, IEnumerable<int>> Of, bool AreOrdered = false)
{
    /// <summary>Groups by an attribute, or by class where none is named.</summary>
    /// <exception cref="ArgumentException">The data set has no such attribute.</exception>
    internal static PointGroups Parse(string? attribute, ImageDataset dataset)
    {
        if (attribute is null)
        {
            return dataset.ClassNames.Count > 0
                ? new PointGroups("class", dataset.ClassNames, codes => codes.Labels.Select(label => (int)label))
                : new PointGroups(null, [], codes => codes.Indices.Select(_ => -1));
        }
        var index = dataset.Attributes.Select((a, i) => (a, i)).Where(pair => pair.a.Name.Equals(attribute, StringComparison.OrdinalIgnoreCase)).Select(pair => pair.i).FirstOrDefault(-1);
        if (index < 0)
            throw new ArgumentException($"{dataset.Name} has no attribute '{attribute}'; {(dataset.Attributes.Count == 0 ? "it has none at all" : $"there are {string.Join(", ", dataset.Attributes.Select(a => a.Name))}")}.");
        var chosen = dataset.Attributes[index];
        if (chosen.Values.Count > 0) return new PointGroups(chosen.Name, chosen.Values, codes => codes.AttributeValues(index).Select(value => (int)Math.Round(value)));
        const int steps = 8;
        var step = (chosen.Maximum - chosen.Minimum) / steps;
        string Bound(int i) => Explorer.Text(chosen.Minimum + i * step);
        return new PointGroups(
            chosen.Name,
            [.. Enumerable.Range(0, steps).Select(i => $"{Bound(i)} to {Bound(i + 1)}")],
            codes => codes.AttributeValues(index).Select(value => Math.Clamp((int)((value - chosen.Minimum) / step), 0, steps - 1)),
            AreOrdered: true);
    }
}

using Imago.Data;

namespace Imago.Exploration;

/// <summary>Codes with and without an attribute.</summary>
public static class LabelledCodes
{
    /// <summary>One answer for each code's picture.</summary>
    /// <exception cref="DataException">All of them have the attribute, or none.</exception>
    public static IReadOnlyList<bool> Select(this ExampleSelector selector, LatentCodes codes)
    {
        bool[] labels = [.. selector.Select(codes.Labels, codes.AttributeValues)];
        var with = labels.Count(label => label);
        if (with == 0 || with == labels.Length)
            throw new DataException($"'{selector.Text}' holds for {with} of the {labels.Length} pictures of {codes.Dataset?.Name}; examples with and without it are needed. Take more pictures, or another condition.");
        return labels;
    }
}

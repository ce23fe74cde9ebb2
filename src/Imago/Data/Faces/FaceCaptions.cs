namespace Imago.Data.Faces;

/// <summary>A piece of English and what it says: the attribute lies between the two bounds, inclusive.</summary>
/// <param name="Text">Words as they stand in a caption; no phrase contains another that says something else.</param>
/// <param name="Attribute">Name of the attribute in <see cref="FaceAttributes.All"/>.</param>
/// <param name="Minimum">Smallest value of which it is true.</param>
/// <param name="Maximum">Largest value of which it is true.</param>
public sealed record FacePhrase(string Text, string Attribute, double Minimum, double Maximum)
{
    /// <summary>Whether the phrase is true of a face whose attribute has this value; a measured choice is rounded first.</summary>
    public bool IsTrueOf(double value) => value >= Minimum && value <= Maximum;

    /// <summary>Whether the phrase is true of the face.</summary>
    public bool IsTrueOf(FaceFactors factors) => FaceCaptions.Value(factors, Attribute) is double v && IsTrueOf(v);
}

/// <summary>
/// English captions of faces. A caption names one to eleven attributes and mostly three to five, as a phrase, as a list of keywords or in sentences, in varied words and order.
/// Quantities are named only where they are plain to see (a skin tone of 0.3 is neither "fair" nor "tan"), so that a caption can be checked on a picture.
/// </summary>
public static class FaceCaptions
{
    private static readonly char[] Separators = [' ', ',', '.', '\n', '\r', '\t', '!', '?', ';', ':', '(', ')', '"'];
    private static readonly Dictionary<string, FaceAttribute> _attributes = FaceAttributes.All.ToDictionary(a => a.Attribute.Name);

    /// <summary>Every phrase that captions are made of, with its meaning.</summary>
    public static IReadOnlyList<FacePhrase> Phrases => FacePhrases.All;

    /// <summary>A caption of the face; the same for the same arguments on every platform.</summary>
    /// <param name="factors">The face.</param>
    /// <param name="seed">With <paramref name="index"/>, chooses what is named and in which words.</param>
    /// <param name="index">Number of the caption.</param>
    public static string Describe(FaceFactors factors, ulong seed, long index)
    {
        ArgumentNullException.ThrowIfNull(factors);
        return new FaceCaptionWriter(factors, new FactorRandom(seed ^ 0xCA9710UL, index)).Write();
    }

    /// <summary>
    /// What a caption says: the phrases in it, without those that are part of a longer one about the same attribute ("glasses" of "round glasses").
    /// Their <see cref="FacePhrase.Attribute"/>s are the attributes that the caption names.
    /// </summary>
    public static IReadOnlyList<FacePhrase> Read(string caption)
    {
        ArgumentNullException.ThrowIfNull(caption);
        string words = Padded(string.Join(' ', caption.Split(Separators, StringSplitOptions.RemoveEmptyEntries)));
        FacePhrase[] found = [.. Phrases.Where(p => Has(words, p))];
        return [.. found.Where(p => !found.Any(q => q != p && q.Attribute == p.Attribute && Has(Padded(q.Text), p)))];

        static string Padded(string text) => $" {text} ";
        static bool Has(string words, FacePhrase phrase) => words.Contains(Padded(phrase.Text), StringComparison.OrdinalIgnoreCase);
    }

    internal static double? Value(FaceFactors factors, string attribute) =>
        _attributes.TryGetValue(attribute, out FaceAttribute? a) ? a.Get(factors) : null;
}

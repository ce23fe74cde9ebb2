namespace Imago.Data.Faces;

/// <summary>A piece of English and what it says: the attribute lies between the two bounds, inclusive.</summary>
/// <param name="Text">Words as they stand in a caption; no phrase contains another that says something else.</param>
/// <param name="Attribute">Name of the attribute in <see cref="FaceAttributes.All"/>.</param>
/// <param name="Minimum">Smallest value of which it is true.</param>
/// <param name="Maximum">Largest value of which it is true.</param>
public sealed record FacePhrase(string Text, string Attribute, double Minimum, double Maximum)
{
    /// <summary>Whether the phrase is true of the face.</summary>
    public bool IsTrueOf(FaceFactors factors) => FaceCaptions.Value(factors, Attribute) is double v && v >= Minimum && v <= Maximum;
}

/// <summary>
/// English captions of faces. A caption names the person and the hair or something else, up to ten attributes and mostly three to five, in varied words and order. Quantities are
/// named only where they are plain to see (a skin tone of 0.3 is neither "fair" nor "tan"), so that a caption can be checked on a picture.
/// </summary>
public static class FaceCaptions
{
    private static readonly Dictionary<string, FaceAttribute> _attributes = FaceAttributes.All.ToDictionary(a => a.Attribute.Name);

    private static readonly FacePhrase[] _people =
    [
        .. Words("presentation", (int)FacePresentation.Woman, "woman", "lady"), .. Words("presentation", (int)FacePresentation.Man, "man", "guy"),
    ];

    private static readonly FacePhrase[] _moods =
    [
        .. Range("smile", 0.35, 1, "smiling", "happy", "cheerful"), .. Range("smile", 0.7, 1, "grinning", "laughing"),
        .. Range("smile", -0.15, 0.15, "serious", "calm"), .. Range("smile", -1, -0.4, "frowning", "sad", "unhappy"),
    ];

    private static readonly FacePhrase[] _hairColors = [.. Values<HairColor>("hair_color", c => [$"{c} hair"])];

    /// <summary>Words before "red hair", or after it where they begin with "in" or "with".</summary>
    private static readonly FacePhrase[] _hairStyles =
    [
        .. Range("hair_style", (int)HairStyle.Buzz, (int)HairStyle.Spiky, "short"),
        .. Range("hair_style", (int)HairStyle.Fringe, (int)HairStyle.Wavy, "long"),
        .. Hair(HairStyle.Swept, "side-swept", "short side-swept"), .. Hair(HairStyle.Spiky, "spiky"), .. Hair(HairStyle.Curly, "curly"),
        .. Hair(HairStyle.Straight, "straight", "long straight"), .. Hair(HairStyle.Wavy, "wavy", "long wavy"), .. Hair(HairStyle.Buzz, "in a buzz cut"),
        .. Hair(HairStyle.Afro, "in an afro"),
        .. Hair(HairStyle.Bob, "in a bob"), .. Hair(HairStyle.Fringe, "with a fringe"), .. Hair(HairStyle.Bun, "in a bun"),
        .. Hair(HairStyle.Ponytail, "in a ponytail"),
    ];

    private static readonly FacePhrase[] _bald = [.. Words("hair_style", (int)HairStyle.Bald, "a bald head")];

    private static readonly FacePhrase[] _glasses =
    [
        .. Words("glasses", (int)Glasses.Round, "round glasses", "round spectacles"),
        .. Words("glasses", (int)Glasses.Square, "square glasses", "square spectacles"),
        .. Range("glasses", (int)Glasses.Round, (int)Glasses.Square, "glasses"),
    ];

    private static readonly FacePhrase[] _beards =
    [
        .. Words("beard", (int)Beard.Full, "a full beard", "a beard"), .. Words("beard", (int)Beard.Moustache, "a moustache"),
        .. Words("beard", (int)Beard.Stubble, "stubble"),
    ];

    private static readonly FacePhrase[] _features =
    [
        .. Values<EyeColor>("eye_color", c => [$"{c} eyes"]),
        .. Range("skin_tone", 0, 0.2, "fair skin", "pale skin"), .. Range("skin_tone", 0.4, 0.55, "tan skin"), .. Range("skin_tone", 0.75, 1, "dark skin"),
        .. Range("brow_height", 0.6, 1, "raised eyebrows"),
    ];

    private static readonly FacePhrase[] _poses =
    [
        .. Range("gaze_x", -1, -0.55, "looking left"), .. Range("gaze_x", 0.55, 1, "looking right"),
        .. Range("head_turn", -20, -11, "turned to the left"), .. Range("head_turn", 11, 20, "turned to the right"),
        .. Range("head_tilt", -10, -6, "head tilted to the left"), .. Range("head_tilt", 6, 10, "head tilted to the right"),
    ];

    private static readonly FacePhrase[] _clothes =
    [
        .. Words("clothing", (int)Clothing.Tee, "T-shirt", "tee"), .. Words("clothing", (int)Clothing.Shirt, "collared shirt"),
        .. Words("clothing", (int)Clothing.Turtleneck, "turtleneck"),
    ];

    private static readonly FacePhrase[] _clothingColors =
        [.. Values<ClothingColor>("clothing_color", c => [$"{c} T-shirt", $"{c} tee", $"{c} collared shirt", $"{c} turtleneck"])];

    private static readonly FacePhrase[] _backgrounds = [.. Values<Background>("background", c => [$"{c} background", $"{c} backdrop"])];

    /// <summary>Every phrase that captions are made of, with its meaning.</summary>
    public static IReadOnlyList<FacePhrase> Phrases { get; } =
    [
        .. _people, .. _moods, .. _hairStyles, .. _hairColors, .. _bald, .. _glasses, .. _beards, .. _features, .. _poses,
        .. _clothes, .. _clothingColors, .. _backgrounds,
    ];

    /// <summary>A caption of the face; the same for the same arguments on every platform.</summary>
    /// <param name="factors">The face.</param>
    /// <param name="seed">With <paramref name="index"/>, chooses what is named and in which words.</param>
    /// <param name="index">Number of the caption.</param>
    public static string Describe(FaceFactors factors, ulong seed, long index)
    {
        ArgumentNullException.ThrowIfNull(factors);
        return new Writer(factors, new FactorRandom(seed ^ 0xCA9710UL, index)).Write();
    }

    /// <summary>
    /// What a caption says: the phrases in it, without those that are part of a longer one about the same attribute ("glasses" of "round glasses").
    /// </summary>
    public static IReadOnlyList<FacePhrase> Read(string caption)
    {
        ArgumentNullException.ThrowIfNull(caption);
        string words = Padded(string.Join(' ', caption.Split([' ', ',', '.', '\n'], StringSplitOptions.RemoveEmptyEntries)));
        FacePhrase[] found = [.. Phrases.Where(p => Has(words, p))];
        return [.. found.Where(p => !found.Any(q => q != p && q.Attribute == p.Attribute && Has(Padded(q.Text), p)))];

        static string Padded(string text) => $" {text} ";
        static bool Has(string words, FacePhrase phrase) => words.Contains(Padded(phrase.Text), StringComparison.OrdinalIgnoreCase);
    }

    internal static double? Value(FaceFactors factors, string attribute) =>
        _attributes.TryGetValue(attribute, out FaceAttribute? a) ? a.Get(factors) : null;

    private static IEnumerable<FacePhrase> Range(string attribute, double minimum, double maximum, params string[] texts) =>
        texts.Select(t => new FacePhrase(t, attribute, minimum, maximum));

    private static IEnumerable<FacePhrase> Words(string attribute, int value, params string[] texts) => Range(attribute, value, value, texts);

    private static IEnumerable<FacePhrase> Hair(HairStyle style, params string[] texts) => Words("hair_style", (int)style, texts);

    private static IEnumerable<FacePhrase> Values<T>(string attribute, Func<string, string[]> texts)
        where T : struct, Enum
        => Enum.GetNames<T>().SelectMany((name, value) => Words(attribute, value, texts(name.ToLowerInvariant())));

    /// <summary>Writes one caption; every call of <see cref="Pick"/> or <see cref="Chance"/> takes the next random draw.</summary>
    private sealed class Writer(FaceFactors factors, FactorRandom random)
    {
        private int _draw;

        internal string Write()
        {
            string subject = Subject(Chance(0.65) ? Pick(_moods) : "");
            string wearing = Chance(0.25) ? $" in {A($"{factors.ClothingColor.ToString().ToLowerInvariant()} {Pick(_clothes)}")}" : "";
            List<string> details = [];
            Add(details, 0.75, HairText());
            Add(details, 0.6, Pick(_glasses));
            Add(details, 0.6, Pick(_beards));
            Add(details, 0.25, Pick(_features));
            if (details.Count == 0)
                details.Add(HairText());
            string with = details.Count > 0 ? $" with {Join(details)}" : "";
            string pose = Chance(0.25) && Pick(_poses) is { Length: > 0 } p ? $", {p}" : "";
            string setting = Chance(0.3) ? $"{(pose.Length > 0 ? "," : "")} {(Chance(0.5) ? "on" : "in front of")} {A(Pick(_backgrounds))}" : "";
            return (Chance(0.5) ? subject + wearing + with : subject + with + wearing) + pose + setting;
        }

        private string Subject(string mood)
        {
            string[] openings = ["", "", "", "portrait of ", "a portrait of ", "picture of ", "the face of "];
            string opening = openings[random.Integer(_draw++, openings.Length)], person = Pick(_people);
            return opening + A(mood.Length > 0 ? $"{mood} {person}" : person);
        }

        private string HairText()
        {
            if (factors.HairStyle == HairStyle.Bald)
                return Pick(_bald);
            string color = Pick(_hairColors), style = Pick(_hairStyles);
            bool after = style.StartsWith("in ", StringComparison.Ordinal) || style.StartsWith("with ", StringComparison.Ordinal);
            return random.Uniform(_draw++) switch
            {
                < 0.3 => color,
                < 0.45 => after ? $"hair {style}" : $"{style} hair",
                _ => after ? $"{color} {style}" : $"{style} {color}",
            };
        }

        private void Add(List<string> details, double chance, string text)
        {
            if (Chance(chance) && text.Length > 0)
                details.Insert(Chance(0.5) ? 0 : details.Count, text);
        }

        /// <summary>One of the true phrases, or "" if none is.</summary>
        private string Pick(FacePhrase[] phrases)
        {
            FacePhrase[] fitting = [.. phrases.Where(p => p.IsTrueOf(factors))];
            int k = random.Integer(_draw++, Math.Max(1, fitting.Length));
            return fitting.Length == 0 ? "" : fitting[k].Text;
        }

        private bool Chance(double p) => random.Uniform(_draw++) < p;

        private static string A(string noun) => ("aeiou".Contains(noun[0], StringComparison.Ordinal) ? "an " : "a ") + noun;

        private static string Join(List<string> parts) => parts.Count <= 1
            ? string.Concat(parts)
            : $"{string.Join(", ", parts.SkipLast(1))} and {parts[^1]}";
    }
}

using static Imago.Data.Faces.FacePhrases;

namespace Imago.Data.Faces;

/// <summary>Writes one caption; every call of <see cref="Pick"/> or <see cref="Chance"/> takes the next random draw.</summary>
internal sealed class FaceCaptionWriter(FaceFactors factors, FactorRandom random)
{
    private const int MostAdjectives = 2;
    private readonly List<string> _adjectives = [];
    private readonly List<string> _details = [];
    private int _draw;

    internal string Write()
    {
        double form = random.Uniform(_draw++);
        Mention(form < 0.2 ? 0.3 : 1);
        string caption = form switch
        {
            < 0.2 => Phrase(isShort: true),
            < 0.35 => Keywords(),
            < 0.5 => Sentences(),
            _ => Phrase(isShort: false),
        };
        return Chance(0.3) ? char.ToUpperInvariant(caption[0]) + caption[1..] + (Chance(0.5) ? "." : "") : caption;
    }

    /// <summary>Chooses what is named of the face itself, before the person ("red-haired") or after it ("red hair").</summary>
    private void Mention(double eagerness)
    {
        Add(0.65 * eagerness, Moods, 0.75, Pick(Mouths));
        bool isBald = factors.HairStyle == HairStyle.Bald;
        Add(0.75 * eagerness, isBald ? BaldPeople : HairedPeople, isBald ? 0.6 : 0.15, HairText());
        Add(0.6 * eagerness, [], 0, factors.Glasses == Glasses.None ? (Chance(0.1) ? Pick(NoSpectacles) : "") : Pick(Spectacles));
        Add(0.5 * eagerness, factors.Presentation == FacePresentation.Man ? BeardedPeople : [], factors.Beard == Beard.None ? 0.25 : 0.3, Pick(Beards));
        Add(0.4 * eagerness, [], 0, Pick(Features));
        if (_details.Count + _adjectives.Count == 0) _details.Add(HairText());
    }

    private void Add(double chance, FacePhrase[] adjectives, double adjectiveChance, string detail)
    {
        bool isNamed = Chance(chance), isAdjective = Chance(adjectiveChance), isFirst = Chance(0.5);
        string adjective = Pick(adjectives);
        if (!isNamed) return;
        if (isAdjective && adjective.Length > 0 && _adjectives.Count < MostAdjectives) _adjectives.Add(adjective);
        else if (detail.Length > 0) _details.Insert(isFirst ? 0 : _details.Count, detail);
    }

    /// <summary>"a portrait of a smiling woman in a red tee with short hair, looking left, on a blue background".</summary>
    private string Phrase(bool isShort)
    {
        string[] openings = ["", "", "", "", "portrait of ", "a portrait of ", "picture of ", "a photo of ", "the face of "];
        string opening = openings[random.Integer(_draw++, openings.Length)], person = Pick(People);
        if (Chance(0.08)) person = "person";
        if (Chance(0.1) && _adjectives.Count == 0 && Pick(FeaturedPeople) is { Length: > 0 } look && !_details.Any(d => d.Contains("skin", StringComparison.Ordinal) || d.Contains("eyes", StringComparison.Ordinal)))
            _adjectives.Add(look);
        string subject = opening + A(string.Join(Chance(0.5) ? " " : ", ", _adjectives.Append(person)).Replace($", {person}", $" {person}", StringComparison.Ordinal));
        string with = _details.Count > 0 ? $" with {Join(_details)}" : "";
        if (isShort) return subject + with;
        string wearing = Chance(0.25) ? $" {(Chance(0.5) ? "in" : "wearing")} {Outfit()}" : "";
        string pose = Chance(0.25) && Pick(Poses) is { Length: > 0 } p ? $", {p}" : "";
        string setting = Chance(0.3) ? $"{(pose.Length > 0 ? "," : "")} {Place()} {A(Pick(Backgrounds))}" : "";
        return (Chance(0.5) ? subject + wearing + with : subject + with + wearing) + pose + setting;
    }

    /// <summary>"red hair, woman, round glasses, blue background".</summary>
    private string Keywords()
    {
        List<string> words = [.. _adjectives, .. _details.Select(WithoutArticle)];
        if (Chance(0.85)) words.Add(Pick(People));
        if (Chance(0.25)) words.Add(WithoutArticle(Outfit()));
        if (Chance(0.25) && Pick(Poses) is { Length: > 0 } pose) words.Add(pose);
        if (Chance(0.3)) words.Add(Pick(Backgrounds));
        for (int i = words.Count - 1; i > 0; i--)
        {
            int j = random.Integer(_draw++, i + 1);
            (words[i], words[j]) = (words[j], words[i]);
        }
        return string.Join(", ", words);
    }

    /// <summary>"this is a smiling man. He has red hair and a beard. He wears a blue shirt, on a yellow background".</summary>
    private string Sentences()
    {
        string he = factors.Presentation == FacePresentation.Man ? "he" : "she";
        string caption = $"{(Chance(0.5) ? "this is " : "")}{A(string.Join(' ', _adjectives.Append(Pick(People))))}";
        if (_details.Count > 0) caption += Chance(0.5) ? $" who has {Join(_details)}" : $". {Capital(he)} has {Join(_details)}";
        if (Chance(0.3)) caption += $". {Capital(he)} wears {Outfit()}";
        if (Chance(0.3) && Pick(Poses) is { Length: > 0 } pose) caption += pose.StartsWith("head", StringComparison.Ordinal) ? $", {pose}" : $". {Capital(he)} is {pose}";
        return Chance(0.3) ? $"{caption}, {Place()} {A(Pick(Backgrounds))}" : caption;
    }

    private string HairText()
    {
        if (factors.HairStyle == HairStyle.Bald) return Pick(BaldHeads);
        string color = Pick(HairColors), style = Pick(HairStyles), swapped = Pick(ColorsBeforeLooks, style);
        bool isAfter = style.StartsWith("in ", StringComparison.Ordinal) || style.StartsWith("with ", StringComparison.Ordinal);
        return random.Uniform(_draw++) switch
        {
            < 0.3 => color,
            < 0.45 => isAfter ? $"hair {style}" : $"{style} hair",
            < 0.7 when swapped.Length > 0 => swapped,
            _ => isAfter ? $"{color} {style}" : $"{style} {color}",
        };
    }

    private string Outfit() => A($"{factors.ClothingColor.ToString().ToLowerInvariant()} {Pick(Clothes)}");

    private string Place()
    {
        string[] places = ["on", "in front of", "against"];
        return places[random.Integer(_draw++, places.Length)];
    }

    /// <summary>One of the true phrases that hold the word, if one is given; "" if none is.</summary>
    private string Pick(FacePhrase[] phrases, string word = "")
    {
        FacePhrase[] fitting = [.. phrases.Where(p => p.IsTrueOf(factors) && (word.Length == 0 || p.Text.Contains($" {word} ", StringComparison.Ordinal)))];
        int k = random.Integer(_draw++, Math.Max(1, fitting.Length));
        return fitting.Length == 0 ? "" : fitting[k].Text;
    }

    private bool Chance(double p) => random.Uniform(_draw++) < p;

    private static string A(string noun) => ("aeiou".Contains(noun[0], StringComparison.Ordinal) ? "an " : "a ") + noun;

    private static string WithoutArticle(string noun) => noun.StartsWith("a ", StringComparison.Ordinal) ? noun[2..] : noun.StartsWith("an ", StringComparison.Ordinal) ? noun[3..] : noun;

    private static string Capital(string word) => char.ToUpperInvariant(word[0]) + word[1..];

    private static string Join(List<string> parts) => parts.Count <= 1
        ? string.Concat(parts)
        : $"{string.Join(", ", parts.SkipLast(1))} and {parts[^1]}";
}

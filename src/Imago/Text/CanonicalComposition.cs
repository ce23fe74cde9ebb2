using System.Globalization;
using System.Text;

namespace Imago.Text;

/// <summary>
/// Unicode's normalisation form C (Unicode Standard Annex 15). .NET has it, but not in programs that do without culture data, as Imago's command does; there it returns the text as it is.
/// </summary>
internal static class CanonicalComposition
{
    private const int HangulBase = 0xAC00, LeadBase = 0x1100, VowelBase = 0x1161, TrailBase = 0x11A7, Leads = 19, Vowels = 21, Trails = 28;
    private static readonly Dictionary<int, int[]> Decompositions = [];
    private static readonly Dictionary<(int First, int Second), int> Compositions = [];
    private static readonly Dictionary<int, int> Classes = [];

    static CanonicalComposition()
    {
        using var file = new StreamReader(typeof(CanonicalComposition).Assembly.GetManifestResourceStream("Imago.Text.CanonicalForms.txt")!);
        while (file.ReadLine() is { } line)
        {
            if (line[0] != '#') Add(line);
        }
    }

    /// <summary>The text in form C. Halves of surrogate pairs become U+FFFD.</summary>
    internal static string Normalise(string text)
    {
        if (text.All(c => c < 0x300)) return text;
        var points = new List<int>(text.Length);
        foreach (var rune in text.EnumerateRunes()) Decompose(rune.Value, points);
        var result = new StringBuilder(text.Length);
        foreach (var point in Compose(Ordered(points))) result.Append(new Rune(point).ToString());
        return result.ToString();
    }

    private static void Add(string line)
    {
        var at = line.IndexOfAny(['=', '>', ':']);
        var points = line[..at].Split('-').Select(Hex).ToArray();
        if (line[at] == ':')
        {
            for (var point = points[0]; point <= points[1]; point++) Classes[point] = int.Parse(line.AsSpan(at + 1), CultureInfo.InvariantCulture);
            return;
        }
        int[] parts = [.. line[(at + 1)..].Split(' ').Select(Hex)];
        Decompositions[points[0]] = parts;
        if (line[at] == '=') Compositions[(parts[0], parts[1])] = points[0];

        static int Hex(string digits) => int.Parse(digits, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
    }

    private static void Decompose(int point, List<int> into)
    {
        if (point is >= HangulBase and < HangulBase + Leads * Vowels * Trails)
        {
            var index = point - HangulBase;
            into.AddRange([LeadBase + index / (Vowels * Trails), VowelBase + index / Trails % Vowels]);
            if (index % Trails > 0) into.Add(TrailBase + index % Trails);
        }
        else if (Decompositions.TryGetValue(point, out var parts))
        {
            foreach (var part in parts) Decompose(part, into);
        }
        else into.Add(point);
    }

    /// <summary>Each run of combining marks sorted by class, marks of one class left in their order.</summary>
    private static List<int> Ordered(List<int> points)
    {
        var ordered = new List<int>(points.Count);
        for (var at = 0; at < points.Count;)
        {
            var end = at + 1;
            if (ClassOf(points[at]) > 0)
            {
                while (end < points.Count && ClassOf(points[end]) > 0) end++;
            }
            ordered.AddRange(points[at..end].OrderBy(ClassOf));
            at = end;
        }
        return ordered;
    }

    /// <summary>Puts marks onto the last starter before them, unless a mark of the same or a higher class stands between.</summary>
    private static List<int> Compose(List<int> points)
    {
        var (composed, starter, before) = (new List<int>(points.Count), -1, 0);
        foreach (var point in points)
        {
            var c = ClassOf(point);
            var adjacent = starter == composed.Count - 1;
            if (starter >= 0 && (adjacent || before < c) && Pair(composed[starter], point) is { } both)
            {
                composed[starter] = both;
                continue;
            }
            if (c == 0) starter = composed.Count;
            before = c;
            composed.Add(point);
        }
        return composed;
    }

    private static int? Pair(int first, int second)
    {
        var (lead, vowel, syllable, trail) = (first - LeadBase, second - VowelBase, first - HangulBase, second - TrailBase);
        if (lead is >= 0 and < Leads && vowel is >= 0 and < Vowels) return HangulBase + (lead * Vowels + vowel) * Trails;
        if (syllable is >= 0 and < Leads * Vowels * Trails && syllable % Trails == 0 && trail is > 0 and < Trails) return first + trail;
        return Compositions.TryGetValue((first, second), out var both) ? both : null;
    }

    private static int ClassOf(int point) => Classes.GetValueOrDefault(point);
}

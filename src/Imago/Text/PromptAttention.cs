using System.Globalization;
using System.Text.RegularExpressions;

namespace Imago.Text;

/// <summary>A piece of a prompt and how much it counts.</summary>
/// <param name="Text">The piece.</param>
/// <param name="Weight">1 for what is neither stressed nor played down.</param>
public sealed record WeightedText(string Text, double Weight);

/// <summary>
/// The weights of AUTOMATIC1111's web interface: <c>(word)</c> counts 1.1 times, <c>[word]</c> 1/1.1 times, <c>(word:1.3)</c> 1.3 times; they multiply where they are nested,
/// a backslash takes a bracket literally, <c>BREAK</c> begins a new chunk of tokens.
/// </summary>
public static partial class PromptAttention
{
    /// <summary>What stands for <c>BREAK</c> among the pieces.</summary>
    public static WeightedText Break { get; } = new("BREAK", -1);

    private const double Stress = 1.1;

    /// <summary>The pieces of a prompt, neighbours of equal weight joined; of an empty prompt one empty piece. Brackets that are not closed count to the end.</summary>
    public static IReadOnlyList<WeightedText> Parse(string prompt)
    {
        ArgumentNullException.ThrowIfNull(prompt);
        var (pieces, weights, round, square) = (new List<string>(), new List<double>(), new Stack<int>(), new Stack<int>());
        for (var at = 0; at < prompt.Length;)
        {
            var match = Lexemes().Match(prompt, at);
            var text = match.Value;
            if (match.Groups["number"].Success && Number(match.Groups["number"].Value) is null) text = ":";
            at += text.Length;
            if (text[0] == '\\') Add(text[1..], 1);
            else if (text == "(") round.Push(pieces.Count);
            else if (text == "[") square.Push(pieces.Count);
            else if (text.Length > 1 && match.Groups["number"].Success && round.Count > 0) Multiply(round.Pop(), Number(match.Groups["number"].Value)!.Value);
            else if (text == ")" && round.Count > 0) Multiply(round.Pop(), Stress);
            else if (text == "]" && square.Count > 0) Multiply(square.Pop(), 1 / Stress);
            else AddPlain(text);
        }
        foreach (var start in round) Multiply(start, Stress);
        foreach (var start in square) Multiply(start, 1 / Stress);
        return pieces.Count == 0 ? [new("", 1)] : Joined(pieces, weights);

        void Multiply(int start, double factor)
        {
            for (var i = start; i < weights.Count; i++) weights[i] *= factor;
        }

        void Add(string text, double weight)
        {
            pieces.Add(text);
            weights.Add(weight);
        }

        void AddPlain(string text)
        {
            foreach (var (i, part) in Breaks().Split(text).Index())
            {
                if (i > 0) Add(Break.Text, Break.Weight);
                Add(part, 1);
            }
        }
    }

    /// <summary>The prompts that <c>AND</c> separates, each with the weight after its last colon: <c>a cat :1.2 AND a dog</c>.</summary>
    public static IReadOnlyList<WeightedText> Conjunction(string prompt)
    {
        ArgumentNullException.ThrowIfNull(prompt);
        return [.. Conjunctions().Split(prompt).Select(Part)];

        static WeightedText Part(string part)
        {
            var colon = part.LastIndexOf(':');
            var weight = colon < 0 ? "" : part[(colon + 1)..].Trim();
            return ConjunctionWeight().IsMatch(weight) ? new(part[..colon].TrimEnd(), double.Parse(weight, CultureInfo.InvariantCulture)) : new(part.TrimEnd(), 1);
        }
    }

    private static List<WeightedText> Joined(List<string> pieces, List<double> weights)
    {
        var joined = new List<WeightedText>();
        for (var (start, end) = (0, 0); start < pieces.Count; start = end)
        {
            while (end < pieces.Count && weights[end] == weights[start]) end++;
            joined.Add(new(string.Concat(pieces[start..end]), weights[start]));
        }
        return joined;
    }

    // Digits of any script count, as in the original; more than one point makes no number.
    private static double? Number(string text)
    {
        var digits = string.Concat(text.Select(c => char.IsDigit(c) ? ((int)char.GetNumericValue(c)).ToString(CultureInfo.InvariantCulture) : c.ToString()));
        return double.TryParse(digits, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) ? number : null;
    }

    [GeneratedRegex(@"\G(?:\\[()\[\]\\]|\\|\(|\[|:\s*(?<number>[+-]?[.\d]+)\s*\)|\)|\]|[^\\()\[\]:]+|:)")]
    private static partial Regex Lexemes();

    [GeneratedRegex(@"\s*\bBREAK\b\s*")]
    private static partial Regex Breaks();

    [GeneratedRegex(@"\bAND\b")]
    private static partial Regex Conjunctions();

    [GeneratedRegex(@"^[-+]?(?:[0-9]+\.?|[0-9]*\.[0-9]+)$")]
    private static partial Regex ConjunctionWeight();
}

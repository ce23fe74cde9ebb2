using System.Globalization;
using System.Text.RegularExpressions;

namespace Imago.Text;

/// <summary>The grammar of compel as ordered choices; what was read at a place is remembered, so that the time stays linear, and brackets nest only so deep.</summary>
internal sealed partial class CompelParser
{
    private const double Plus = 1.1, Minus = 0.9;
    private const int DeepestNesting = 100;
    private readonly string _text;
    private readonly Dictionary<int, (List<Node> Nodes, int End)?> _targets = [];
    private readonly Dictionary<int, (Node Node, int End)?> _parts = [];
    private int _depth;

    internal CompelParser(string prompt)
        : this(CommaBeforeText().Replace(prompt, ", $1"), 0)
    {
    }

    private CompelParser(string text, int depth) => (_text, _depth) = (text, depth);

    private abstract record Node;

    private sealed record Words(string Text) : Node;

    private sealed record Weighted(double Weight, List<Node> Inner) : Node;

    private sealed record Lora(string Name, double Weight) : Node;

    private sealed record Swap(List<Node> Original, List<Node> Edited, IReadOnlyDictionary<string, double> Options) : Node;

    internal CompelPrompt Parse()
    {
        if (string.IsNullOrWhiteSpace(_text)) return new([new([[new CompelWords("", 1)]], [])], [1], []);
        var loras = new List<(string, double)>();
        if (Several(0, And()) is { } and)
        {
            RequireEnd(and.End, "and");
            var weights = Weights(and.Texts.Count, and.Options, "and");
            var texts = and.Texts.Select((text, i) => (Text: Flat(text, loras), Weight: weights[i])).Where(part => part.Text.Count > 0).ToList();
            return new([.. texts.Select(part => new CompelPart([part.Text], []))], [.. texts.Select(part => part.Weight)], loras);
        }
        var start = Skip(0);
        while (LoraAt(start) is { } lora)
        {
            loras.Add((((Lora)lora.Node).Name, ((Lora)lora.Node).Weight));
            start = lora.End;
        }
        return Several(start, Blend()) is { } blend ? Blended(blend, loras) : Alone(Flat(Prompt(start), loras), loras);
    }

    private static CompelPrompt Alone(List<CompelFragment> text, List<(string, double)> loras) => text.Count == 0 ? new([], [], loras) : new([new([text], [])], [1], loras);

    private CompelPrompt Blended((List<List<Node>> Texts, List<string> Options, int End) blend, List<(string, double)> loras)
    {
        var end = blend.End;
        while (LoraAt(end) is { } lora) (_, end) = (Flat([lora.Node], loras), lora.End);
        RequireEnd(end, "blend");
        var normalise = blend.Options.LastOrDefault() != "no_normalize";
        var weights = Weights(blend.Texts.Count, normalise ? blend.Options : blend.Options[..^1], "blend");
        return new([new([.. blend.Texts.Select(text => Flat(text, loras))], weights, normalise)], [1], loras);
    }

    private void RequireEnd(int end, string what)
    {
        if (Skip(end) < _text.Length) throw new ArgumentException($"After .{what}(…) the prompt goes on with '{_text[end..]}'; put everything into its parts.");
    }

    private static List<double> Weights(int count, List<string> options, string what)
    {
        if (options.Count == 0) return [.. Enumerable.Repeat(1.0, count)];
        var weights = options.Select(option => double.TryParse(option, CultureInfo.InvariantCulture, out var weight) ? weight : double.NaN).ToList();
        return weights.Count == count && !weights.Exists(double.IsNaN) ? weights : throw new ArgumentException($".{what}({string.Join(", ", options)}) has {count} parts; give each a weight, or none any.");
    }

    /// <summary>("…", "…").blend(…) or .and(…).</summary>
    private (List<List<Node>> Texts, List<string> Options, int End)? Several(int start, Regex operation)
    {
        var at = Skip(start);
        if (At(at) != '(') return null;
        var texts = new List<List<Node>>();
        do
        {
            if ((Target(at + 1) ?? QuotedPrompt(Skip(at + 1))) is not { } target) return null;
            texts.Add(target.Nodes);
            at = Skip(target.End);
        }
        while (At(at) == ',');
        if (At(at) != ')' || operation.Match(_text, at + 1) is not { Success: true } match) return null;
        return OptionsAt(match.Index + match.Length) is { } options && At(Skip(options.End)) == ')' ? (texts, [.. options.Values.Select(option => option.Value)], Skip(options.End) + 1) : null;
    }

    private (List<Node> Nodes, int End)? QuotedPrompt(int at) =>
        Quoted().Match(_text, at) is { Success: true } quoted && _depth < DeepestNesting ? (new CompelParser(Content(quoted), _depth + 1).Prompt(0), at + quoted.Length) : null;

    /// <summary>What stands outside brackets and quotes: words as they are wherever nothing else fits.</summary>
    private List<Node> Prompt(int start)
    {
        var nodes = new List<Node>();
        for (var at = Skip(start); at < _text.Length; at = Skip(at))
        {
            if ((SwapAt(at) ?? LoraAt(at) ?? AttentionAt(at)) is { } part) at = Add(nodes, part);
            else if (Bracketed(at) is { } target)
            {
                nodes.AddRange(target.Nodes);
                at = target.End;
            }
            else
            {
                var end = at;
                while (end < _text.Length && !char.IsWhiteSpace(_text[end])) end++;
                nodes.Add(new Words(_text[at..end]));
                at = end;
            }
        }
        return nodes;
    }

    private static int Add(List<Node> nodes, (Node Node, int End) part)
    {
        nodes.Add(part.Node);
        return part.End;
    }

    /// <summary>What stands inside brackets, quotes or a swap.</summary>
    private (List<Node> Nodes, int End) Fragment(int start, bool withCommas)
    {
        var (nodes, at) = (new List<Node>(), start);
        while (true)
        {
            if (Part(Skip(at)) is { } part) at = Add(nodes, part);
            else if (Target(at) is { } target)
            {
                nodes.AddRange(target.Nodes);
                at = target.End;
            }
            else if (withCommas && At(Skip(at)) is ',' or '.')
            {
                at = Skip(at);
                nodes.Add(new Words(_text[at..++at]));
            }
            else return (nodes, at);
        }
    }

    private (Node Node, int End)? Part(int at)
    {
        if (!_parts.TryGetValue(at, out var part)) _parts[at] = part = LoraAt(at) ?? AttentionAt(at) ?? SwapAt(at);
        return part;
    }

    /// <summary>What an operator may follow: quotes, brackets or a word.</summary>
    private (List<Node> Nodes, int End)? Target(int start)
    {
        var at = Skip(start);
        return Bracketed(at) ?? (Word().Match(_text, at) is { Success: true } word ? ([new Words(word.Value)], at + word.Length) : null);
    }

    private (List<Node> Nodes, int End)? Bracketed(int at)
    {
        if (At(at) is not ('(' or '"')) return null;
        if (_targets.TryGetValue(at, out var known)) return known;
        if (_depth >= DeepestNesting) return null;
        _depth++;
        var target = At(at) == '(' ? Parenthesised(at) : QuotedFragment(at);
        _depth--;
        return _targets[at] = target;
    }

    private (List<Node>, int)? Parenthesised(int at)
    {
        var (nodes, end) = Fragment(at + 1, withCommas: true);
        return At(Skip(end)) == ')' ? (nodes, Skip(end) + 1) : null;
    }

    private (List<Node>, int)? QuotedFragment(int at)
    {
        if (Quoted().Match(_text, at) is not { Success: true } quoted) return null;
        var content = Content(quoted);
        if (string.IsNullOrWhiteSpace(content)) return ([new Words("")], at + quoted.Length);
        var inner = new CompelParser(content, _depth);
        var (nodes, end) = inner.Fragment(0, withCommas: true);
        return inner.Skip(end) == content.Length ? (nodes, at + quoted.Length) : null;
    }

    private static string Content(Match quoted) => quoted.Value[1..^1];

    private (Node, int)? AttentionAt(int at)
    {
        if (Target(at) is not { } target) return null;
        if (Attend().Match(_text, target.End) is { Success: true } attend) return (new Weighted(WeightOf(attend.Groups[1].Value), target.Nodes), target.End + attend.Length);
        var isWord = At(Skip(at)) is not ('(' or '"') || Bracketed(Skip(at)) is null;
        var sign = (isWord ? Signs() : SignsOrNumber()).Match(_text, target.End);
        return sign.Success ? (new Weighted(WeightOf(sign.Value), target.Nodes), target.End + sign.Length) : null;
    }

    private static double WeightOf(string text) =>
        text[^1] is '+' or '-' ? Math.Pow(text[0] == '+' ? Plus : Minus, text.Length) : double.Parse(text, CultureInfo.InvariantCulture);

    private (Node, int)? SwapAt(int at)
    {
        if (Target(at) is not { } target || SwapOperator().Match(_text, target.End) is not { Success: true } swap || _depth >= DeepestNesting) return null;
        _depth++;
        var (edited, end) = Fragment(target.End + swap.Length, withCommas: false);
        _depth--;
        var options = At(Skip(end)) == ',' ? OptionsAt(Skip(end) + 1) : ([], end);
        return options is { } found && At(Skip(found.End)) == ')' ? (new Swap(target.Nodes, edited, SwapOptions(found.Values)), Skip(found.End) + 1) : null;
    }

    private static Dictionary<string, double> SwapOptions(List<(string Key, string Value)> given)
    {
        var options = new Dictionary<string, double> { ["s_start"] = 0, ["s_end"] = 0, ["t_start"] = 0.2, ["t_end"] = 1 };
        foreach (var (key, text) in given)
        {
            if (!double.TryParse(text, CultureInfo.InvariantCulture, out var value)) throw new ArgumentException($".swap: the option {key} is '{text}'; it must be a number.");
            if (key == "shape_freedom") options["s_end"] = 1 - Math.Pow(value, 1.0 / 3);
            else if (options.ContainsKey(key)) options[key] = value;
            else throw new ArgumentException($".swap: there is no option '{key}'; there are shape_freedom, {string.Join(", ", options.Keys)}.");
        }
        return options;
    }

    /// <summary>Values, and keys where given, between commas; none is allowed.</summary>
    private (List<(string Key, string Value)> Values, int End)? OptionsAt(int start)
    {
        var (values, at) = (new List<(string, string)>(), start);
        while (Option().Match(_text, at) is { Success: true } option)
        {
            values.Add((option.Groups["key"].Value, option.Groups["value"].Value));
            at += option.Length;
            if (At(Skip(at)) != ',') break;
            at = Skip(at) + 1;
        }
        return (values, at);
    }

    private (Node Node, int End)? LoraAt(int at) => LoraCall().Match(_text, Skip(at)) is { Success: true } lora
        ? (new Lora(lora.Groups["name"].Value, lora.Groups["weight"] is { Success: true } weight ? double.Parse(weight.Value, CultureInfo.InvariantCulture) : 1), lora.Index + lora.Length)
        : null;

    /// <summary>The pieces in a row with the product of the weights around them; neighbours of equal weight joined by a blank.</summary>
    private static List<CompelFragment> Flat(IEnumerable<Node> nodes, List<(string, double)> loras)
    {
        var pieces = new List<CompelFragment>();
        foreach (var node in nodes) Flatten(node, 1);
        return pieces;

        void Flatten(Node node, double weight)
        {
            switch (node)
            {
                case Words words: Append(Unescaped(words.Text), weight); break;
                case Weighted weighted: weighted.Inner.ForEach(inner => Flatten(inner, weight * weighted.Weight)); break;
                case Lora lora: loras.Add((lora.Name, lora.Weight)); break;
                case Swap swap: pieces.Add(new CompelSwap(Flat([new Weighted(weight, swap.Original)], loras), Flat([new Weighted(weight, swap.Edited)], loras), swap.Options)); break;
            }
        }

        void Append(string text, double weight)
        {
            if (pieces.Count > 0 && pieces[^1] is CompelWords before && before.Weight == weight) pieces[^1] = before with { Text = $"{before.Text} {text}" };
            else pieces.Add(new CompelWords(text, weight));
        }
    }

    private static string Unescaped(string text) => text.Replace(@"\(", "(", StringComparison.Ordinal).Replace(@"\)", ")", StringComparison.Ordinal).Replace("\\\"", "\"", StringComparison.Ordinal);

    private char At(int at) => at < _text.Length ? _text[at] : '\0';

    private int Skip(int at)
    {
        while (at < _text.Length && char.IsWhiteSpace(_text[at])) at++;
        return at;
    }

    [GeneratedRegex(@",(\S)")]
    private static partial Regex CommaBeforeText();

    // A word holds no syntax, but for escaped signs, and signs between letters.
    [GeneratedRegex(@"\G(?:\\[" + SyntaxClass + @"]|[-+](?!\s|[" + SyntaxClass + @"]|\z)|[0-9]+|-[0-9]+|[^\s" + SyntaxClass + @"])+")]
    private static partial Regex Word();

    [GeneratedRegex(@"\G""(?:\\""|[^""\r\n])*""")]
    private static partial Regex Quoted();

    [GeneratedRegex(@"\G\s*\.attend\s*\(\s*(\++|-+|" + Number + @")\s*\)")]
    private static partial Regex Attend();

    [GeneratedRegex(@"\G(?:\++|-+|" + Number + ")")]
    private static partial Regex SignsOrNumber();

    [GeneratedRegex(@"\G(?:\++|-+)")]
    private static partial Regex Signs();

    [GeneratedRegex(@"\G\s*\.swap\s*\(")]
    private static partial Regex SwapOperator();

    [GeneratedRegex(@"\G\s*\.blend\s*\(")]
    private static partial Regex Blend();

    [GeneratedRegex(@"\G\s*\.(?:and|add)\s*\(")]
    private static partial Regex And();

    [GeneratedRegex(@"\G\s*(?:(?<key>[A-Za-z0-9_-]+)\s*=\s*(?<value>" + Number + @"|[A-Za-z0-9_-]+)|(?<value>" + Number + @")|(?<value>[A-Za-z0-9_-]+))")]
    private static partial Regex Option();

    [GeneratedRegex(@"\G(?:useLora|withLora)\s*\(\s*(?<name>[A-Za-z0-9_-]+)\s*(?:,\s*(?<weight>" + Number + @")\s*)?\)")]
    private static partial Regex LoraCall();

    private const string Number = @"(?:[+-]?(?:[0-9]+\.[0-9]*|\.[0-9]+)|-?[0-9]+)";

    private const string SyntaxClass = @"()"",.+\-=";
}

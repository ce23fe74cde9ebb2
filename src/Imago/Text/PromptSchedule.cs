using System.Globalization;
using System.Text.RegularExpressions;

namespace Imago.Text;

/// <summary>A prompt and the steps that it is for.</summary>
/// <param name="LastStep">The last step, counted from 1, at which it holds.</param>
/// <param name="Text">The prompt.</param>
public sealed record ScheduledPrompt(int LastStep, string Text);

/// <summary>
/// Prompts that change while a picture is made, as in AUTOMATIC1111's web interface: <c>[from:to:when]</c>, <c>[to:when]</c>, <c>[from::when]</c>, and <c>[a|b|c]</c>, which alternates.
/// <c>when</c> is a number of steps, or with a decimal point a share of them.
/// </summary>
public static partial class PromptSchedule
{
    /// <summary>The prompt of every stretch of steps. A prompt that does not parse is taken as it is.</summary>
    /// <param name="prompt">The prompt.</param>
    /// <param name="steps">How many steps there are.</param>
    /// <param name="baseSteps">For a second pass (high resolution): the steps of the first one. Numbers count on from them, shares from 1.</param>
    /// <param name="oldRule">Whether every value below 1 is a share, and the second pass is scheduled like the first.</param>
    public static IReadOnlyList<ScheduledPrompt> Of(string prompt, int steps, int baseSteps = 0, bool oldRule = false)
    {
        ArgumentNullException.ThrowIfNull(prompt);
        ArgumentOutOfRangeException.ThrowIfLessThan(steps, 1);
        if (new Parser(prompt).Parse() is not { } nodes) return [new(steps, prompt)];
        var ends = new SortedSet<int> { steps };
        foreach (var node in nodes) node.AddEnds(ends, StepOf, steps);
        return [.. ends.Select(step => new ScheduledPrompt(step, string.Concat(nodes.Select(node => node.At(step, StepOf)))))];

        int StepOf(string when)
        {
            var value = double.Parse(when, CultureInfo.InvariantCulture);
            var isShare = oldRule ? value < 1 : when.Contains('.', StringComparison.Ordinal);
            var offset = oldRule || baseSteps == 0 ? 0 : isShare ? 1 : baseSteps;
            return (int)Math.Clamp(isShare ? (value - offset) * steps : value - offset, 0, steps);
        }
    }

    [GeneratedRegex(@"\G\s*(?<number>[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)\s*\]")]
    private static partial Regex When();

    private abstract record Node
    {
        internal abstract string At(int step, Func<string, int> stepOf);

        internal virtual void AddEnds(SortedSet<int> ends, Func<string, int> stepOf, int steps)
        {
        }
    }

    private sealed record Plain(string Text) : Node
    {
        internal override string At(int step, Func<string, int> stepOf) => Text;
    }

    /// <summary>Several nodes in a row, brackets that are left for the weights included.</summary>
    private sealed record Group(IReadOnlyList<Node> Nodes) : Node
    {
        internal override string At(int step, Func<string, int> stepOf) => string.Concat(Nodes.Select(node => node.At(step, stepOf)));

        internal override void AddEnds(SortedSet<int> ends, Func<string, int> stepOf, int steps)
        {
            foreach (var node in Nodes) node.AddEnds(ends, stepOf, steps);
        }
    }

    private sealed record Scheduled(Group Before, Group After, string When) : Node
    {
        internal override string At(int step, Func<string, int> stepOf) => (step <= stepOf(When) ? Before : After).At(step, stepOf);

        internal override void AddEnds(SortedSet<int> ends, Func<string, int> stepOf, int steps)
        {
            if (stepOf(When) >= 1) ends.Add(stepOf(When));
            Before.AddEnds(ends, stepOf, steps);
            After.AddEnds(ends, stepOf, steps);
        }
    }

    private sealed record Alternating(IReadOnlyList<Group> Options) : Node
    {
        internal override string At(int step, Func<string, int> stepOf) => Options[(step - 1) % Options.Count].At(step, stepOf);

        internal override void AddEnds(SortedSet<int> ends, Func<string, int> stepOf, int steps) => ends.UnionWith(Enumerable.Range(1, steps));
    }

    /// <summary>Recursive descent; each bracket is parsed once, whatever is tried around it, and only so deep.</summary>
    private sealed class Parser(string prompt)
    {
        private const int DeepestNesting = 100;
        private readonly Dictionary<int, (Node Node, int End)?> _brackets = [];

        /// <summary>The nodes; null if a <c>|</c> stands outside brackets, or a backslash at the end.</summary>
        internal List<Node>? Parse()
        {
            var nodes = new List<Node>();
            for (var at = 0; at < prompt.Length;)
            {
                var (group, end) = Prompt(at, 0);
                nodes.AddRange(group.Nodes);
                if (end == prompt.Length) break;
                if (prompt[end] is '|' or '\\') return null;
                nodes.Add(new Plain(prompt[end].ToString()));                  // a bracket or colon that belongs to nothing
                at = end + 1;
            }
            return nodes;
        }

        private char At(int at) => at < prompt.Length ? prompt[at] : '\0';

        /// <summary>As much as is a prompt by itself.</summary>
        private (Group Group, int End) Prompt(int start, int depth)
        {
            var nodes = new List<Node>();
            for (var at = start; ;)
            {
                var end = EndOfPlain(at);
                if (end > at) nodes.Add(new Plain(prompt[at..end]));
                if (At(end) is not ('(' or '[') || Bracket(end, depth) is not { } bracket) return (new Group(nodes), end);
                nodes.Add(bracket.Node);
                at = bracket.End;
            }
        }

        private int EndOfPlain(int at)
        {
            while (at < prompt.Length && !"[]():|".Contains(prompt[at], StringComparison.Ordinal))
            {
                if (prompt[at] != '\\') at++;
                else if (at + 1 < prompt.Length && prompt[at + 1] != '\n') at += 2;
                else break;
            }
            return at;
        }

        private (Node Node, int End)? Bracket(int at, int depth)
        {
            if (depth > DeepestNesting) return null;
            if (!_brackets.TryGetValue(at, out var known)) _brackets[at] = known = prompt[at] == '(' ? Round(at, depth + 1) : Square(at, depth + 1);
            return known;
        }

        private (Node, int)? Round(int at, int depth)
        {
            var (inner, end) = Prompt(at + 1, depth);
            if (At(end) == ')') return (Around("(", [inner], ")"), end + 1);
            if (At(end) != ':') return null;
            var (weight, close) = Prompt(end + 1, depth);
            return At(close) == ')' ? (Around("(", [inner, new Plain(":"), weight], ")"), close + 1) : null;
        }

        private (Node, int)? Square(int at, int depth)
        {
            var (first, end) = Prompt(at + 1, depth);
            switch (At(end))
            {
                case ']': return (Around("[", [first], "]"), end + 1);
                case '|': return Options(first, end, depth);
                case ':': break;
                default: return null;
            }
            if (When().Match(prompt, end + 1) is { Success: true } when) return (new Scheduled(new Group([]), first, when.Groups["number"].Value), when.Index + when.Length);
            var (second, colon) = Prompt(end + 1, depth);
            return At(colon) == ':' && When().Match(prompt, colon + 1) is { Success: true } at2
                ? (new Scheduled(first, second, at2.Groups["number"].Value), at2.Index + at2.Length)
                : null;
        }

        private (Node, int)? Options(Group first, int bar, int depth)
        {
            var options = new List<Group> { first };
            while (At(bar) == '|')
            {
                (var option, bar) = Prompt(bar + 1, depth);
                options.Add(option);
            }
            return At(bar) == ']' ? (new Alternating(options), bar + 1) : null;
        }

        private static Group Around(string open, IEnumerable<Node> inner, string close) => new([new Plain(open), .. inner, new Plain(close)]);
    }
}

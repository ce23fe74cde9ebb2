using System.Globalization;

namespace Imago.Golden;

/// <summary>A call as Python writes it, such as <c>Conv2d(8, 8, (3, 1), groups=4, bias=False)</c>.</summary>
/// <param name="Name">What is called, with its dots.</param>
/// <param name="Arguments">The positional arguments, as they are written.</param>
/// <param name="Named">The named arguments.</param>
internal sealed record PythonCall(string Name, IReadOnlyList<string> Arguments, IReadOnlyDictionary<string, string> Named)
{
    /// <summary>Reads one call, or a chain such as <c>torch.empty(11).uniform_(-2, 3)</c>: call after call.</summary>
    internal static IReadOnlyList<PythonCall> Parse(string text)
    {
        var calls = new List<PythonCall>();
        for (int at = 0; at < text.Length;)
        {
            var open = text.IndexOf('(', at);
            var close = Closing(text, open);
            var parts = Split(text[(open + 1)..close]);
            calls.Add(new PythonCall(text[at..open].Trim('.'), [.. parts.Where(part => !IsNamed(part))],
                parts.Where(IsNamed).Select(part => part.Split('=', 2)).ToDictionary(pair => pair[0].Trim(), pair => pair[1].Trim())));
            at = close + 1;
        }
        return calls;
    }

    internal long Integer(int index) => long.Parse(Arguments[index], CultureInfo.InvariantCulture);

    internal double Number(int index) => double.Parse(Arguments[index], CultureInfo.InvariantCulture);

    internal long Integer(string name, long otherwise) => Named.TryGetValue(name, out var value) ? long.Parse(value, CultureInfo.InvariantCulture) : otherwise;

    internal double Number(string name, double otherwise) => Named.TryGetValue(name, out var value) ? double.Parse(value, CultureInfo.InvariantCulture) : otherwise;

    internal bool Flag(string name, bool otherwise) => Named.TryGetValue(name, out var value) ? value == "True" : otherwise;

    /// <summary>All positional arguments as sizes, or the one that is a tuple.</summary>
    internal long[] Sizes(int from = 0) => [.. string.Join(',', Arguments.Skip(from)).Trim('(', ')').Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Select(size => long.Parse(size, CultureInfo.InvariantCulture))];

    private static bool IsNamed(string part) => part.Contains('=', StringComparison.Ordinal) && char.IsLetter(part[0]);

    private static int Closing(string text, int open)
    {
        for (int at = open, depth = 0; ; at++)
        {
            if (text[at] is '(' or '[') depth++;
            if (text[at] is ')' or ']' && --depth == 0) return at;
        }
    }

    private static List<string> Split(string text)
    {
        var (parts, depth, begin) = (new List<string>(), 0, 0);
        for (int at = 0; at <= text.Length; at++)
        {
            if (at < text.Length && text[at] is '(' or '[') depth++;
            if (at < text.Length && text[at] is ')' or ']') depth--;
            if (at < text.Length && (text[at] != ',' || depth > 0)) continue;
            if (text[begin..at].Trim() is { Length: > 0 } part) parts.Add(part);
            begin = at + 1;
        }
        return parts;
    }
}

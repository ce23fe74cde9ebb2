namespace Imago.Models;

/// <summary>How a configuration's values are refused.</summary>
/// <param name="Subject">What is configured, for messages.</param>
internal sealed record ConfigRules(string Subject)
{
    /// <summary>Throws with the key's name unless <paramref name="holds"/>.</summary>
    internal void Require(bool holds, string key, object? got, string expected)
    {
        if (!holds) throw new ArgumentException($"{Subject}: {key} is {Describe(got)}; it must be {expected}.");
    }

    private static string Describe(object? value) => value switch
    {
        null => "missing",
        System.Collections.IEnumerable list and not string => $"[{string.Join(", ", list.Cast<object>())}]",
        _ => FormattableString.Invariant($"{value}"),
    };
}

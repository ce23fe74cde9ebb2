using System.Globalization;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Weights;

/// <summary>What a tensor goes through on its way from one layout to another.</summary>
internal enum TensorForm
{
    /// <summary>Nothing.</summary>
    Same,

    /// <summary>[I, O] → [O, I].</summary>
    Transposed,

    /// <summary>A 1×1 convolution [O, I, 1, 1] → a matrix [O, I].</summary>
    Flattened,

    /// <summary>The second half of the first axis before the first half: (shift, scale) → (scale, shift).</summary>
    HalvesSwapped,
}

/// <summary>
/// One line of a table of keys: a name in a file's layout, and the same tensor's name in another one. <c>{i}</c> stands for a number, the same on both sides, and
/// <c>{-i}</c> for that number counted from the last; a <c>*</c> at the end for whatever follows (nothing else than <c>weight</c> and <c>bias</c>, as a rule).
/// <c>{a,b,c}</c> on the right cuts the tensor along its first axis into equal parts of these names. Null on the right: the tensor has no use.
/// </summary>
/// <param name="From">The name in the file.</param>
/// <param name="To">The other name, or null.</param>
/// <param name="Form">What becomes of the tensor.</param>
internal sealed record KeyRow(string From, string? To, TensorForm Form = TensorForm.Same)
{
    private readonly string[] _from = From.Split('.');

    /// <summary>What the pattern's numbers are in a key, or null where it is another key.</summary>
    internal IReadOnlyDictionary<string, string>? Match(string[] key)
    {
        var hasRest = _from[^1] == "*";
        if (hasRest ? key.Length < _from.Length : key.Length != _from.Length) return null;
        var values = new Dictionary<string, string>();
        for (var i = 0; i < _from.Length - (hasRest ? 1 : 0); i++)
        {
            if (_from[i] is ['{', .. var name, '}'] && key[i].All(char.IsAsciiDigit)) values[name] = key[i];
            else if (_from[i] != key[i]) return null;
        }
        if (hasRest) values["*"] = string.Join('.', key[(_from.Length - 1)..]);
        return values;
    }
}

/// <summary>Where a tensor of one layout comes from in another one.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Source">The key in the file.</param>
/// <param name="Form">What becomes of the file's tensor.</param>
/// <param name="Part">Which of the equal parts of it, and of how many.</param>
internal sealed record KeyOrigin(string Name, string Source, TensorForm Form, (int Index, int Count) Part)
{
    /// <summary>A tensor that keeps its name.</summary>
    internal static KeyOrigin Unchanged(string key) => new(key, key, TensorForm.Same, (0, 1));

    /// <summary>The shape that comes out of a shape of the file; null if the file's shape cannot be brought into this form.</summary>
    internal IReadOnlyList<long>? ShapeOf(IReadOnlyList<long> source)
    {
        if (Part.Count > 1)
        {
            if (source.Count == 0 || source[0] % Part.Count != 0) return null;
            source = [source[0] / Part.Count, .. source.Skip(1)];
        }
        return Form switch
        {
            TensorForm.Transposed => source.Count == 2 ? [source[1], source[0]] : null,
            TensorForm.Flattened => source is [var rows, var columns, 1, 1] ? [rows, columns] : source,
            TensorForm.HalvesSwapped => source.Count > 0 && source[0] % 2 == 0 ? source : null,
            _ => source,
        };
    }

    /// <summary>The tensor, over the file's memory wherever that is possible.</summary>
    internal Tensor Of(Tensor source)
    {
        using var scope = NewDisposeScope();
        var part = Part.Count > 1 ? source.narrow(0, Part.Index * (source.shape[0] / Part.Count), source.shape[0] / Part.Count) : source.alias();
        var formed = Form switch
        {
            TensorForm.Transposed => part.t(),
            TensorForm.Flattened when part.dim() == 4 => part.flatten(1),
            TensorForm.HalvesSwapped => part.roll(part.shape[0] / 2, 0),
            _ => part,
        };
        return formed.MoveToOuterDisposeScope();
    }
}

/// <summary>A table from one layout's names to another's; the first line that fits a key is the one that counts.</summary>
/// <param name="rows">The lines.</param>
internal sealed class KeyTable(IReadOnlyList<KeyRow> rows)
{
    private readonly ILookup<string, KeyRow> _rows = rows.ToLookup(row => row.From.Split('.')[0]);

    /// <summary>The lines.</summary>
    internal IReadOnlyList<KeyRow> Rows { get; } = rows;

    /// <summary>What a key of the file becomes: none if it has no use, one, or the parts that it is cut into; null for a key that no line knows.</summary>
    /// <param name="key">The key.</param>
    /// <param name="count">How many numbers there are, for those that are counted from the last.</param>
    internal IReadOnlyList<KeyOrigin>? Map(string key, int count = 0)
    {
        var segments = key.Split('.');
        foreach (var row in _rows[segments[0]])
        {
            if (row.Match(segments) is { } values) return row.To is null ? [] : Expand(key, row, values, count);
        }
        return null;
    }

    private static IReadOnlyList<KeyOrigin> Expand(string key, KeyRow row, IReadOnlyDictionary<string, string> values, int count)
    {
        var name = row.To!;
        foreach (var (number, value) in values)
        {
            name = name.Replace(number == "*" ? "*" : $"{{{number}}}", value, StringComparison.Ordinal);
            if (number != "*") name = name.Replace($"{{-{number}}}", FromTheLast(value, count), StringComparison.Ordinal);
        }
        if (!name.Contains('{', StringComparison.Ordinal)) return [new KeyOrigin(name, key, row.Form, (0, 1))];
        var (open, close) = (name.IndexOf('{', StringComparison.Ordinal), name.IndexOf('}', StringComparison.Ordinal));
        var parts = name[(open + 1)..close].Split(',');
        return [.. parts.Select((part, i) => new KeyOrigin(name[..open] + part + name[(close + 1)..], key, row.Form, (i, parts.Length)))];
    }

    private static string FromTheLast(string number, int count) =>
        int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var value) ? (count - 1 - value).ToString(CultureInfo.InvariantCulture) : number;
}

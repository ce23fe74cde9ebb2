using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace Imago.Text;

/// <summary>
/// SentencePiece's table of normalisation: a double array (Aoe 1989) from strings to strings. Used as Hugging Face's library does: a grapheme cluster of fewer than six bytes is looked up
/// whole, else each of its code points, and the shortest entry found replaces the unit.
/// </summary>
internal sealed class PrecompiledCharacterMap
{
    private const int LongestCluster = 6;
    private readonly uint[] _units;
    private readonly byte[] _strings;

    /// <param name="table">Byte length of the array, the array of 32-bit units, strings that end in 0. Empty for no normalisation.</param>
    /// <exception cref="FormatException">The table contradicts itself.</exception>
    internal PrecompiledCharacterMap(ReadOnlySpan<byte> table)
    {
        if (table.IsEmpty)
        {
            (_units, _strings) = ([], []);
            return;
        }
        var length = table.Length < 4 ? uint.MaxValue : BinaryPrimitives.ReadUInt32LittleEndian(table);
        if (length > table.Length - 4 || length % 4 != 0) throw new FormatException($"the table of normalisation has {table.Length} bytes and says that its array has {length}");
        _units = new uint[length / 4];
        for (var i = 0; i < _units.Length; i++) _units[i] = BinaryPrimitives.ReadUInt32LittleEndian(table[(4 + 4 * i)..]);
        _strings = table[(4 + (int)length)..].ToArray();
    }

    internal string Normalise(string text)
    {
        var normal = new StringBuilder(text.Length);
        var clusters = StringInfo.GetTextElementEnumerator(text);
        while (clusters.MoveNext())
        {
            var cluster = clusters.GetTextElement();
            if (Encoding.UTF8.GetByteCount(cluster) < LongestCluster && Find(cluster) is { } whole) normal.Append(whole);
            else
            {
                foreach (var rune in cluster.EnumerateRunes()) normal.Append(Find(rune.ToString()) ?? rune.ToString());
            }
        }
        return normal.ToString();
    }

    /// <summary>What the shortest prefix that is in the table stands for; null if none is.</summary>
    private string? Find(string text)
    {
        if (_units.Length == 0) return null;
        var at = Offset(_units[0]);
        foreach (var b in Encoding.UTF8.GetBytes(text))
        {
            at ^= b;
            if (b == 0 || at >= _units.Length || (_units[at] & 0x8000_00FF) != b) return null;
            var hasValue = (_units[at] & 0x100) != 0;
            at ^= Offset(_units[at]);
            if (hasValue) return at < _units.Length ? StringAt(_units[at] & 0x7FFF_FFFF) : null;
        }
        return null;
    }

    private string? StringAt(uint start)
    {
        if (start >= _strings.Length) return null;
        var rest = _strings.AsSpan((int)start);
        var end = rest.IndexOf((byte)0);
        return Encoding.UTF8.GetString(end < 0 ? rest : rest[..end]);
    }

    private static uint Offset(uint unit) => (unit >> 10) << (int)((unit & 0x200) >> 6);
}

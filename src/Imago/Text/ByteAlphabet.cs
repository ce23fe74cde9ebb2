using System.Text;

namespace Imago.Text;

/// <summary>GPT-2's printable stand-ins of the 256 bytes: printable Latin-1 characters stand for themselves, the others for U+0100 and up (Radford et al. 2019).</summary>
internal static class ByteAlphabet
{
    private static readonly char[] Characters = Build();
    private static readonly Dictionary<char, byte> Bytes = Characters.Select((c, b) => (c, b)).ToDictionary(pair => pair.c, pair => (byte)pair.b);

    internal static char Of(byte value) => Characters[value];

    /// <summary>The stand-ins of a text's UTF-8 bytes, one character each.</summary>
    internal static string Encode(string text) => string.Concat(Encoding.UTF8.GetBytes(text).Select(b => Characters[b]));

    /// <summary>The text whose stand-ins are given; bytes that are no UTF-8 become U+FFFD, characters outside the alphabet themselves.</summary>
    internal static string Decode(string standIns)
    {
        var bytes = new List<byte>(standIns.Length);
        foreach (var c in standIns)
        {
            if (Bytes.TryGetValue(c, out var b)) bytes.Add(b);
            else bytes.AddRange(Encoding.UTF8.GetBytes([c]));
        }
        return Encoding.UTF8.GetString([.. bytes]);
    }

    private static char[] Build()
    {
        static bool Printable(int b) => b is (>= '!' and <= '~') or (>= 0xA1 and <= 0xAC) or (>= 0xAE and <= 0xFF);
        var next = 256;
        return [.. Enumerable.Range(0, 256).Select(b => (char)(Printable(b) ? b : next++))];
    }
}

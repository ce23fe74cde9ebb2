using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace Imago.Weights;

/// <summary>The head of a <c>.npy</c> array: a Python dictionary literal with exactly type, order and shape, which is parsed here and never evaluated.</summary>
internal sealed class NpyHeader
{
    private const int MaxTextLength = 10_000;
    private const int MaxDimensions = 64;

    private static readonly byte[] Magic = [0x93, (byte)'N', (byte)'U', (byte)'M', (byte)'P', (byte)'Y'];

    private readonly string _what;
    private string _text = "";
    private int _at;

    private NpyHeader(string what) => _what = what;

    internal NumpyType Type { get; private set; } = null!;

    internal bool IsFortranOrder { get; private set; }

    internal long[] Shape { get; private set; } = [];

    /// <summary>Bytes before the elements.</summary>
    internal int Length { get; private set; }

    internal long DataLength { get; private set; }

    /// <summary>Reads a header from a stream of <paramref name="available"/> bytes, and checks that as many follow as it announces.</summary>
    internal static NpyHeader Read(Stream stream, long available, string what)
    {
        var header = new NpyHeader(what);
        header.ReadText(stream, available);
        header.Parse();
        header.DataLength = ElementType.Count([.. header.Shape, header.Type.ItemBytes]) ?? throw header.Wrong($"a shape of [{string.Join(", ", header.Shape)}] is larger than any memory");
        if (header.DataLength > available - header.Length) throw header.Wrong($"its elements need {header.DataLength} bytes, but {available - header.Length} are there; it may be cut short");
        return header;
    }

    /// <summary>A header of version 1, padded so that the elements begin at a multiple of 64.</summary>
    internal static byte[] Write(string typeCode, IReadOnlyList<long> shape)
    {
        var sizes = string.Concat(shape.Select(size => size.ToString(CultureInfo.InvariantCulture) + ", "));
        var text = $"{{'descr': '{typeCode}', 'fortran_order': False, 'shape': ({(shape.Count == 1 ? sizes.TrimEnd() : sizes.TrimEnd(' ', ','))}), }}";
        text = text.PadRight((10 + text.Length + 1 + 63) / 64 * 64 - 10 - 1) + "\n";
        return [.. Magic, 1, 0, (byte)text.Length, (byte)(text.Length >> 8), .. Encoding.ASCII.GetBytes(text)];
    }

    private void ReadText(Stream stream, long available)
    {
        var start = new byte[12];
        if (available < 10 || stream.ReadAtLeast(start.AsSpan(0, 10), 10, throwOnEndOfStream: false) < 10 || !start.AsSpan(0, 6).SequenceEqual(Magic)) throw Wrong("it does not begin as a NumPy array does");
        int version = start[6];
        if (version is < 1 or > 3 || start[7] != 0) throw Wrong($"its format version {version}.{start[7]} is none of 1.0, 2.0 and 3.0");
        long length = BinaryPrimitives.ReadUInt16LittleEndian(start.AsSpan(8));
        int prefix = 10;
        if (version > 1)
        {
            if (available < 12) throw Wrong("its header is cut short");
            stream.ReadExactly(start, 10, 2);
            (length, prefix) = (BinaryPrimitives.ReadUInt32LittleEndian(start.AsSpan(8)), 12);
        }
        if (length > MaxTextLength || length > available - prefix) throw Wrong($"its header of {length} bytes is {(length > MaxTextLength ? $"longer than the {MaxTextLength} that any array needs" : "cut short")}");
        var text = new byte[length];
        stream.ReadExactly(text);
        _text = version == 3 ? Encoding.UTF8.GetString(text) : Encoding.Latin1.GetString(text);
        Length = prefix + (int)length;
    }

    private void Parse()
    {
        var found = new HashSet<string>();
        Expect('{');
        while (!Accept('}'))
        {
            var key = Quoted();
            Expect(':');
            if (!found.Add(key)) throw Wrong($"its header has {key} twice");
            switch (key)
            {
                case "descr":
                    Type = ParseType();
                    break;
                case "fortran_order":
                    IsFortranOrder = ParseTruth();
                    break;
                case "shape":
                    Shape = ParseShape();
                    break;
                default:
                    throw Wrong($"its header has the unknown key {key}");
            }
            if (!Accept(','))
            {
                Expect('}');
                break;
            }
        }
        SkipBlanks();
        if (_at != _text.Length || found.Count != 3) throw Wrong("its header is not a dictionary of descr, fortran_order and shape");
    }

    private NumpyType ParseType()
    {
        SkipBlanks();
        if (Peek() is '[' or '(') throw Wrong("it has a structured type, which Imago does not read; save its fields as arrays of their own");
        var code = Quoted();
        return NumpyType.Parse(code) ?? throw Wrong($"it has the type '{code}', which Imago does not read{(code.Contains('O', StringComparison.Ordinal) ? ": objects are pickles, which could run anything" : "")}");
    }

    private bool ParseTruth()
    {
        SkipBlanks();
        foreach (var (word, value) in new[] { ("True", true), ("False", false) })
        {
            if (string.CompareOrdinal(_text, _at, word, 0, word.Length) != 0) continue;
            _at += word.Length;
            return value;
        }
        throw Wrong("its fortran_order is neither True nor False");
    }

    private long[] ParseShape()
    {
        var sizes = new List<long>();
        Expect('(');
        bool isTuple = false;
        while (!Accept(')'))
        {
            SkipBlanks();
            var start = _at;
            while (char.IsAsciiDigit(Peek())) _at++;
            if (!long.TryParse(_text.AsSpan(start, _at - start), NumberStyles.None, CultureInfo.InvariantCulture, out var size)) throw Wrong("its shape is not a tuple of whole numbers");
            if (Peek() == 'L') _at++;                                           // Python 2
            sizes.Add(size);
            if (Accept(','))
            {
                isTuple = true;
                continue;
            }
            Expect(')');
            if (!isTuple) throw Wrong("its shape is not a tuple");
            break;
        }
        return sizes.Count <= MaxDimensions ? [.. sizes] : throw Wrong($"it has {sizes.Count} dimensions");
    }

    private string Quoted()
    {
        SkipBlanks();
        var quote = Peek();
        if (quote is not ('\'' or '"')) throw Wrong("its header is not a dictionary of texts, a truth value and a tuple");
        var end = _text.IndexOf(quote, _at + 1);
        if (end < 0 || _text.AsSpan(_at, end - _at).Contains('\\')) throw Wrong("a text in its header does not end");
        var text = _text[(_at + 1)..end];
        _at = end + 1;
        return text;
    }

    private char Peek() => _at < _text.Length ? _text[_at] : '\0';

    private void SkipBlanks()
    {
        while (Peek() is ' ' or '\n' or '\t' or '\r') _at++;
    }

    private bool Accept(char wanted)
    {
        SkipBlanks();
        if (Peek() != wanted) return false;
        _at++;
        return true;
    }

    private void Expect(char wanted)
    {
        if (!Accept(wanted)) throw Wrong($"its header is not the literal it must be: '{wanted}' is missing at character {_at}");
    }

    private CheckpointException Wrong(string what) => new($"{_what} is refused: {what}.");
}

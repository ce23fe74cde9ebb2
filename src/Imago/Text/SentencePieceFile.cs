using System.Buffers.Binary;
using System.Text;

namespace Imago.Text;

/// <summary>What a SentencePiece model (<c>spiece.model</c>, a protocol buffer) holds: pieces with scores, and the table of normalisation.</summary>
/// <param name="Pieces">Each piece and its log probability; the index is the id.</param>
/// <param name="CharacterMap">The table of normalisation; empty for none.</param>
internal sealed record SentencePieceFile(IReadOnlyList<(string Piece, double Score)> Pieces, byte[] CharacterMap)
{
    // Numbers of the fields in sentencepiece_model.proto.
    private const int PiecesField = 1, NormalizerField = 3, PieceField = 1, ScoreField = 2, CharacterMapField = 2;

    /// <exception cref="CheckpointException">The file is none.</exception>
    internal static SentencePieceFile Read(string path) => TextFiles.Guarded(path, () => Parse(TextFiles.ReadBytes(path)));

    private static SentencePieceFile Parse(byte[] file)
    {
        var pieces = new List<(string, double)>();
        byte[] map = [];
        foreach (var (field, content) in Fields(file))
        {
            if (field == PiecesField) pieces.Add(Piece(content));
            else if (field == NormalizerField) map = Fields(content).Where(part => part.Field == CharacterMapField).Select(part => part.Content.ToArray()).LastOrDefault([]);
            if (pieces.Count > TextFiles.MaximumTokens) throw new FormatException($"it has more than {TextFiles.MaximumTokens} pieces");
        }
        if (pieces.Count == 0) throw new FormatException("it has no pieces");
        return new(pieces, map);
    }

    private static (string, double) Piece(ReadOnlyMemory<byte> message)
    {
        var (piece, score) = ("", 0f);
        foreach (var (field, content) in Fields(message))
        {
            if (field == PieceField) piece = Encoding.UTF8.GetString(content.Span);
            else if (field == ScoreField && content.Length == 4) score = BinaryPrimitives.ReadSingleLittleEndian(content.Span);
        }
        return (piece, score);
    }

    /// <summary>The fields of a message; of numbers only those of fixed width have their bytes.</summary>
    private static IEnumerable<(int Field, ReadOnlyMemory<byte> Content)> Fields(ReadOnlyMemory<byte> message)
    {
        for (var at = 0; at < message.Length;)
        {
            var tag = Number(message.Span, ref at);
            var length = (tag & 7) switch
            {
                0 => Skipped(message.Span, ref at),
                1 => 8ul,
                2 => Number(message.Span, ref at),
                5 => 4ul,
                var kind => throw new FormatException($"a field has the wire type {kind}"),
            };
            if (length > (ulong)(message.Length - at)) throw new FormatException($"a field of {length} bytes begins {message.Length - at} bytes before the end");
            yield return ((int)(tag >> 3), message.Slice(at, (int)length));
            at += (int)length;
        }
    }

    private static ulong Skipped(ReadOnlySpan<byte> bytes, ref int at)
    {
        Number(bytes, ref at);
        return 0;
    }

    private static ulong Number(ReadOnlySpan<byte> bytes, ref int at)
    {
        ulong value = 0;
        for (var shift = 0; shift < 64; shift += 7)
        {
            if (at >= bytes.Length) break;
            var b = bytes[at++];
            value |= (ulong)(b & 0x7F) << shift;
            if (b < 0x80) return value;
        }
        throw new FormatException("a number does not end");
    }
}

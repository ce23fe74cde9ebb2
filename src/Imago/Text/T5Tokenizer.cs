using System.Text;
using System.Text.Json;

namespace Imago.Text;

/// <summary>T5's tokenizer (Raffel et al. 2020): SentencePiece's unigram model, with ids as the current Hugging Face implementation gives them.</summary>
public sealed class T5Tokenizer : PromptTokenizer
{
    private const char WordMark = '▁';
    private const int ExtraIds = 100;
    private readonly UnigramModel _model;
    private readonly PrecompiledCharacterMap _map;
    private readonly string[] _tokens;
    private readonly IReadOnlyList<AddedToken> _added;

    private T5Tokenizer(IReadOnlyList<(string Piece, double Score)> pieces, int unknown, ReadOnlySpan<byte> map, IReadOnlyList<AddedToken> added)
    {
        (_model, _map, _added) = (new UnigramModel(pieces, unknown), new PrecompiledCharacterMap(map), added);
        var tokens = pieces.Select(piece => piece.Piece).ToList();
        if (added.Count > 0 && added.Max(token => token.Id) >= TextFiles.MaximumTokens) throw new FormatException("an added token has too large an id");
        while (added.Count > 0 && tokens.Count <= added.Max(token => token.Id)) tokens.Add("");
        foreach (var token in added) tokens[token.Id] = token.Content;
        _tokens = [.. tokens];
        (Padding, End) = (IdOf("<pad>"), IdOf("</s>"));
    }

    /// <inheritdoc/>
    public override int Count => _tokens.Length;

    /// <inheritdoc/>
    public override int? Begin => null;

    /// <inheritdoc/>
    public override int End { get; }

    /// <inheritdoc/>
    public override int Padding { get; }

    /// <summary>Reads a hub's folder: <c>tokenizer.json</c>, else <c>spiece.model</c>.</summary>
    /// <exception cref="CheckpointException">Neither is there, or it is not that of T5's tokenizer.</exception>
    public static T5Tokenizer Load(string folder)
    {
        var (whole, model) = (Path.Combine(folder, "tokenizer.json"), Path.Combine(folder, "spiece.model"));
        if (File.Exists(whole)) return TextFiles.ReadJson(whole, Of);
        if (!File.Exists(model)) throw new CheckpointException($"{folder} holds no tokenizer of T5: neither tokenizer.json nor spiece.model is there.");
        return TextFiles.Guarded(model, () => Of(SentencePieceFile.Read(model)));
    }

    /// <inheritdoc/>
    public override IReadOnlyList<int> Encode(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var valid = Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text));
        return [.. AddedToken.Cut(valid, _added).SelectMany(part => part.Id is { } id ? [id] : Words(_map.Normalise(part.Piece)).SelectMany(_model.Apply))];
    }

    /// <inheritdoc/>
    /// <remarks>Blanks before punctuation are left out, as in the original.</remarks>
    public override string Decode(IEnumerable<int> ids)
    {
        var special = _added.Select(token => token.Id).ToHashSet();
        var text = string.Concat(ids.Where(id => !special.Contains(Checked(id))).Select(id => _tokens[id])).Replace(WordMark, ' ');
        return Tidy(text.StartsWith(' ') ? text[1..] : text);
    }

    // As the original's clean_up_tokenization_spaces has it, in this order.
    private static string Tidy(string text) => new[] { " .", " ?", " !", " ,", " ' ", " n't", " 'm", " 's", " 've", " 're" }
        .Aggregate(text, (tidied, mark) => tidied.Replace(mark, mark.Trim(), StringComparison.Ordinal));

    /// <summary>Words at white space, each with the mark of a word's beginning before it.</summary>
    private static IEnumerable<string> Words(string text) => text.Replace(WordMark, ' ')
        .Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries).Select(word => WordMark + word);

    private static T5Tokenizer Of(JsonElement root)
    {
        var model = root.GetProperty("model");
        if (model.GetProperty("type").GetString() != "Unigram") throw new FormatException($"its model is {model.GetProperty("type")}, not Unigram");
        var pieces = model.GetProperty("vocab").EnumerateArray().Select(piece => (piece[0].GetString()!, piece[1].GetDouble())).ToList();
        var added = root.GetProperty("added_tokens").EnumerateArray().Select(token => new AddedToken(
            token.GetProperty("content").GetString()!, token.GetProperty("id").GetInt32(), token.GetProperty("lstrip").GetBoolean(), token.GetProperty("rstrip").GetBoolean()));
        return new T5Tokenizer(pieces, model.GetProperty("unk_id").GetInt32(), Convert.FromBase64String(MapOf(root.GetProperty("normalizer")) ?? ""), [.. added]);
    }

    private static T5Tokenizer Of(SentencePieceFile file)
    {
        var count = file.Pieces.Count;
        var extra = Enumerable.Range(0, ExtraIds).Select(i => new AddedToken($"<extra_id_{i}>", count + ExtraIds - 1 - i, StripLeft: true, StripRight: true));
        var special = new[] { "<pad>", "</s>", "<unk>" }.Select(name => new AddedToken(name, file.Pieces.ToList().FindIndex(piece => piece.Piece == name))).ToList();
        if (special.Find(token => token.Id < 0) is { } missing) throw new FormatException($"it has no piece {missing.Content}");
        return new T5Tokenizer(file.Pieces, special[2].Id, file.CharacterMap, [.. special, .. extra]);
    }

    /// <summary>The table of normalisation, wherever among the steps it stands.</summary>
    private static string? MapOf(JsonElement normalizer) => normalizer.ValueKind != JsonValueKind.Object ? null
        : normalizer.TryGetProperty("precompiled_charsmap", out var map) ? map.GetString()
        : normalizer.TryGetProperty("normalizers", out var steps) ? steps.EnumerateArray().Select(MapOf).FirstOrDefault(found => found is not null) : null;

    private int IdOf(string token) => Array.IndexOf(_tokens, token) is >= 0 and var id ? id : throw new FormatException($"the vocabulary lacks {token}");
}

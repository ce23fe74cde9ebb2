using System.Text;
using System.Text.Json;

namespace Imago.Text;

/// <summary>
/// CLIP's tokenizer (Radford et al. 2021): lower-cased byte-pair encoding in which a word's last token is marked. Ids are those of the current Hugging Face implementation;
/// for English prompts without entities, ligatures or curly quotes OpenAI's and OpenCLIP's are the same.
/// </summary>
/// <remarks>Where the padding token is <c>!</c> (SD 2, SDXL's second encoder) every <c>!</c> in a text becomes that token, as in the original.</remarks>
public sealed class ClipTokenizer : PromptTokenizer
{
    private const string BeginText = "<|startoftext|>", EndOfWord = "</w>", MapName = "special_tokens_map.json", ConfigName = "tokenizer_config.json";
    internal const string EndText = "<|endoftext|>";

    private readonly BytePairMerges _merges;
    private readonly IReadOnlyList<string> _tokens;
    private readonly int[] _bytes, _lastBytes;
    private readonly IReadOnlyList<AddedToken> _inText, _inNormalText;
    private readonly HashSet<int> _special;

    private ClipTokenizer(BytePairFiles files, string padding, bool endIsNormalised)
    {
        (_merges, _tokens) = (files.ToMerges(), files.ToTokens());
        _bytes = [.. Enumerable.Range(0, 256).Select(b => files.IdOf(ByteAlphabet.Of((byte)b).ToString()))];
        _lastBytes = [.. Enumerable.Range(0, 256).Select(b => files.IdOf(ByteAlphabet.Of((byte)b) + EndOfWord))];
        var (begin, end, pad) = (new AddedToken(BeginText, files.IdOf(BeginText)), new AddedToken(EndText, files.IdOf(EndText)), new AddedToken(padding, files.IdOf(padding)));
        (Begin, End, Padding) = (begin.Id, end.Id, pad.Id);
        (_inText, _inNormalText) = endIsNormalised ? ([pad], [begin, end]) : ((AddedToken[])[pad, end], (AddedToken[])[begin]);
        _special = [begin.Id, end.Id, pad.Id];
    }

    /// <inheritdoc/>
    public override int Count => _tokens.Count;

    /// <inheritdoc/>
    public override int? Begin { get; }

    /// <inheritdoc/>
    public override int End { get; }

    /// <inheritdoc/>
    public override int Padding { get; }

    /// <summary>Reads a hub's folder: <c>vocab.json</c> and <c>merges.txt</c> or <c>tokenizer.json</c>, and the padding token from <c>special_tokens_map.json</c> or <c>tokenizer_config.json</c>.</summary>
    /// <param name="folder">The folder.</param>
    /// <exception cref="CheckpointException">The files are missing or are not those of CLIP's tokenizer.</exception>
    public static ClipTokenizer Load(string folder) => Load(folder, null);

    /// <summary>The tokenizer of a folder with another padding token, for an encoder that was trained with that one; null for the folder's own.</summary>
    internal static ClipTokenizer Load(string folder, string? otherPadding)
    {
        var files = BytePairFiles.Read(folder);
        var padding = Special(folder, "pad_token");
        var end = Special(folder, "eos_token");
        var content = otherPadding ?? padding?.Content ?? EndText;
        return new ClipTokenizer(files, content, endIsNormalised: content != EndText && (end?.Normalised ?? true));
    }

    /// <inheritdoc/>
    public override IReadOnlyList<int> Encode(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return [.. AddedToken.Cut(text, _inText).SelectMany(part => part.Id is { } id ? [id] : EncodePiece(Normal(part.Piece)))];
    }

    /// <inheritdoc/>
    public override string Decode(IEnumerable<int> ids)
    {
        var tokens = string.Concat(ids.Where(id => !_special.Contains(Checked(id))).Select(id => _tokens[id]));
        return ByteAlphabet.Decode(tokens.Replace(EndOfWord, " ", StringComparison.Ordinal)).TrimEnd(' ');
    }

    /// <summary>Whether a word ends with the token.</summary>
    internal bool EndsWord(int id) => _tokens[Checked(id)].EndsWith(EndOfWord, StringComparison.Ordinal);

    private IEnumerable<int> EncodePiece(string text) => AddedToken.Cut(text, _inNormalText)
        .SelectMany(part => part.Id is { } id ? [id] : WordSplitter.WithoutSpaces(part.Piece).SelectMany(word => _merges.Apply(Bytes(word))));

    private int[] Bytes(string word)
    {
        var bytes = Encoding.UTF8.GetBytes(word);
        return [.. bytes.Select((b, i) => i + 1 < bytes.Length ? _bytes[b] : _lastBytes[b])];
    }

    /// <summary>Form C, one blank for every run of white space, each character in lower case on its own (no final sigma; İ becomes two characters).</summary>
    private static string Normal(string text)
    {
        var normal = new StringBuilder(text.Length);
        foreach (var rune in CanonicalComposition.Normalise(text).EnumerateRunes())
        {
            if (Rune.IsWhiteSpace(rune)) normal.Append(normal.Length > 0 && normal[^1] == ' ' ? "" : " ");
            else if (rune.Value == 0x130) normal.Append("i\u0307");
            else normal.Append(Rune.ToLowerInvariant(rune).ToString());
        }
        return normal.ToString();
    }

    /// <summary>A special token, written as a text or as an object that says whether it is looked for in the normalised text.</summary>
    private static (string Content, bool Normalised)? Special(string folder, string key)
    {
        foreach (var path in new[] { Path.Combine(folder, MapName), Path.Combine(folder, ConfigName) })
        {
            if (File.Exists(path) && TextFiles.ReadJson(path, root => Of(root, key)) is { } token) return token;
        }
        return null;

        static (string, bool)? Of(JsonElement root, string key)
        {
            if (!root.TryGetProperty(key, out var token)) return null;
            return token.ValueKind == JsonValueKind.Object
                ? (token.GetProperty("content").GetString()!, !token.TryGetProperty("normalized", out var normalised) || normalised.GetBoolean())
                : (token.GetString()!, true);
        }
    }
}

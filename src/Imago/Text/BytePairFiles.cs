using System.Text;
using System.Text.Json;
using Imago.Weights;

namespace Imago.Text;

/// <summary>A vocabulary and its merges, as they stand in <c>vocab.json</c> and <c>merges.txt</c>, or in the <c>model</c> of a <c>tokenizer.json</c>.</summary>
/// <param name="Vocabulary">Id of each token.</param>
/// <param name="Merges">Pairs of tokens, first merge first.</param>
/// <param name="Source">The file's name, for messages.</param>
internal sealed record BytePairFiles(IReadOnlyDictionary<string, int> Vocabulary, IReadOnlyList<(string Left, string Right)> Merges, string Source)
{
    private const string VocabularyName = "vocab.json", MergesName = "merges.txt", WholeName = "tokenizer.json";

    /// <summary>Reads the files of a folder: <c>vocab.json</c> and <c>merges.txt</c>, else <c>tokenizer.json</c>.</summary>
    /// <exception cref="CheckpointException">They are missing, too large, or are not what their names say.</exception>
    internal static BytePairFiles Read(string folder)
    {
        var (vocabulary, merges, whole) = (Path.Combine(folder, VocabularyName), Path.Combine(folder, MergesName), Path.Combine(folder, WholeName));
        if (File.Exists(vocabulary) && File.Exists(merges))
        {
            return TextFiles.ReadJson(vocabulary, root => new BytePairFiles(VocabularyOf(root), [.. Lines(TextFiles.Read(merges)).Select(Pair)], vocabulary));
        }
        if (!File.Exists(whole)) throw new CheckpointException($"{folder} holds no tokenizer: neither {VocabularyName} with {MergesName} nor {WholeName} is there.");
        return TextFiles.ReadJson(whole, root =>
        {
            var model = root.GetProperty("model");
            return new BytePairFiles(VocabularyOf(model.GetProperty("vocab")), [.. model.GetProperty("merges").EnumerateArray().Select(Pair)], whole);
        });
    }

    /// <summary>Writes <c>vocab.json</c> and <c>merges.txt</c>.</summary>
    internal static void Write(string folder, IReadOnlyList<string> vocabulary, IEnumerable<(string Left, string Right)> merges)
    {
        Directory.CreateDirectory(folder);
        var json = JsonSerializer.SerializeToUtf8Bytes(vocabulary.Select((token, id) => (token, id)).ToDictionary(pair => pair.token, pair => pair.id), ConfigJson.Options);
        AtomicFile.Write(Path.Combine(folder, VocabularyName), stream => stream.Write(json));
        var lines = string.Concat(merges.Select(merge => $"{merge.Left} {merge.Right}\n").Prepend("#version: 0.2\n"));
        AtomicFile.Write(Path.Combine(folder, MergesName), stream => stream.Write(Encoding.UTF8.GetBytes(lines)));
    }

    /// <summary>The merges as ids.</summary>
    /// <exception cref="CheckpointException">A merge names a token that the vocabulary lacks.</exception>
    internal BytePairMerges ToMerges() => new(Merges.Select(merge => (IdOf(merge.Left), IdOf(merge.Right), IdOf(merge.Left + merge.Right))));

    /// <summary>The tokens by id; ids that no token has are empty.</summary>
    internal IReadOnlyList<string> ToTokens()
    {
        var tokens = new string[Vocabulary.Count == 0 ? 0 : Vocabulary.Values.Max() + 1];
        Array.Fill(tokens, "");
        foreach (var (token, id) in Vocabulary) tokens[id] = token;
        return tokens;
    }

    internal int IdOf(string token) =>
        Vocabulary.TryGetValue(token, out var id) ? id : throw new CheckpointException($"{Source}: the vocabulary lacks the token '{token}', which this tokenizer needs. Vocabulary and merges may be of different models.");

    private static Dictionary<string, int> VocabularyOf(JsonElement json)
    {
        var vocabulary = json.EnumerateObject().ToDictionary(property => property.Name, property => property.Value.GetInt32());
        if (vocabulary.Values.Any(id => id < 0 || id >= TextFiles.MaximumTokens)) throw new FormatException($"an id lies outside [0, {TextFiles.MaximumTokens})");
        return vocabulary;
    }

    private static IEnumerable<string> Lines(string text) =>
        text.Split('\n').Select(line => line.TrimEnd('\r')).Where((line, i) => line.Length > 0 && !(i == 0 && line.StartsWith("#version", StringComparison.Ordinal)));

    private static (string Left, string Right) Pair(string line) =>
        line.Split(' ') is [var left, var right] ? (left, right) : throw new FormatException($"the merge '{line}' is not two tokens");

    private static (string Left, string Right) Pair(JsonElement merge) =>
        merge.ValueKind == JsonValueKind.String ? Pair(merge.GetString()!) : (merge[0].GetString()!, merge[1].GetString()!);
}

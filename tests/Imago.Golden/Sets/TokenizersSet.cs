using System.Text.Json;
using Imago.Text;
using Imago.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Golden.Sets;

/// <summary>The set <c>tokenizers</c>: ids of texts. A case lists folders of tokenizers, found beside the set's folder (<c>../hub</c>), in groups; the group says which stored ids are theirs.</summary>
internal sealed class TokenizersSet : GoldenSet
{
    /// <inheritdoc/>
    public override string Name => "tokenizers";

    /// <inheritdoc/>
    protected override void Run(GoldenCase golden, Checks check)
    {
        var expected = golden.Json(golden.Entry.GetProperty("config").GetString()!).GetProperty("strings").EnumerateArray().ToList();
        var strings = golden.Json(golden.Entry.GetProperty("strings").GetString()!).EnumerateArray().ToDictionary(text => text.GetProperty("i").GetInt32());
        using var padded = golden.Open(golden.Entry.GetProperty("padded").GetString()!);
        foreach (var group in golden.Entry.GetProperty("tokenizers").EnumerateObject())
        {
            foreach (var folder in group.Value.EnumerateArray().Select(name => name.GetString()!))
            {
                var tokenizer = Load(HubFolder(golden, folder));
                var key = $"pad{tokenizer.Padding}";
                var texts = expected.Select(entry => strings[entry.GetProperty("i").GetInt32()]).ToList();
                foreach (var (text, entry) in texts.Zip(expected)) CompareText(check, folder, tokenizer, key, text, entry);
                ComparePadded(check, folder, tokenizer, padded, texts, row => !IsRecent(texts[row]) && !IsOther(expected[row], folder));
            }
        }
    }

    private static string HubFolder(GoldenCase golden, string folder)
    {
        var path = Path.GetFullPath(golden.PathOf(Path.Combine("..", "..", "hub", folder)));
        return Directory.Exists(path) ? path : throw new NotImplementedHereException($"the tokenizer's folder {folder} is not beside the reference numbers");
    }

    // A CLIP folder holds merges of byte pairs, a T5 folder a unigram model.
    private static PromptTokenizer Load(string path) => File.Exists(Path.Combine(path, "merges.txt")) ? ClipTokenizer.Load(path) : T5Tokenizer.Load(path);

    private static bool IsRecent(JsonElement text) => text.TryGetProperty("recent_unicode", out var recent) && recent.GetBoolean();

    // One folder of a group may deviate for a text.
    private static bool IsOther(JsonElement entry, string folder) => entry.TryGetProperty("other", out var others) && others.TryGetProperty(folder, out _);

    private static void CompareText(Checks check, string folder, PromptTokenizer tokenizer, string padding, JsonElement text, JsonElement entry)
    {
        if (IsRecent(text)) return;
        var name = $"{folder} {text.GetProperty("i")}";
        var want = IsOther(entry, folder) ? entry.GetProperty("other").GetProperty(folder) : entry.TryGetProperty(padding, out var own) ? own : entry.GetProperty("ids");
        var got = tokenizer.Framed(text.GetProperty("text").GetString()!);
        check.True($"{name} ids", got.SequenceEqual(Ids(want)), $"[{string.Join(", ", got)}], expected {want}");
        if (!want.Equals(entry.GetProperty("ids")) && !got.SequenceEqual(Ids(entry.GetProperty("ids")))) return;      // count and text are those of "ids"
        check.Equal($"{name} count", got.Count - (tokenizer.Begin is null ? 1 : 2), entry.GetProperty("count").GetInt32());
        if (tokenizer.Padding != tokenizer.End && got.Contains(tokenizer.Padding)) return;                            // the stored text is of a tokenizer whose padding is no part of texts
        check.Equal($"{name} text", tokenizer.Decode(got), entry.GetProperty("decoded").GetString());
    }

    private static int[] Ids(JsonElement ids) => [.. ids.EnumerateArray().Select(id => id.GetInt32())];

    /// <summary>Tensors <c>ids_L</c> or <c>ids_L_padP</c>, one row a text, or the texts that an <c>index</c> names; masks beside them.</summary>
    private static void ComparePadded(Checks check, string folder, PromptTokenizer tokenizer, TensorFile file, List<JsonElement> texts, Func<int, bool> counts)
    {
        var keys = file.Tensors.Select(entry => entry.Name).ToList();
        foreach (var key in keys.Where(key => key.StartsWith("ids_", StringComparison.Ordinal)))
        {
            var parts = key.Split('_');
            if (parts.Length > 2 && parts[2] != $"pad{tokenizer.Padding}") continue;
            var length = int.Parse(parts[1], System.Globalization.CultureInfo.InvariantCulture);
            var (ids, mask) = (file.Read(key), file.Read(key.Replace("ids_", "mask_", StringComparison.Ordinal)));
            var index = keys.FirstOrDefault(name => name.StartsWith("index_", StringComparison.Ordinal) && name.Split('_').Contains(parts[1]));
            var rows = index is null ? [.. Enumerable.Range(0, texts.Count)] : file.Read(index).to(int64).data<long>().Select(i => (int)i).ToArray();
            var kept = rows.Index().Where(row => counts(row.Item)).ToList();
            var got = kept.Select(row => tokenizer.Padded(texts[row.Item].GetProperty("text").GetString()!, length)).ToList();
            var chosen = tensor(kept.Select(row => (long)row.Index).ToArray());
            check.Exact($"{folder} {key}", stack(got.Select(row => tensor(row.Ids.ToArray()))), ids.index_select(0, chosen));
            check.Exact($"{folder} mask of {key}", stack(got.Select(row => tensor(row.Mask.ToArray()))), mask.index_select(0, chosen));
        }
    }
}

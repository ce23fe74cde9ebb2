using System.Text.Json;
using Imago.Text;
using static TorchSharp.torch;

namespace Imago.Golden.Sets;

/// <summary>The set <c>prompts</c>: grammars of weighted, scheduled and long prompts. A case's name begins with the grammar and says what of it.</summary>
internal sealed partial class PromptsSet : GoldenSet
{
    /// <inheritdoc/>
    public override string Name => "prompts";

    /// <inheritdoc/>
    protected override void Run(GoldenCase golden, Checks check)
    {
        var json = golden.Json(golden.Entry.GetProperty("config").GetString()!);
        switch (golden.Name.Split('/')[0])
        {
            case "a1111_attention": RunAttention(json, check); break;
            case "a1111_schedule": RunSchedule(json, check); break;
            case "a1111_and": RunConjunction(json, check); break;
            case "a1111_chunks": RunChunks(golden, json, check); break;
            case "a1111_weights": RunWeights(golden, json, check); break;
            case "compel_parse": RunCompelParse(json, check); break;
            case "compel_encode": RunCompelEncode(golden, json, check); break;
            case var other: throw new NotImplementedHereException($"Imago does not read prompts as {other} has them");
        }
    }

    private static List<JsonElement> Cases(JsonElement json) => [.. (json.ValueKind == JsonValueKind.Array ? json
        : json.EnumerateObject().Select(property => property.Value).Last(value => value.ValueKind == JsonValueKind.Array)).EnumerateArray()];

    private static WeightedText Weighted(JsonElement pair) => new(pair[0].GetString()!, pair[1].GetDouble());

    private static string Show(IEnumerable<object> items) => string.Join(" ", items);

    private static void RunAttention(JsonElement json, Checks check)
    {
        foreach (var entry in Cases(json))
        {
            var prompt = entry.GetProperty("prompt").GetString()!;
            var got = PromptAttention.Parse(prompt);
            if (!entry.TryGetProperty("parsed", out var parsed)) continue;                // where the original crashes, the number is text here
            var want = parsed.EnumerateArray().Select(Weighted).ToList();
            var same = got.Count == want.Count && got.Zip(want).All(pair => pair.First.Text == pair.Second.Text && Math.Abs(pair.First.Weight - pair.Second.Weight) <= 1e-15 * Math.Abs(pair.Second.Weight));
            check.True(prompt, same, $"{Show(got)}, expected {Show(want)}");
        }
    }

    /// <summary>Keys <c>steps_N</c>, <c>steps_N_hires_M</c>, <c>steps_N_old_rule</c>.</summary>
    private static void RunSchedule(JsonElement json, Checks check)
    {
        foreach (var entry in Cases(json))
        {
            var prompt = entry.GetProperty("prompt").GetString()!;
            foreach (var key in entry.EnumerateObject().Where(property => property.Name.StartsWith("steps_", StringComparison.Ordinal)))
            {
                var parts = key.Name.Split('_');
                var steps = int.Parse(parts[1], System.Globalization.CultureInfo.InvariantCulture);
                var isSecond = parts.Length > 2 && parts[2] == "hires";
                var got = isSecond
                    ? PromptSchedule.Of(prompt, int.Parse(parts[3], System.Globalization.CultureInfo.InvariantCulture), steps)
                    : PromptSchedule.Of(prompt, steps, oldRule: key.Name.EndsWith("old_rule", StringComparison.Ordinal));
                var want = key.Value.EnumerateArray().Select(pair => new ScheduledPrompt(pair[0].GetInt32(), pair[1].GetString()!)).ToList();
                check.True($"{prompt} {key.Name}", got.SequenceEqual(want), $"{Show(got)}, expected {Show(want)}");
            }
        }
    }

    private static void RunConjunction(JsonElement json, Checks check)
    {
        foreach (var entry in Cases(json))
        {
            var texts = entry.GetProperty("flat").EnumerateArray().Select(text => text.GetString()!).ToList();
            var want = entry.GetProperty("indexes_and_weights").EnumerateArray().Select(pair => new WeightedText(texts[pair[0].GetInt32()], pair[1].GetDouble())).ToList();
            var got = PromptAttention.Conjunction(entry.GetProperty("prompt").GetString()!);
            check.True(entry.GetProperty("prompt").GetString()!, got.SequenceEqual(want), $"{Show(got)}, expected {Show(want)}");
        }
    }

    /// <summary>The tokenizer of Stable Diffusion 1.5, or that of 2.1, whose padding token is another.</summary>
    private static ClipTokenizer Clip(GoldenCase golden, string model = "stable-diffusion-v1-5")
    {
        var hub = Path.GetFullPath(golden.PathOf(Path.Combine("..", "..", "hub", model, "tokenizer")));
        return Directory.Exists(hub) ? ClipTokenizer.Load(hub) : throw new NotImplementedHereException($"the tokenizer of {model} is not beside the reference numbers");
    }

    private static void RunChunks(GoldenCase golden, JsonElement json, Checks check)
    {
        var tokenizer = Clip(golden);
        var embeddings = json.GetProperty("embeddings").EnumerateObject().Select(entry => new PromptEmbedding(entry.Name, entry.Value.GetInt32())).ToList();
        foreach (var entry in json.GetProperty("prompts").EnumerateArray())
        {
            var chunker = new PromptChunker(tokenizer, embeddings) { CommaBacktrack = entry.GetProperty("comma_padding_backtrack").GetInt32() };
            var prompt = entry.GetProperty("prompt").GetString()!;
            var (chunks, count) = chunker.Cut(PromptAttention.Parse(prompt));
            check.Equal($"{prompt} count", count, entry.GetProperty("token_count").GetInt32());
            check.Equal($"{prompt} chunks", chunks.Count, entry.GetProperty("chunks").GetArrayLength());
            foreach (var (got, want) in chunks.Zip(entry.GetProperty("chunks").EnumerateArray()))
            {
                check.True($"{prompt} tokens", got.Tokens.SequenceEqual(want.GetProperty("tokens").EnumerateArray().Select(id => id.GetInt32())), $"{string.Join(' ', got.Tokens)}, expected {want.GetProperty("tokens")}");
                var weights = want.GetProperty("multipliers") is { ValueKind: JsonValueKind.Array } list ? list.EnumerateArray().Select(weight => weight.GetDouble()).ToList() : [.. Enumerable.Repeat(1.0, got.Tokens.Count)];
                check.True($"{prompt} weights", got.Weights.Count == weights.Count && got.Weights.Zip(weights).All(pair => Math.Abs(pair.First - pair.Second) <= 1e-15 * Math.Abs(pair.Second)));
                check.True($"{prompt} embeddings", got.Embeddings.SequenceEqual(want.GetProperty("fixes").EnumerateArray().Select(fix => (fix[0].GetInt32(), fix[1].GetString()!))));
            }
        }
    }

    private static void RunWeights(GoldenCase golden, JsonElement json, Checks check)
    {
        using var file = golden.Open(golden.Entry.GetProperty("file").GetString()!);
        var tolerance = golden.Entry.GetProperty("tolerance").GetDouble();
        var chunker = new PromptChunker(Clip(golden));
        foreach (var entry in Cases(json))
        {
            var key = entry.GetProperty("case").ToString();
            var chunks = entry.GetProperty("texts").EnumerateArray().Select(text => chunker.Cut(PromptAttention.Parse(text.GetString()!)).Chunks).ToList();
            var count = chunks.Max(list => list.Count);
            var empty = chunker.Cut(PromptAttention.Parse("")).Chunks[0];
            var filled = chunks.Select(list => list.Concat(Enumerable.Repeat(empty, count - list.Count)).ToList()).ToList();
            int end = empty.Tokens[^1], padding = entry.GetProperty("id_pad").GetInt32();
            var tokens = stack(filled.Select(list => stack(list.Select(chunk => tensor(chunk.PaddedTokens(end, padding).Select(id => (long)id).ToArray())))));
            var weights = stack(filled.Select(list => stack(list.Select(chunk => tensor(chunk.Weights.Select(weight => (float)weight).ToArray())))));
            Tensor Stored(string name) => file.Read($"{key}/{name}");
            check.Exact($"{key} tokens", tokens, Stored("tokens"));
            check.Tensor($"{key} weights", weights, Stored("multipliers"), tolerance);
            var output = Stored("encoder_output");
            Tensor Weighted(Func<Tensor, Tensor, Tensor> rule) => cat([.. Enumerable.Range(0, count).Select(i => rule(output.select(1, i), weights.select(1, i)))], 1);
            check.Tensor($"{key} original", Weighted(TokenWeights.ScaleAtEqualMean), Stored("result_original"), tolerance);
            check.Tensor($"{key} no norm", Weighted(TokenWeights.Scale), Stored("result_no_norm"), tolerance);
        }
    }
}

using System.Text.Json;
using Imago.Text;
using static TorchSharp.torch;

namespace Imago.Golden.Sets;

internal sealed partial class PromptsSet
{
    private const double CompelTolerance = 1e-15;

    private static void RunCompelParse(JsonElement json, Checks check)
    {
        foreach (var entry in Cases(json))
        {
            var prompt = entry.GetProperty("prompt").GetString()!;
            var got = CompelPrompt.Parse(prompt);
            CompareNumbers(check, $"{prompt} weights", got.Weights, entry.GetProperty("weights"));
            var loras = entry.GetProperty("loras").EnumerateArray().ToList();
            check.True($"{prompt} loras", got.Loras.SequenceEqual(loras.Select(lora => (lora[0].GetString()!, lora[1].GetDouble()))));
            check.Equal($"{prompt} parts", got.Parts.Count, entry.GetProperty("prompts").GetArrayLength());
            foreach (var (part, want) in got.Parts.Zip(entry.GetProperty("prompts").EnumerateArray())) ComparePart(check, prompt, part, want);
        }
    }

    private static void ComparePart(Checks check, string prompt, CompelPart part, JsonElement want)
    {
        var isBlend = want.TryGetProperty("blend", out var blend);
        check.Equal($"{prompt} is a blend", part.IsBlend, isBlend);
        List<JsonElement> texts = isBlend ? [.. blend.EnumerateArray()] : [want];
        check.Equal($"{prompt} texts", part.Texts.Count, texts.Count);
        foreach (var (text, expected) in part.Texts.Zip(texts)) CompareFragments(check, prompt, text, expected.GetProperty("fragments"));
        if (!isBlend) return;
        CompareNumbers(check, $"{prompt} blend", part.Weights, want.GetProperty("weights"));
        check.Equal($"{prompt} normalise", part.Normalise, want.GetProperty("normalize").GetBoolean());
    }

    private static void CompareFragments(Checks check, string prompt, IReadOnlyList<CompelFragment> got, JsonElement want)
    {
        check.Equal($"{prompt} fragments", got.Count, want.GetArrayLength());
        foreach (var (fragment, expected) in got.Zip(want.EnumerateArray()))
        {
            if (expected.ValueKind == JsonValueKind.Array)
            {
                var words = fragment as CompelWords;
                check.Equal($"{prompt} text", words?.Text, expected[0].GetString());
                check.Scalar($"{prompt} weight", words?.Weight ?? double.NaN, expected[1].GetDouble(), CompelTolerance);
            }
            else if (fragment is CompelSwap swap) CompareSwap(check, prompt, swap, expected.GetProperty("swap"));
            else check.True($"{prompt} swap", false, $"{fragment} is none");
        }
    }

    private static void CompareSwap(Checks check, string prompt, CompelSwap swap, JsonElement want)
    {
        CompareFragments(check, prompt, swap.Original, want.GetProperty("original"));
        CompareFragments(check, prompt, swap.Edited, want.GetProperty("edited"));
        foreach (var option in want.GetProperty("options").EnumerateObject())
            check.Scalar($"{prompt} {option.Name}", swap.Options.GetValueOrDefault(option.Name, double.NaN), option.Value.GetDouble(), CompelTolerance);
    }

    private static void CompareNumbers(Checks check, string name, IReadOnlyList<double> got, JsonElement want)
    {
        check.Equal($"{name} count", got.Count, want.GetArrayLength());
        foreach (var (number, expected) in got.Zip(want.EnumerateArray())) check.Scalar(name, number, expected.GetDouble(), CompelTolerance);
    }

    private static void RunCompelEncode(GoldenCase golden, JsonElement json, Checks check)
    {
        using var file = golden.Open(golden.Entry.GetProperty("file").GetString()!);
        var tolerance = golden.Entry.GetProperty("tolerance").GetDouble();
        var channels = json.GetProperty("channels").GetInt32();
        ClipTokenizer usual = Clip(golden), padded = Clip(golden, "stable-diffusion-2-1");
        foreach (var entry in json.GetProperty("cases").EnumerateArray())
        {
            var (key, prompt) = (entry.GetProperty("key").GetString()!, entry.GetProperty("prompt").GetString()!);
            var encoder = new CompelEncoder(entry.TryGetProperty("tokenizer", out _) ? padded : usual, (ids, mask) => FakeEncoder(ids, mask, channels), OptionsOf(entry));
            check.Tensor(key, encoder.Encode(prompt), file.Read(key), tolerance);
            if (!file.Contains($"{key}/tokens")) continue;
            var chunks = encoder.Chunks.Cut([.. CompelPrompt.Parse(prompt).Parts[0].Texts[0].OfType<CompelWords>()]);
            check.Exact($"{key} tokens", tensor(chunks.Ids.ToArray()), file.Read($"{key}/tokens"));
            check.Exact($"{key} mask", tensor(chunks.Mask.ToArray()), file.Read($"{key}/mask"));
            check.Tensor($"{key} weights", tensor(chunks.Weights.Select(weight => (float)weight).ToArray()), file.Read($"{key}/weights"), tolerance);
        }
    }

    private static CompelOptions OptionsOf(JsonElement entry) => new()
    {
        Downweighting = Enum.Parse<Downweighting>(entry.GetProperty("downweight").GetString()!, ignoreCase: true),
        Truncate = entry.GetProperty("truncate").GetBoolean(),
        Split = entry.TryGetProperty("split", out var split) ? Enum.Parse<PromptSplit>(split.GetString()!, ignoreCase: true) : default,
        Ends = entry.TryGetProperty("cls", out var ends) && ends.ValueKind == JsonValueKind.String
            ? ends.GetString()!.StartsWith("COPY", StringComparison.Ordinal) ? ChunkEnds.First : ChunkEnds.Mean
            : ChunkEnds.Own,
    };

    /// <summary>The stand-in of a text encoder that the set's description defines: z[t, c] = sin(0.01 id_t (c + 1) + 0.1 t) + 0.02 Σ over unmasked s of cos(0.003 id_s (c + 1)).</summary>
    private static Tensor FakeEncoder(Tensor ids, Tensor mask, int channels)
    {
        var c = arange(1, channels + 1, dtype: float64);
        var id = ids.to(float64).unsqueeze(-1);
        var t = arange(ids.shape[1], dtype: float64).view(1, -1, 1);
        return ((0.01 * id * c + 0.1 * t).sin() + 0.02 * ((0.003 * id * c).cos() * mask.to(float64).unsqueeze(-1)).sum([1L], keepdim: true)).to(float32);
    }
}

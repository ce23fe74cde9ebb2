using System.Text.Json;
using Imago.Text;

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
}

using System.Text.Json;
using System.Text.RegularExpressions;

namespace Imago.Hub;

/// <summary>The components that a <c>model_index.json</c> names: their folders and classes.</summary>
internal static partial class ModelIndex
{
    internal const string FileName = "model_index.json";

    internal const int LongestJson = 1 << 20;

    private const int MostComponents = 64;

    /// <summary>Reads the file: <c>"unet": ["diffusers", "UNet2DConditionModel"]</c> and the like; a component of nulls is not there.</summary>
    /// <exception cref="HubException">It is not such a file.</exception>
    internal static IReadOnlyList<(string Name, string Class)> Components(string json, string source)
    {
        try
        {
            using var document = JsonDocument.Parse(json, new JsonDocumentOptions { MaxDepth = 16 });
            if (document.RootElement.ValueKind != JsonValueKind.Object) throw new HubException($"{source} is no object of components.");
            (string Name, string Class)[] components =
            [
                .. from entry in document.RootElement.EnumerateObject()
                   where entry.Value.ValueKind == JsonValueKind.Array && entry.Value.GetArrayLength() == 2 && entry.Value[1].ValueKind == JsonValueKind.String
                   select (entry.Name, entry.Value[1].GetString()!),
            ];
            if (components.Length is 0 or > MostComponents) throw new HubException($"{source} names {components.Length} components; a pipeline has 1 to {MostComponents}.");
            if (components.FirstOrDefault(component => !NamePattern().IsMatch(component.Name)) is { Name: { } strange }) throw new HubException($"{source} names a component '{strange}', which cannot be a folder's name.");
            return components;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new HubException($"{source} is not valid JSON: {e.Message}", e);
        }
    }

    /// <summary>Whether a component of this class is files of numbers, not only of settings.</summary>
    internal static bool HasWeights(string @class) => !SettingsPattern().IsMatch(@class);

    [GeneratedRegex(@"^[A-Za-z0-9_][A-Za-z0-9_-]{0,63}\z")]
    private static partial Regex NamePattern();

    [GeneratedRegex(@"(Scheduler(Flax)?|Tokenizer(Fast)?|FeatureExtractor|ImageProcessor(Fast)?|Processor)\z")]
    private static partial Regex SettingsPattern();
}

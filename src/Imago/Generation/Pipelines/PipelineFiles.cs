using System.Text.Json;
using System.Text.Json.Nodes;
using Imago.Weights;

namespace Imago.Generation.Pipelines;

/// <summary>Published pipelines in folders, as diffusers writes them.</summary>
public static class PipelineFiles
{
    private const string IndexName = "model_index.json";
    private const long LargestText = 16 << 20;

    /// <summary>Takes a folder apart. Parts that <c>model_index.json</c> names as absent are left out; without that file, the sub-folders tell which there are.</summary>
    /// <param name="folder">The pipeline's folder.</param>
    /// <param name="variant">Which of several files of the same weights is read, such as <c>fp16</c>, where a part has it.</param>
    /// <param name="without">Parts that are left out, whether they are there or not.</param>
    /// <exception cref="CheckpointException">It holds no pipeline, or a part that its index names is missing.</exception>
    public static PipelineParts FromFolder(string folder, string? variant = null, IReadOnlyCollection<string>? without = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        var index = Path.Combine(folder, IndexName);
        var entries = File.Exists(index) ? ReadObject(index) : null;
        var names = entries is null
            ? ComponentNames.All.Where(name => Directory.Exists(Path.Combine(folder, name)))
            : ComponentNames.All.Where(name => entries[name] is JsonArray { Count: 2 } entry && entry.All(value => value is not null));
        var parts = names.Except(without ?? []).ToDictionary(name => name, name => PipelineComponent.FromFolder(name, Path.Combine(folder, name), variant));
        if (!parts.ContainsKey(ComponentNames.UNet) && !parts.ContainsKey(ComponentNames.Transformer))
            throw new CheckpointException($"{folder} holds no pipeline of diffusers: there is neither a {ComponentNames.UNet} nor a {ComponentNames.Transformer} in it.");
        return new() { Source = folder, Components = parts, ForceZerosForEmptyPrompt = Flag(entries?["force_zeros_for_empty_prompt"], true) };
    }

    /// <summary>Whether a folder holds a pipeline whose denoiser reads text: one of Stable Diffusion's.</summary>
    public static bool IsPipeline(string folder) =>
        new[] { ComponentNames.UNet, ComponentNames.Transformer }.Select(name => Path.Combine(folder, name, "config.json")).FirstOrDefault(File.Exists) is { } config
        && ReadObject(config)["_class_name"]?.ToString() is "UNet2DConditionModel" or "SD3Transformer2DModel";

    /// <summary>A text file of a stranger, bounded.</summary>
    internal static string ReadText(string path)
    {
        try
        {
            if (!File.Exists(path)) throw new CheckpointException($"{path}: there is no such file.");
            if (LinkedFile.Length(path) is > LargestText and var length) throw new CheckpointException($"{path} has {length:N0} bytes; a configuration has at most {LargestText:N0}.");
            return File.ReadAllText(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CheckpointException($"{path} cannot be read: {e.Message}", e);
        }
    }

    /// <summary>A text file of a stranger that must be a JSON object.</summary>
    internal static JsonObject ReadObject(string path) => Object(ReadText(path), path);

    /// <summary>A text that must be a JSON object.</summary>
    internal static JsonObject Object(string json, string source)
    {
        try
        {
            return JsonNode.Parse(json, documentOptions: new() { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true }) as JsonObject
                ?? throw new CheckpointException($"{source}: not a JSON object.");
        }
        catch (JsonException e)
        {
            throw new CheckpointException($"{source}: not valid JSON: {e.Message}", e);
        }
    }

    private static bool Flag(JsonNode? node, bool otherwise) => node is JsonValue value && value.TryGetValue(out bool flag) ? flag : otherwise;
}

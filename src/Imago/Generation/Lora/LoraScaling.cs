using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Imago.Weights;

namespace Imago.Generation.Lora;

/// <summary>
/// What stands beside the tensors about their factors: in the header as diffusers writes it (<c>lora_adapter_metadata</c>, a component's keys behind its name), or in PEFT's <c>adapter_config.json</c>.
/// </summary>
internal sealed class LoraScaling
{
    internal const string Metadata = "lora_adapter_metadata";

    private const string PeftWeights = "adapter_model", PeftConfig = "adapter_config.json";
    private static readonly string[] Components = ["unet.", "transformer.", "text_encoder.", "text_encoder_2.", "text_encoder_3."];

    private readonly JsonObject? _config;
    private readonly string _source;

    private LoraScaling(string? json, string source)
    {
        _source = source;
        try
        {
            _config = json is null ? null : JsonNode.Parse(json) as JsonObject ?? throw new CheckpointException($"{source}: not a JSON object.");
        }
        catch (JsonException e)
        {
            throw new CheckpointException($"{source}: not valid JSON: {e.Message}", e);
        }
    }

    /// <summary>What belongs to a file.</summary>
    /// <exception cref="CheckpointException">It is no JSON.</exception>
    internal static LoraScaling Of(TensorFile file)
    {
        if (file.Metadata.TryGetValue(Metadata, out var json)) return new LoraScaling(json, $"{file.Path}: {Metadata}");
        var config = Path.Combine(Path.GetDirectoryName(Path.GetFullPath(file.Path))!, PeftConfig);
        return Path.GetFileName(file.Path).StartsWith(PeftWeights, StringComparison.Ordinal) && File.Exists(config) ? new LoraScaling(File.ReadAllText(config), config) : new LoraScaling(null, file.Path);
    }

    /// <summary>A layer's alpha; null where nothing is said.</summary>
    /// <param name="part">The network.</param>
    /// <param name="layer">The layer's path there, with underscores for dots.</param>
    internal double? Alpha(LoraPart? part, string layer) => Prefixes(part).Select(prefix => Pattern(prefix, layer) ?? Number(_config?[$"{prefix}lora_alpha"])).FirstOrDefault(alpha => alpha is not null);

    /// <summary>Whether alpha stands over the root of the rank.</summary>
    internal bool IsByRoot(LoraPart? part) => Prefixes(part).Any(prefix => _config?[$"{prefix}use_rslora"] is JsonValue value && value.TryGetValue(out bool isByRoot) && isByRoot);

    /// <summary>PEFT: the first pattern that is the path or its end. A dot of a pattern is any character, so also the underscore that stands for it here.</summary>
    private double? Pattern(string prefix, string layer)
    {
        foreach (var (pattern, alpha) in _config?[$"{prefix}alpha_pattern"] as JsonObject ?? [])
            if (Matches(layer, pattern.TrimStart('^').Replace(@"\.", ".", StringComparison.Ordinal))) return Number(alpha);
        return null;
    }

    private bool Matches(string layer, string pattern)
    {
        try
        {
            return Regex.IsMatch(layer, $"^(.*_)?({pattern})$", RegexOptions.CultureInvariant | RegexOptions.NonBacktracking);
        }
        catch (Exception e) when (e is ArgumentException or NotSupportedException)
        {
            throw new CheckpointException($"{_source}: the pattern '{pattern}' of a layer with an alpha of its own cannot be read: {e.Message}", e);
        }
    }

    private static IEnumerable<string> Prefixes(LoraPart? part) => part switch
    {
        LoraPart.Denoiser => [Components[0], Components[1], ""],
        { } encoder => [Components[1 + (int)encoder], ""],
        null => ["", Components[0], Components[1]],
    };

    private double? Number(JsonNode? node) => node is null ? null
        : node is JsonValue value && value.TryGetValue(out double number) && double.IsFinite(number) ? number
        : throw new CheckpointException($"{_source}: {node.GetPath()} is {node.ToJsonString()}; expected a number.");
}

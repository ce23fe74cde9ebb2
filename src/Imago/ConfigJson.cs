using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Imago;

/// <summary>How configurations stand in files: the record is the JSON, keys in snake_case, unknown keys refused, comments allowed.</summary>
internal static class ConfigJson
{
    internal static JsonSerializerOptions Options { get; } = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        RespectNullableAnnotations = true,
        RespectRequiredConstructorParameters = true,
        AllowOutOfOrderMetadataProperties = true,
        ReadCommentHandling = JsonCommentHandling.Skip,
        AllowTrailingCommas = true,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        WriteIndented = true,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower, allowIntegerValues: false) },
    };

    private static readonly JsonSerializerOptions Compact = new(Options) { WriteIndented = false };

    internal static string WriteCompact<T>(T config) => JsonSerializer.Serialize(config, Compact);

    internal static string Write<T>(T config) => JsonSerializer.Serialize(config, Options);

    /// <exception cref="CheckpointException">The text is not such a configuration; the message names the source and what is wrong.</exception>
    internal static T Read<T>(string json, string source)
    {
        try
        {
            return JsonSerializer.Deserialize<T>(json, Options) ?? throw new CheckpointException($"{source}: the configuration is null.");
        }
        catch (Exception e) when (e is JsonException or NotSupportedException)
        {
            throw new CheckpointException($"{source} is not a {typeof(T).Name} that this version of Imago reads: {e.Message}", e);
        }
    }
}

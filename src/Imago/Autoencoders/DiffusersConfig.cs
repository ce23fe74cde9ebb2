using System.Text.Json;
using System.Text.Json.Nodes;

namespace Imago.Autoencoders;

/// <summary>The <c>config.json</c> of a diffusers autoencoder, read as it stands.</summary>
internal static class DiffusersConfig
{
    /// <summary>
    /// Keys of AutoencoderTiny that describe what its published classes all share: accepted with these values, refused with others, for then
    /// the network would be another one. <c>block_out_channels</c> repeats the encoder's and <c>force_upcast</c> changes no number.
    /// </summary>
    private static readonly (string Key, string[] Values)[] TinyConstants =
        [("act_fn", ["relu"]), ("upsample_fn", ["nearest"]), ("upsampling_scaling_factor", ["2"])];

    /// <summary>The configuration of the network that the file describes.</summary>
    /// <param name="json">The file's text.</param>
    /// <param name="source">Its name, for messages.</param>
    /// <exception cref="CheckpointException">It is another class, or it asks for what Imago's network does not have.</exception>
    internal static AutoencoderConfig Parse(string json, string source)
    {
        var config = ReadObject(json, source);
        var kind = config["_class_name"]?.ToString();
        foreach (var key in config.Select(entry => entry.Key).Where(key => key.StartsWith('_')).ToList()) config.Remove(key);
        config["network"] = kind switch
        {
            "AutoencoderKL" => "kl",
            "AutoencoderTiny" => "tiny",
            _ => throw new CheckpointException($"{source}: _class_name is {kind ?? "missing"}; Imago reads AutoencoderKL and AutoencoderTiny."),
        };
        if (kind == "AutoencoderTiny") RemoveTinyConstants(config, source);
        return AutoencoderConfig.Parse(config.ToJsonString(), source);
    }

    private static void RemoveTinyConstants(JsonObject config, string source)
    {
        foreach (var (key, values) in TinyConstants)
        {
            if (config[key]?.ToString() is { } value && !values.Contains(value))
                throw new CheckpointException($"{source}: {key} is {value}; Imago's network of this class has {string.Join(" or ", values)}.");
            config.Remove(key);
        }
        config.Remove("block_out_channels");
        config.Remove("force_upcast");
    }

    private static JsonObject ReadObject(string json, string source)
    {
        try
        {
            return JsonNode.Parse(json) as JsonObject ?? throw new CheckpointException($"{source}: not a JSON object.");
        }
        catch (JsonException e)
        {
            throw new CheckpointException($"{source}: not valid JSON: {e.Message}", e);
        }
    }
}

using System.Text.Json.Nodes;

namespace Imago.Models;

/// <summary>
/// Configurations of DiT from before 2024 name the class <c>Transformer2DModel</c>, which then stood for several networks: they are DiT's when the norms are
/// <c>ada_norm_zero</c> and the keys of the other networks are off.
/// </summary>
internal static class OlderDiT
{
    internal const string ClassName = "Transformer2DModel";

    private static readonly string[] OfOtherNetworks =
    [
        "caption_channels", "cross_attention_dim", "double_self_attention", "interpolation_scale", "num_vector_embeds", "only_cross_attention", "use_additional_conditions",
        "use_linear_projection",
    ];

    /// <summary>Makes it a configuration of today's class.</summary>
    /// <exception cref="CheckpointException">It is one of another network.</exception>
    internal static void Modernise(JsonObject config, string source)
    {
        if (config["norm_type"]?.ToString() != "ada_norm_zero") throw Refused(source, "norm_type", config["norm_type"], "ada_norm_zero");
        if (config["attention_type"] is { } attention && attention.ToString() != "default") throw Refused(source, "attention_type", attention, "default");
        config.Remove("attention_type");
        foreach (var key in OfOtherNetworks)
        {
            if (config[key] is { } value && value.ToString() != "false") throw Refused(source, key, value, "null or false");
            config.Remove(key);
        }
        config["_class_name"] = "DiTTransformer2DModel";
    }

    private static CheckpointException Refused(string source, string key, JsonNode? got, string expected) =>
        new($"{source}: a {ClassName} whose {key} is {got?.ToString() ?? "missing"}; Imago reads those that are DiT, where it is {expected}.");
}

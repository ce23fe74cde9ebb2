using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Imago.Layers;
using static TorchSharp.torch;

namespace Imago.Models;

/// <summary>
/// What a denoising network is made of. The record is the hub's <c>config.json</c>: its keys in snake_case, its kind under <c>_class_name</c>, its defaults where a
/// key is missing. A key that the network does not have is refused, not ignored.
/// </summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = ClassKey)]
[JsonDerivedType(typeof(UNet2DConfig), "UNet2DModel")]
[JsonDerivedType(typeof(UNet2DConditionConfig), "UNet2DConditionModel")]
[JsonDerivedType(typeof(DiTConfig), "DiTTransformer2DModel")]
[JsonDerivedType(typeof(MMDiTConfig), "SD3Transformer2DModel")]
public abstract record DenoiserConfig
{
    private const string ClassKey = "_class_name";

    private static readonly JsonSerializerOptions Json = new(ConfigJson.Options) { Converters = { new NullIsFalse() } };

    /// <summary>Builds the network with fresh weights for training.</summary>
    /// <param name="seed">Where the weights come from.</param>
    /// <exception cref="ArgumentException">A value is out of range or two contradict each other; the message names the key.</exception>
    public DenoisingNetwork Create(long seed = 0)
    {
        Validate();
        var network = Seeded.Build(seed, Build);
        network.BeginTraining();
        return network;
    }

    /// <summary>Builds the network without values, for a file to fill; on the device <c>meta</c> it has shapes and no memory.</summary>
    /// <exception cref="ArgumentException">A value is out of range or two contradict each other; the message names the key.</exception>
    internal DenoisingNetwork CreateEmpty(Device device)
    {
        Validate();
        using var _ = Initialization.On(device, draw: false);
        return Build();
    }

    /// <summary>The record as the hub's JSON.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, Json);

    /// <summary>Reads a hub's <c>config.json</c>, or what <see cref="ToJson"/> wrote. Keys that begin with an underscore are remarks.</summary>
    /// <param name="json">The text.</param>
    /// <param name="source">The file's name, for messages.</param>
    /// <exception cref="CheckpointException">It is not valid JSON, its class or a key is unknown, or a value is of the wrong kind.</exception>
    public static DenoiserConfig Parse(string json, string source = "configuration")
    {
        try
        {
            var config = JsonNode.Parse(json, documentOptions: new() { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true }) as JsonObject
                ?? throw new CheckpointException($"{source}: not a JSON object.");
            if (config[ClassKey] is null) throw new CheckpointException($"{source}: {ClassKey} is missing, which says what network it is: {string.Join(", ", Classes)}.");
            foreach (var key in config.Select(entry => entry.Key).Where(key => key.StartsWith('_') && key != ClassKey).ToList()) config.Remove(key);
            if (config[ClassKey]!.ToString() == OlderDiT.ClassName) OlderDiT.Modernise(config, source);
            return config.Deserialize<DenoiserConfig>(Json)!;
        }
        catch (Exception e) when (e is JsonException or NotSupportedException or InvalidOperationException or ArgumentException)
        {
            throw new CheckpointException($"{source}: not a configuration of a network that Imago has ({string.Join(", ", Classes)}): {e.Message}", e);
        }
    }

    /// <summary>Throws when the values cannot make a network.</summary>
    /// <exception cref="ArgumentException">The message names the key and what it must be.</exception>
    public abstract void Validate();

    /// <summary>Builds the network; the values are valid, the generator is seeded.</summary>
    private protected abstract DenoisingNetwork Build();

    private static IEnumerable<string> Classes => typeof(DenoiserConfig).GetCustomAttributes(typeof(JsonDerivedTypeAttribute), false).Cast<JsonDerivedTypeAttribute>().Select(kind => $"{kind.TypeDiscriminator}");

    /// <summary>The files were written by Python, where null counts as false.</summary>
    private sealed class NullIsFalse : JsonConverter<bool>
    {
        public override bool HandleNull => true;

        public override bool Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => reader.TokenType != JsonTokenType.Null && reader.GetBoolean();

        public override void Write(Utf8JsonWriter writer, bool value, JsonSerializerOptions options) => writer.WriteBooleanValue(value);
    }
}

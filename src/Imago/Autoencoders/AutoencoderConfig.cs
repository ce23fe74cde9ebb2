using System.Text.Json;
using System.Text.Json.Serialization;
using Imago.Models;

namespace Imago.Autoencoders;

/// <summary>
/// What an autoencoder is made of. The record is the JSON file (keys in snake_case, the kind of network under <c>network</c>): what is written in
/// one run is read back to build the same network.
/// </summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "network")]
[JsonDerivedType(typeof(MlpConfig), "mlp")]
[JsonDerivedType(typeof(ConvConfig), "conv")]
[JsonDerivedType(typeof(KlConfig), "kl")]
[JsonDerivedType(typeof(TinyConfig), "tiny")]
public abstract record AutoencoderConfig
{
    private static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        RespectNullableAnnotations = true,
        AllowOutOfOrderMetadataProperties = true,
        ReadCommentHandling = JsonCommentHandling.Skip,
        AllowTrailingCommas = true,
        WriteIndented = true,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower, allowIntegerValues: false) },
    };

    private static readonly ConfigRules Rules = new("Autoencoder configuration");

    /// <summary>Whether the decoder gives logits, which a Bernoulli likelihood needs, and not the pixels themselves.</summary>
    [JsonIgnore]
    public virtual bool GivesLogits => false;

    /// <summary>Builds the network with fresh weights.</summary>
    /// <param name="seed">Where the weights come from: the same seed gives the same weights, those that PyTorch would draw for the same layers.</param>
    /// <remarks>libtorch's process-wide generator is left as it was.</remarks>
    /// <exception cref="ArgumentException">A value is out of range or two values contradict each other; the message names them.</exception>
    public Autoencoder Create(long seed = 0)
    {
        Validate();
        return Seeded.Build(seed, Build);
    }

    /// <summary>Throws when the values cannot make a network.</summary>
    /// <exception cref="ArgumentException">The message names the value and what it must be.</exception>
    public abstract void Validate();

    /// <summary>The record as JSON.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, Json);

    /// <summary>Reads what <see cref="ToJson"/> wrote. Comments are allowed; unknown keys are not.</summary>
    /// <param name="json">The text.</param>
    /// <param name="source">The file's name, for messages.</param>
    /// <exception cref="CheckpointException">It is not valid JSON, a key is unknown or missing, or a value is of the wrong kind.</exception>
    public static AutoencoderConfig Parse(string json, string source = "configuration")
    {
        try
        {
            return JsonSerializer.Deserialize<AutoencoderConfig>(json, Json) ?? throw new CheckpointException($"{source}: the configuration is null.");
        }
        catch (Exception e) when (e is JsonException or NotSupportedException)
        {
            throw new CheckpointException($"{source}: not a configuration of an autoencoder: {e.Message}", e);
        }
    }

    /// <summary>Builds the network; the values are valid, the generator is seeded.</summary>
    internal abstract Autoencoder Build();

    /// <summary>Throws with the key's name unless <paramref name="holds"/>.</summary>
    private protected static void Require(bool holds, string key, object? got, string expected) => Rules.Require(holds, key, got, expected);
}

using System.Text.Json;
using System.Text.Json.Serialization;

namespace Imago.Models;

/// <summary>A value of a configuration that is the same at every resolution of a network, or one for each. In JSON it is the value or a list.</summary>
/// <typeparam name="T">Its type.</typeparam>
[JsonConverter(typeof(PerLevelConverter))]
public sealed class PerLevel<T>
{
    private readonly IReadOnlyList<T> values;

    /// <summary>The same value at every level.</summary>
    public PerLevel(T value) => (values, IsList) = ([value], false);

    /// <summary>One value for each level.</summary>
    public PerLevel(IReadOnlyList<T> values) => (this.values, IsList) = (values, true);

    /// <summary>Whether there is one value for each level.</summary>
    public bool IsList { get; }

    /// <summary>The values: one that holds for all levels, or one for each.</summary>
    public IReadOnlyList<T> Values => values;

    /// <summary>The value at a level.</summary>
    public T this[int level] => IsList ? values[level] : values[0];

    /// <summary>Whether the values suffice for so many levels.</summary>
    internal bool Fits(int levels) => !IsList || values.Count == levels;

    /// <summary>The same value at every level.</summary>
    public static implicit operator PerLevel<T>(T value) => new(value);

    /// <inheritdoc/>
    public override string ToString() => IsList ? $"[{string.Join(", ", values)}]" : $"{values[0]}";
}

/// <summary>A value, or a list.</summary>
internal sealed class PerLevelConverter : JsonConverterFactory
{
    public override bool CanConvert(Type typeToConvert) => typeToConvert.IsGenericType && typeToConvert.GetGenericTypeDefinition() == typeof(PerLevel<>);

    public override JsonConverter CreateConverter(Type typeToConvert, JsonSerializerOptions options) =>
        (JsonConverter)Activator.CreateInstance(typeof(Converter<>).MakeGenericType(typeToConvert.GetGenericArguments()))!;

    private sealed class Converter<T> : JsonConverter<PerLevel<T>>
    {
        public override PerLevel<T> Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => reader.TokenType == JsonTokenType.StartArray
            ? new PerLevel<T>(JsonSerializer.Deserialize<List<T>>(ref reader, options)!)
            : new PerLevel<T>(JsonSerializer.Deserialize<T>(ref reader, options)!);

        public override void Write(Utf8JsonWriter writer, PerLevel<T> value, JsonSerializerOptions options)
        {
            if (value.IsList) JsonSerializer.Serialize(writer, value.Values, options);
            else JsonSerializer.Serialize(writer, value.Values[0], options);
        }
    }
}

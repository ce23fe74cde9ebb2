using Imago.Data;
using Imago.Generation.Conditions;
using Imago.Models;
using Imago.Text;

namespace Imago.Generation;

/// <summary>Which input of the network the conditioner's vector goes to.</summary>
public enum ConditionVector
{
    /// <summary><see cref="Conditioning.Pooled"/>.</summary>
    Pooled,

    /// <summary><see cref="Conditioning.Classes"/>, of networks that take vectors there.</summary>
    Classes,
}

/// <summary>What pictures can be asked for by. The record is the JSON.</summary>
public sealed record ConditionerConfig
{
    /// <summary>The conditions, at most one of each kind.</summary>
    public IReadOnlyList<ConditionConfig> Conditions { get; init; } = [];

    /// <summary>D, length of the vector that the conditions add up to.</summary>
    public int Width { get; init; } = 256;

    /// <summary>Where that vector goes.</summary>
    public ConditionVector Vector { get; init; } = ConditionVector.Pooled;

    /// <summary>Share of the images of a training step of which everything is withheld (Ho and Salimans 2022).</summary>
    public double Dropout { get; init; } = 0.1;

    /// <summary>Builds the conditioner with fresh weights.</summary>
    /// <param name="seed">Where the weights come from.</param>
    /// <param name="tokenizer">What cuts captions, if there is a condition on text.</param>
    /// <exception cref="ArgumentException">A value is out of range or two contradict each other; the message names the key.</exception>
    public Conditioner Create(long seed = 0, Tokenizer? tokenizer = null)
    {
        Validate();
        if (Conditions.OfType<TextConditionConfig>().FirstOrDefault() is { } text && tokenizer?.Count != text.Vocabulary)
            throw new ArgumentException($"Conditioner: the condition on text has a vocabulary of {text.Vocabulary}, and {(tokenizer is null ? "there is no tokenizer" : $"the tokenizer has {tokenizer.Count} tokens")}; they must agree.", nameof(tokenizer));
        return Seeded.Build(seed, () => new Conditioner(this, tokenizer));
    }

    /// <summary>Throws when the values cannot make a conditioner.</summary>
    /// <exception cref="ArgumentException">The message names the key and what it must be.</exception>
    public void Validate()
    {
        Require(Width is >= 1 and <= 16384, "width", Width, "between 1 and 16384");
        Require(Dropout is >= 0 and <= 1, "dropout", Dropout, "between 0 and 1");
        var kinds = Conditions.Select(condition => condition.Kind).ToList();
        Require(kinds.Distinct().Count() == kinds.Count, "conditions", string.Join(", ", kinds), "at most one of each kind");
        foreach (var condition in Conditions) condition.Validate();
        var numbers = Conditions.OfType<ClassConditionConfig>().Any(condition => !condition.Embed);
        Require(!numbers || Vector != ConditionVector.Classes || Conditions.Count == 1, "vector", "classes", "pooled where class numbers go to the network as they are");
    }

    internal static void Require(bool holds, string key, object? got, string expected)
    {
        if (!holds) throw new ArgumentException(FormattableString.Invariant($"Conditioner: {key} is {got ?? "missing"}; it must be {expected}."));
    }
}

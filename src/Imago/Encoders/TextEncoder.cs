using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Encoders;

/// <summary>What an encoder makes of texts or pictures.</summary>
/// <param name="HiddenStates">The tokens that enter the first layer and those that leave each layer, [B, L, D]: one more than there are layers.</param>
/// <param name="Last">The encoder's result for each token, [B, L, D].</param>
public sealed record EncoderOutput(IReadOnlyList<Tensor> HiddenStates, Tensor Last)
{
    /// <summary>One vector for each text or picture, [B, D]; null for an encoder without one.</summary>
    public Tensor? Pooled { get; init; }

    /// <summary><see cref="Pooled"/> in the space that texts and pictures share, [B, E], not normalised; null for an encoder without such a space.</summary>
    public Tensor? Embedding { get; init; }

    /// <summary>All tensors, each once.</summary>
    internal IEnumerable<Tensor> Tensors => ((Tensor?[])[.. HiddenStates, Last, Pooled, Embedding]).OfType<Tensor>().Distinct(ReferenceEqualityComparer.Instance).Cast<Tensor>();

    /// <summary>What a function gives, without what it made on the way.</summary>
    internal static EncoderOutput Of(Func<EncoderOutput> compute)
    {
        using var scope = NewDisposeScope();
        var output = compute();
        foreach (var tensor in output.Tensors) tensor.MoveToOuterDisposeScope();
        return output;
    }
}

/// <summary>A network that reads tokens of a text.</summary>
public abstract class TextEncoder : nn.Module
{
    /// <summary>Names the module.</summary>
    protected TextEncoder(string name)
        : base(name)
    {
    }

    /// <summary>What the network is made of: enough to build it again.</summary>
    public abstract TextEncoderConfig Config { get; }

    /// <summary>Reads texts.</summary>
    /// <param name="ids">Numbers of tokens, int64 [B, L].</param>
    /// <param name="mask">1 for each token that counts, 0 for padding, [B, L]; null if all do.</param>
    /// <param name="type">The type to compute in, float32 or bfloat16.</param>
    /// <exception cref="ArgumentException">The texts are longer than the network reads, or hold a token that it does not know.</exception>
    public EncoderOutput Encode(Tensor ids, Tensor? mask = null, ScalarType type = ScalarType.Float32)
    {
        ArgumentNullException.ThrowIfNull(ids);
        if (ids.dim() != 2 || ids.dtype != ScalarType.Int64) throw new ArgumentException($"{GetName()}: the tokens are {ids.dtype} [{string.Join(", ", ids.shape)}]; expected Int64 [batch, length].", nameof(ids));
        if (ids.numel() > 0) RefuseUnknown(ids);
        return EncoderOutput.Of(() => Compute(ids, mask, type));
    }

    /// <summary>A hidden state as if it were the last: normalised as the network normalises what leaves its last layer.</summary>
    /// <param name="hidden">[B, L, D].</param>
    public abstract Tensor Normalised(Tensor hidden);

    private void RefuseUnknown(Tensor ids)
    {
        using var scope = NewDisposeScope();
        var (smallest, largest) = (ids.min().item<long>(), ids.max().item<long>());
        if (smallest < 0 || largest >= Config.VocabSize)
            throw new ArgumentException($"{GetName()}: a token {(smallest < 0 ? smallest : largest)}; the network knows those from 0 to {Config.VocabSize - 1}. Was the text cut by another network's tokenizer?", nameof(ids));
    }

    private protected abstract EncoderOutput Compute(Tensor ids, Tensor? mask, ScalarType type);
}

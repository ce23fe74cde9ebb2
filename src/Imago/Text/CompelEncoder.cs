using static TorchSharp.torch;

namespace Imago.Text;

/// <summary>A text encoder of fixed length as prompts see it.</summary>
/// <param name="ids">int64 [1, L]; not changed.</param>
/// <param name="mask">int64 [1, L], 1 for the tokens that are attended to; not changed.</param>
/// <returns>[1, L, D], fresh.</returns>
public delegate Tensor TokenEncoder(Tensor ids, Tensor mask);

/// <summary>How words of a weight below 1 are taken away.</summary>
public enum Downweighting
{
    /// <summary>Nothing attends to them.</summary>
    Mask,

    /// <summary>Their tokens are left out, and those after them move up.</summary>
    Remove,
}

/// <summary>Where a prompt that is too long for the encoder is cut, if it can be; else at the next lesser boundary.</summary>
public enum PromptSplit
{
    /// <summary>After the last sentence that fits.</summary>
    Sentences,

    /// <summary>After the last phrase that fits.</summary>
    Phrases,

    /// <summary>After the last word that fits.</summary>
    Words,

    /// <summary>After the last token that fits.</summary>
    Brutal,
}

/// <summary>What becomes of the end tokens of the chunks of a long prompt.</summary>
public enum ChunkEnds
{
    /// <summary>Each chunk keeps its own.</summary>
    Own,

    /// <summary>All get the vector of the first.</summary>
    First,

    /// <summary>All get the mean of their vectors.</summary>
    Mean,
}

/// <summary>Choices of a <see cref="CompelEncoder"/>.</summary>
public sealed record CompelOptions
{
    /// <summary>How words of a weight below 1 are taken away.</summary>
    public Downweighting Downweighting { get; init; }

    /// <summary>Whether what does not fit into the encoder is dropped; else it makes further chunks.</summary>
    public bool Truncate { get; init; } = true;

    /// <summary>Where long prompts are cut.</summary>
    public PromptSplit Split { get; init; }

    /// <summary>What becomes of the end tokens of their chunks.</summary>
    public ChunkEnds Ends { get; init; }
}

/// <summary>
/// Encodes prompts in compel's grammar. A weight w moves a token's vector along the line from the empty prompt's: z∅ + w (z − z∅). For each piece of w &lt; 1 the prompt without it is
/// mixed in with the weight tan((1 − w) π/2) against 1. Blends are weighted sums, conjunctions stand one after the other.
/// </summary>
/// <param name="tokenizer">The encoder's tokenizer.</param>
/// <param name="encode">The encoder.</param>
/// <param name="options">Choices; null for the usual ones.</param>
/// <param name="length">L, the tokens that the encoder takes.</param>
public sealed class CompelEncoder(ClipTokenizer tokenizer, TokenEncoder encode, CompelOptions? options = null, int length = 77)
{
    private const double SmallestWeight = 1e-5;
    private readonly CompelOptions _options = options ?? new();
    private readonly CompelChunks _chunks = new(tokenizer, options ?? new(), length);

    /// <summary>Encodes a prompt.</summary>
    /// <returns>[1, L·chunks, D]; the caller owns it.</returns>
    /// <exception cref="ArgumentException">The prompt is contradictory or swaps words, which is a matter of attention and not of encoding.</exception>
    public Tensor Encode(string prompt)
    {
        var parsed = CompelPrompt.Parse(prompt);
        return WrappedTensorDisposeScope(() =>
        {
            var empty = Plain(_chunks.Empty);
            if (parsed.Parts.Count == 0) return empty;
            var parts = parsed.Parts.Zip(parsed.Weights, (part, weight) => Part(part, empty) is var z && weight == 1 ? z : Along(Repeat(empty, z), z, weight));
            return cat([.. parts], 1);
        });
    }

    internal CompelChunks Chunks => _chunks;

    private static Tensor Along(Tensor from, Tensor to, double share) => from + share * (to - from);

    private Tensor Repeat(Tensor empty, Tensor z) => empty.repeat(1, z.shape[1] / length, 1);

    private Tensor Part(CompelPart part, Tensor empty)
    {
        var texts = part.Texts.Select(text => Text(text, empty)).ToList();
        if (!part.IsBlend) return texts[0];
        var longest = texts.Max(z => z.shape[1]);
        var filled = texts.Select(z => z.shape[1] == longest ? z : cat([z, empty.repeat(1, (longest - z.shape[1]) / length, 1)], 1));
        return Mix([.. filled], part.Weights, part.Normalise);
    }

    private Tensor Text(IReadOnlyList<CompelFragment> fragments, Tensor empty)
    {
        var words = fragments.Select(fragment => fragment as CompelWords ?? throw new ArgumentException("The prompt swaps words (.swap), which needs control of attention; leave the swap out.")).ToList();
        var whole = _chunks.Cut(words);
        var (versions, weights) = (new List<Tensor> { Weighted(whole, empty) }, new List<double> { 1 });
        foreach (var (index, word) in words.Index().Where(word => word.Item.Weight < 1 && whole.Pieces.Contains(word.Index)))
        {
            var without = _options.Downweighting == Downweighting.Mask ? whole.Without(index) : _chunks.Cut([.. words.Where((_, i) => i != index)]);
            versions.Add(Fill(Weighted(without, empty), versions[0], empty));
            weights.Add(Math.Tan((1 - Math.Max(SmallestWeight, word.Weight)) * Math.PI / 2));
        }
        return Mix(versions, weights, normalise: true);
    }

    // Without a piece a prompt may need fewer chunks.
    private Tensor Fill(Tensor z, Tensor like, Tensor empty) => z.shape[1] == like.shape[1] ? z : cat([z, empty.repeat(1, (like.shape[1] - z.shape[1]) / length, 1)], 1);

    private static Tensor Mix(IReadOnlyList<Tensor> parts, IReadOnlyList<double> weights, bool normalise)
    {
        var sum = normalise ? weights.Sum() : 1;
        return parts.Zip(weights, (z, weight) => weight / sum * z).Aggregate((a, b) => a + b);
    }

    private Tensor Weighted(CompelTokens tokens, Tensor empty)
    {
        var z = Plain(tokens);
        var w = tensor(tokens.Weights.Select(weight => (float)weight).ToArray(), dtype: z.dtype, device: z.device).view(1, -1, 1);
        var from = Repeat(empty, z);
        return from + w * (z - from);
    }

    private Tensor Plain(CompelTokens tokens)
    {
        var chunks = tokens.Ids.Chunk(length).Zip(tokens.Mask.Chunk(length), (ids, mask) => encode(tensor(ids).view(1, -1), tensor(mask).view(1, -1))).ToList();
        var z = cat(chunks, 1);
        if (_options.Ends == ChunkEnds.Own || chunks.Count == 1) return z;
        var ends = tensor(tokens.Ends.Select(end => (long)end).ToArray(), device: z.device);
        var vectors = z.index_select(1, ends);
        var shared = _options.Ends == ChunkEnds.First ? vectors.narrow(1, 0, 1) : vectors.mean([1L], keepdim: true);
        return z.index_copy(1, ends, shared.expand_as(vectors));
    }
}

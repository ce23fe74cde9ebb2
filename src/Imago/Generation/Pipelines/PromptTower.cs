using Imago.Encoders;
using Imago.Models;
using Imago.Text;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Generation.Pipelines;

/// <summary>A prompt as an encoder gets it.</summary>
/// <param name="Ids">Rows of the length that the encoder reads at once; one for each chunk.</param>
/// <param name="Weights">How much each token counts.</param>
/// <param name="Reading">How it is read.</param>
internal sealed record CutPrompt(IReadOnlyList<IReadOnlyList<long>> Ids, IReadOnlyList<IReadOnlyList<double>> Weights, PromptReading Reading)
{
    /// <summary>One row whose tokens all count alike.</summary>
    internal static CutPrompt Of(IReadOnlyList<long> ids, PromptReading reading) => new([ids], [[.. ids.Select(_ => 1.0)]], reading);

    /// <summary>With rows of another prompt behind its own, up to a number of rows.</summary>
    internal CutPrompt Filled(CutPrompt with, int rows) => this with
    {
        Ids = [.. Ids, .. Enumerable.Repeat(with.Ids[0], rows - Ids.Count)],
        Weights = [.. Weights, .. Enumerable.Repeat(with.Weights[0], rows - Weights.Count)],
    };
}

/// <summary>What one text encoder makes of a prompt.</summary>
/// <param name="Tokens">[1, L, D].</param>
/// <param name="Pooled">[1, E], of encoders with a projection.</param>
internal sealed record TowerOutput(Tensor Tokens, Tensor? Pooled);

/// <summary>A tokenizer and the encoder that reads its tokens.</summary>
/// <param name="Tokenizer">The tokenizer.</param>
/// <param name="Encoder">The encoder; it belongs to the conditioner.</param>
/// <param name="IsPenultimate">Whether the last layer and the final norm are never used (SDXL and SD3), for a CLIP.</param>
internal sealed record PromptTower(PromptTokenizer Tokenizer, TextEncoder Encoder, bool IsPenultimate)
{
    private const int ChunkTokens = PromptChunker.Length + 2;

    /// <summary>Where the tokenizer's files are; null if they are not known.</summary>
    internal string? TokenizerFolder { get; init; }

    /// <summary>Whether it is a CLIP, which reads in chunks.</summary>
    internal bool IsClip => Encoder.Config is ClipTextConfig;

    /// <summary>Features of a token.</summary>
    internal int Width => Encoder.Config switch
    {
        ClipTextConfig clip => clip.HiddenSize,
        T5Config t5 => t5.DModel,
        var other => throw new InvalidOperationException($"{other.GetType().Name} is no text encoder of a pipeline."),
    };

    /// <summary>Cuts a prompt into tokens.</summary>
    internal CutPrompt Cut(string text, PromptReading reading)
    {
        var length = Encoder.Config is ClipTextConfig clip ? Math.Min(ChunkTokens, clip.MaxPositionEmbeddings) : reading.LongTokens;
        if (reading.Grammar == PromptGrammar.Plain || (IsClip && length < ChunkTokens)) return CutPrompt.Of(Tokenizer.Padded(text, length).Ids, reading);
        var pieces = PromptAttention.Parse(text);
        if (!IsClip) return CutLong(pieces, length, reading);
        var chunks = new PromptChunker(Tokenizer).Cut(pieces).Chunks;
        return new([.. chunks.Select(chunk => (IReadOnlyList<long>)[.. chunk.PaddedTokens(Tokenizer.End, Tokenizer.Padding).Select(id => (long)id)])], [.. chunks.Select(chunk => chunk.Weights)], reading);
    }

    /// <summary>Reads prompts together; the rows of each stand one behind the other afterwards.</summary>
    internal IReadOnlyList<TowerOutput> Read(IReadOnlyList<CutPrompt> prompts, ScalarType type)
    {
        var ids = prompts.SelectMany(prompt => prompt.Ids).ToList();
        var output = Encoder.Encode(tensor(ids.SelectMany(row => row).ToArray()).view(ids.Count, -1).to(Encoder.parameters().First().device), type: type);
        var (outputs, first) = (new List<TowerOutput>(), 0);
        foreach (var prompt in prompts)
        {
            var tokens = Weighted(Hidden(output, prompt.Reading.ClipSkip, first, prompt.Ids.Count), prompt.Weights);
            outputs.Add(new(tokens.reshape(1, -1, tokens.shape[2]), output.Embedding?.narrow(0, first, 1)));
            first += prompt.Ids.Count;
        }
        return outputs;
    }

    private Tensor Hidden(EncoderOutput output, int skip, int first, int rows)
    {
        if (!IsClip) return output.Last.narrow(0, first, rows);
        var last = output.HiddenStates.Count - (IsPenultimate ? 2 : 1);
        if (skip < 0 || skip > last) throw new ArgumentException($"CLIP skip is {skip}; with this model's encoder of {output.HiddenStates.Count - 1} layers it lies between 0 and {last}.");
        var hidden = output.HiddenStates[last - skip].narrow(0, first, rows);
        return IsPenultimate ? hidden : Encoder.Normalised(hidden);
    }

    private static Tensor Weighted(Tensor tokens, IReadOnlyList<IReadOnlyList<double>> weights)
    {
        if (weights.All(row => row.All(weight => weight == 1))) return tokens;
        var w = tensor(weights.SelectMany(row => row).Select(weight => (float)weight).ToArray(), device: tokens.device).view(weights.Count, -1);
        return cat([.. Enumerable.Range(0, weights.Count).Select(row => TokenWeights.ScaleAtEqualMean(tokens.narrow(0, row, 1), w.narrow(0, row, 1)))]);
    }

    /// <summary>T5 has no chunks: pieces of different weight are cut one by one, others together.</summary>
    private CutPrompt CutLong(IReadOnlyList<WeightedText> pieces, int length, PromptReading reading)
    {
        List<WeightedText> said = [.. pieces.Select(piece => piece == PromptAttention.Break ? new(" ", 1) : piece)];
        if (said.All(piece => piece.Weight == 1)) return CutPrompt.Of(Tokenizer.Padded(string.Concat(said.Select(piece => piece.Text)), length).Ids, reading);
        var tokens = said.SelectMany(piece => Tokenizer.Encode(piece.Text).Select(id => KeyValuePair.Create((long)id, piece.Weight))).Take(length - 1).Append(new(Tokenizer.End, 1)).ToList();
        tokens.AddRange(Enumerable.Repeat(KeyValuePair.Create((long)Tokenizer.Padding, 1.0), length - tokens.Count));
        return new([[.. tokens.Select(token => token.Key)]], [[.. tokens.Select(token => token.Value)]], reading);
    }
}

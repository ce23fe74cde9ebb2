namespace Imago.Text;

/// <summary>Vectors that a name in a prompt stands for (textual inversion), as far as chunks need to know them.</summary>
/// <param name="Name">The name.</param>
/// <param name="Vectors">How many vectors, each taking the place of a token.</param>
public sealed record PromptEmbedding(string Name, int Vectors);

/// <summary>What an encoder of fixed length reads at once.</summary>
/// <param name="Tokens">Begin, 75 ids, end.</param>
/// <param name="Weights">How much each counts.</param>
/// <param name="Embeddings">Where among the 75 the vectors of a name begin; the ids there are 0.</param>
public sealed record PromptChunk(IReadOnlyList<int> Tokens, IReadOnlyList<double> Weights, IReadOnlyList<(int Offset, string Name)> Embeddings)
{
    /// <summary>The ids as an encoder with a padding token of its own takes them: all that follow the first end are padding.</summary>
    /// <param name="end">The end token.</param>
    /// <param name="padding">The padding token.</param>
    public IReadOnlyList<int> PaddedTokens(int end, int padding)
    {
        var first = Tokens.Index().Where(token => token.Item == end).Select(token => token.Index).FirstOrDefault(Tokens.Count);
        return [.. Tokens.Select((token, i) => i > first ? padding : token)];
    }
}

/// <summary>How prompts of any length are cut into chunks, as in AUTOMATIC1111's web interface.</summary>
public sealed class PromptChunker
{
    private readonly ClipTokens _ids;
    private readonly Func<string, IReadOnlyList<int>> _encode;
    private readonly IReadOnlyList<(PromptEmbedding Embedding, IReadOnlyList<int> Ids)> _embeddings;

    /// <summary>A chunker for an encoder.</summary>
    /// <param name="tokenizer">The encoder's tokenizer.</param>
    /// <param name="embeddings">Names that stand for vectors.</param>
    public PromptChunker(PromptTokenizer tokenizer, IReadOnlyList<PromptEmbedding>? embeddings = null)
    {
        ArgumentNullException.ThrowIfNull(tokenizer);
        _ids = new(tokenizer.Begin ?? throw new ArgumentException("Chunks are cut for tokenizers that mark the beginning of a text; this one does not.", nameof(tokenizer)), tokenizer.End, tokenizer.Encode(",")[^1]);
        _encode = tokenizer.Encode;
        _embeddings = [.. (embeddings ?? []).Select(embedding => (embedding, tokenizer.Encode(embedding.Name))).Where(pair => pair.Item2.Count > 0).OrderByDescending(pair => pair.Item2.Count)];
        if (_embeddings.FirstOrDefault(pair => pair.Embedding.Vectors is < 1 or > Length).Embedding is { } wrong)
            throw new ArgumentException($"The embedding {wrong.Name} has {wrong.Vectors} vectors; a chunk takes 1 to {Length}.", nameof(embeddings));
    }

    /// <summary>Tokens of a chunk between begin and end.</summary>
    public const int Length = 75;

    /// <summary>How far back a comma may lie for the words after it to move to the next chunk together.</summary>
    public int CommaBacktrack { get; init; } = 20;

    /// <summary>Cuts the pieces of a prompt into chunks; there is at least one.</summary>
    /// <param name="pieces">From <see cref="PromptAttention.Parse"/>.</param>
    /// <returns>The chunks, and the number of tokens: 75 for each chunk that was closed, and those of the last.</returns>
    public (IReadOnlyList<PromptChunk> Chunks, int TokenCount) Cut(IReadOnlyList<WeightedText> pieces)
    {
        ArgumentNullException.ThrowIfNull(pieces);
        var open = new OpenChunk(_ids);
        foreach (var piece in pieces)
        {
            if (piece == PromptAttention.Break) open.Close();
            else Add(open, _encode(piece.Text), piece.Weight);
        }
        if (!open.IsEmpty || open.Closed.Count == 0) open.Close(isLast: true);
        return (open.Closed, open.TokenCount);
    }

    private void Add(OpenChunk open, IReadOnlyList<int> tokens, double weight)
    {
        for (var at = 0; at < tokens.Count;)
        {
            if (tokens[at] == _ids.Comma) open.MarkComma();
            else open.MoveWordsAfterComma(CommaBacktrack);
            if (open.Free == 0) open.Close();
            var embedding = _embeddings.FirstOrDefault(pair => tokens.Skip(at).Take(pair.Ids.Count).SequenceEqual(pair.Ids));
            if (embedding.Embedding is { } vectors)
            {
                if (open.Free < vectors.Vectors) open.Close();
                open.Add(vectors, weight);
                at += embedding.Ids.Count;
            }
            else open.Add(tokens[at++], weight);
        }
    }

    private sealed record ClipTokens(int Begin, int End, int Comma);

    /// <summary>The chunk that is being filled, and those that are full.</summary>
    private sealed class OpenChunk(ClipTokens ids)
    {
        private List<(int Id, double Weight)> _tokens = [];
        private List<(int Offset, string Name)> _embeddings = [];
        private int _comma = -1;

        internal List<PromptChunk> Closed { get; } = [];

        internal int TokenCount { get; private set; }

        internal bool IsEmpty => _tokens.Count == 0;

        internal int Free => Length - _tokens.Count;

        internal void MarkComma() => _comma = _tokens.Count;

        internal void Add(int token, double weight) => _tokens.Add((token, weight));

        internal void Add(PromptEmbedding embedding, double weight)
        {
            _embeddings.Add((_tokens.Count, embedding.Name));
            _tokens.AddRange(Enumerable.Repeat((0, weight), embedding.Vectors));
        }

        /// <summary>If the chunk is full and the last comma near, what follows the comma begins the next chunk.</summary>
        internal void MoveWordsAfterComma(int backtrack)
        {
            if (backtrack == 0 || Free > 0 || _comma < 0 || _tokens.Count - _comma > backtrack) return;
            var kept = _comma + 1;
            var (moved, movedEmbeddings) = (_tokens[kept..], _embeddings.Where(embedding => embedding.Offset >= kept).ToList());
            (_tokens, _embeddings) = (_tokens[..kept], [.. _embeddings.Where(embedding => embedding.Offset < kept)]);
            Close();
            (_tokens, _embeddings) = (moved, [.. movedEmbeddings.Select(embedding => (embedding.Offset - kept, embedding.Name))]);
        }

        internal void Close(bool isLast = false)
        {
            TokenCount += isLast ? _tokens.Count : Length;
            Closed.Add(new(
                [ids.Begin, .. _tokens.Select(token => token.Id), .. Enumerable.Repeat(ids.End, Free + 1)],
                [1, .. _tokens.Select(token => token.Weight), .. Enumerable.Repeat(1.0, Free + 1)],
                _embeddings));
            (_tokens, _embeddings, _comma) = ([], [], -1);
        }
    }
}

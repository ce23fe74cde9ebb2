namespace Imago.Text;

/// <summary>Ids brought to one length, and 1 for each that belongs to the text (begin and end included).</summary>
/// <param name="Ids">The ids, padded.</param>
/// <param name="Mask">1 up to and including the end token, 0 after it.</param>
public sealed record PaddedTokens(IReadOnlyList<long> Ids, IReadOnlyList<long> Mask);

/// <summary>A tokenizer of a published text encoder: it marks the ends of a text and fills it up to the encoder's length.</summary>
public abstract class PromptTokenizer : Tokenizer
{
    /// <summary>The token before every text, if there is one.</summary>
    public abstract int? Begin { get; }

    /// <summary>The token after every text.</summary>
    public abstract int End { get; }

    /// <summary>The token that fills up.</summary>
    public abstract int Padding { get; }

    /// <summary>The ids with begin and end around them.</summary>
    public IReadOnlyList<int> Framed(string text) => [.. Begin is { } begin ? (int[])[begin] : [], .. Encode(text), End];

    /// <summary>What the encoder gets: begin, ids, end, padding. Of longer texts the ids that do not fit are cut off before the end.</summary>
    /// <param name="text">The text.</param>
    /// <param name="length">L, the number of ids; at least 2.</param>
    /// <exception cref="ArgumentOutOfRangeException">The length is below 2.</exception>
    public PaddedTokens Padded(string text, int length)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(length, 2);
        var framed = Framed(text);
        int[] kept = framed.Count <= length ? [.. framed] : [.. framed.Take(length - 1), End];
        return new(
            [.. Enumerable.Range(0, length).Select(i => (long)(i < kept.Length ? kept[i] : Padding))],
            [.. Enumerable.Range(0, length).Select(i => i < kept.Length ? 1L : 0L)]);
    }
}

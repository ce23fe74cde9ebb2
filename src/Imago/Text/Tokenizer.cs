namespace Imago.Text;

/// <summary>Cuts text into tokens that have numbers. Immutable, safe from any thread.</summary>
public abstract class Tokenizer
{
    /// <summary>Number of tokens, special ones included: ids lie in [0, Count).</summary>
    public abstract int Count { get; }

    /// <summary>The ids of a text, without begin, end or padding.</summary>
    public abstract IReadOnlyList<int> Encode(string text);

    /// <summary>The text of ids; special tokens are left out.</summary>
    /// <exception cref="ArgumentOutOfRangeException">An id is not in [0, <see cref="Count"/>).</exception>
    public abstract string Decode(IEnumerable<int> ids);

    private protected int Checked(int id) =>
        id >= 0 && id < Count ? id : throw new ArgumentOutOfRangeException(nameof(id), id, $"The tokenizer has {Count} tokens.");
}

using System.Text;

namespace Imago.Text;

/// <summary>
/// Byte-level byte-pair encoding, for models that are trained here. Any text can be encoded, and decoding gives it back. The files are GPT-2's
/// <c>vocab.json</c> and <c>merges.txt</c> (Radford et al. 2019), which other libraries load.
/// </summary>
public sealed class BytePairTokenizer : Tokenizer
{
    private const string EndOfText = "<|endoftext|>";
    private readonly BytePairFiles _files;
    private readonly BytePairMerges _merges;
    private readonly IReadOnlyList<string> _tokens;
    private readonly IReadOnlyList<int> _bytes;

    private BytePairTokenizer(BytePairFiles files)
    {
        (_files, _merges, _tokens) = (files, files.ToMerges(), files.ToTokens());
        _bytes = [.. Enumerable.Range(0, 256).Select(b => files.IdOf(ByteAlphabet.Of((byte)b).ToString()))];
    }

    /// <inheritdoc/>
    public override int Count => _tokens.Count;

    /// <summary>Learns the merges that shorten the captions most; the same captions give the same tokenizer everywhere.</summary>
    /// <param name="captions">Texts like those that will be encoded.</param>
    /// <param name="vocabulary">How many tokens there may be: the end of text, the 256 bytes, and merges. Fewer, if no pair comes twice any more.</param>
    /// <exception cref="ArgumentOutOfRangeException">The vocabulary has fewer than 257 tokens or more than 2²⁰.</exception>
    public static BytePairTokenizer Train(IEnumerable<string> captions, int vocabulary)
    {
        ArgumentNullException.ThrowIfNull(captions);
        if (vocabulary is < 257 or > TextFiles.MaximumTokens) throw new ArgumentOutOfRangeException(nameof(vocabulary), vocabulary, $"A vocabulary has 257 to {TextFiles.MaximumTokens} tokens: 256 bytes, the end of text, and merges.");
        List<string> tokens = [EndOfText, .. Enumerable.Range(0, 256).Select(b => ByteAlphabet.Of((byte)b).ToString())];
        var words = captions.SelectMany(caption => WordSplitter.WithSpaces(Valid(caption))).CountBy(word => word)
            .Select(word => (Encoding.UTF8.GetBytes(word.Key).Select(b => 1 + b).ToArray(), word.Value));
        var merges = new List<(string Left, string Right)>();
        foreach (var (left, right) in new BytePairTrainer(words, firstMerged: tokens.Count).Merges(vocabulary - tokens.Count))
        {
            merges.Add((tokens[left], tokens[right]));
            tokens.Add(tokens[left] + tokens[right]);
        }
        return new BytePairTokenizer(new BytePairFiles(tokens.Index().ToDictionary(token => token.Item, token => token.Index), merges, "the trained tokenizer"));
    }

    /// <summary>Reads a folder with <c>vocab.json</c> and <c>merges.txt</c>, or <c>tokenizer.json</c>.</summary>
    /// <exception cref="CheckpointException">The files are missing or are not those of a byte-level byte-pair tokenizer.</exception>
    public static BytePairTokenizer Load(string folder) => new(BytePairFiles.Read(folder));

    /// <summary>Writes <c>vocab.json</c> and <c>merges.txt</c> into a folder, which is made if it is not there.</summary>
    /// <exception cref="CheckpointException">The files cannot be written.</exception>
    public void Save(string folder) => BytePairFiles.Write(folder, _tokens, _files.Merges);

    /// <inheritdoc/>
    public override IReadOnlyList<int> Encode(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return [.. WordSplitter.WithSpaces(Valid(text)).SelectMany(word => _merges.Apply([.. Encoding.UTF8.GetBytes(word).Select(b => _bytes[b])]))];
    }

    /// <inheritdoc/>
    public override string Decode(IEnumerable<int> ids) =>
        ByteAlphabet.Decode(string.Concat(ids.Select(id => _tokens[Checked(id)]).Where(token => token != EndOfText)));

    // Half a surrogate pair is no text: it becomes U+FFFD, as in UTF-8.
    private static string Valid(string text) => Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text));
}

using Imago.Text;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Tests;

public sealed class CompelTests : IDisposable
{
    private const int Length = 12;
    private readonly string _folder = Directory.CreateTempSubdirectory("imago-compel-").FullName;
    private readonly ClipTokenizer _tokenizer;

    public CompelTests() => _tokenizer = PromptTokenizerTests.SmallClip(_folder, "<|endoftext|>");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    /// <summary>Every token's vector depends on itself, its place and what is attended to.</summary>
    private static Tensor Encoder(Tensor ids, Tensor mask)
    {
        var x = ids.to(float64).unsqueeze(-1) * tensor(new[] { 0.01, 0.02 }) + arange(ids.shape[1], dtype: float64).view(1, -1, 1);
        return x.sin() + 0.1 * (x.cos() * mask.unsqueeze(-1)).sum([1L], keepdim: true);
    }

    private Tensor Plain(string text)
    {
        var padded = _tokenizer.Padded(text, Length);
        return Encoder(tensor(padded.Ids.ToArray()).view(1, -1), ones(1, Length, dtype: int64));
    }

    private CompelEncoder Compel(CompelOptions? options = null) => new(_tokenizer, Encoder, options, Length);

    private void Same(string prompt, Tensor expected, CompelOptions? options = null) =>
        Assert.True(Compel(options).Encode(prompt).allclose(expected, rtol: 1e-9, atol: 1e-9), prompt);

    [Fact]
    public void Parse_NestedWeights_Multiply() => Assert.Equal(
        [new CompelWords("a", Math.Pow(1.1, 2)), new CompelWords("b", Math.Pow(1.1, 2) * 0.5), new CompelWords("c", 1)],
        CompelPrompt.Parse("(a (b)0.5)++ c").Parts[0].Texts[0]);

    [Fact]
    public void Encode_WithoutWeights_IsTheEncoders()
    {
        using var scope = NewDisposeScope();
        Same("a cat", Plain("a cat"));
        Same("", Plain(""));
        Same("(a cat)1.0", Plain("a cat"));
    }

    [Fact]
    public void Encode_OfAWeightAboveOne_LeadsAwayFromNothing()
    {
        using var scope = NewDisposeScope();
        var (empty, plain) = (Plain(""), Plain("a cat"));
        var w = ones(1, Length, 1, dtype: float64);
        w[0, 2] = 1.5;
        Same("a (cat)1.5", empty + w * (plain - empty));
    }

    [Fact]
    public void Encode_OfWeightZero_IsThatWithoutTheWord()
    {
        using var scope = NewDisposeScope();
        var got = Compel(new() { Downweighting = Downweighting.Remove }).Encode("a (cat)0 b");
        Assert.True(got.allclose(Plain("a b"), rtol: 1e-3, atol: 1e-3));
    }

    [Fact]
    public void Encode_OfBlendsAndConjunctions_IsLinear()
    {
        using var scope = NewDisposeScope();
        var (a, b) = (Plain("a cat"), Plain("b"));
        Same("(\"a cat\", \"b\").blend(3, 1)", 0.75 * a + 0.25 * b);
        Same("(\"a cat\", \"b\").blend(3, -1, no_normalize)", 3 * a - b);
        Same("(\"a cat\", \"b\").and(1, 0.5)", cat([a, 0.5 * b + 0.5 * Plain("")], 1));
    }

    [Fact]
    public void Encode_OfLongPrompts_CutsAtSentences()
    {
        using var scope = NewDisposeScope();
        var options = new CompelOptions { Truncate = false };
        Same("cat cat. cat cat cat cat cat cat cat cat", cat([Plain("cat cat."), Plain("cat cat cat cat cat cat cat cat")], 1), options);
        Same("cat cat, cat cat cat cat cat cat cat cat", cat([Plain("cat cat,"), Plain("cat cat cat cat cat cat cat cat")], 1), options);
        var first = Compel(options with { Ends = ChunkEnds.First }).Encode("cat cat. cat cat cat cat cat cat cat cat");
        Assert.True(first[0, Length + 9].allclose(first[0, 4]));
    }

    [Theory]
    [InlineData("(a, b).blend(1)", "blend")]
    [InlineData("(a, b).blend(1, 1) and more", "and more")]
    [InlineData("(a, b).and(1, x)", "and")]
    [InlineData("cat.swap(dog, colour=1)", "colour")]
    public void Parse_OfContradictions_IsRefused(string prompt, string named) =>
        Assert.Contains(named, Assert.Throws<ArgumentException>(() => CompelPrompt.Parse(prompt)).Message, StringComparison.Ordinal);

    [Fact]
    public void Encode_OfASwap_IsRefused() => Assert.Throws<ArgumentException>(() => Compel().Encode("a cat.swap(dog)"));

    [Fact]
    public void Prompts_OfTenThousandCharacters_End()
    {
        foreach (var unit in new[] { "(", "((a)+ ", "\"", "a.swap(", "(a, ", "a+", "\\(", "withLora(", "a " })
            Assert.NotEmpty(CompelPrompt.Parse(string.Concat(Enumerable.Repeat(unit, 10_000 / unit.Length))).Parts);
    }

    [Fact]
    public void Encode_LeavesNothingBehind()
    {
        using var scope = NewDisposeScope();
        Compel().Encode("a (cat)0.5 b").Dispose();
        var before = scope.DisposablesCount;
        Compel().Encode("a (cat)0.5 b");
        Assert.Equal(before + 1, scope.DisposablesCount);
    }
}

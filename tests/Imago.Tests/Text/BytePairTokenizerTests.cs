using CsCheck;
using Imago.Text;

namespace Imago.Tests;

public class BytePairTokenizerTests
{
    private static readonly string[] Captions =
        [.. Enumerable.Range(0, 40).SelectMany(i => new[] { "a smiling woman with red hair", "a serious man with a beard and round glasses", $"portrait {i} of a lady, who's laughing" })];

    private static BytePairTokenizer Trained { get; } = BytePairTokenizer.Train(Captions, 400);

    public static TheoryData<string> Texts =>
    [
        "", " ", "a smiling woman with red hair", "  two  blanks, tabs\tand\n\nlines \n", "who's it? it'll do", "Ärger, naïve, 漢字, עברית, 👩‍🚀 e\u0301", "<b>&amp;</b> <|endoftext", "1234 5٣", "\u0000\u0007\u200b", "𝐀𝔸𝟜",
    ];

    [Theory]
    [MemberData(nameof(Texts))]
    public void Decode_OfEncode_IsTheText(string text) => Assert.Equal(text, Trained.Decode(Trained.Encode(text)));

    [Fact]
    public void Decode_OfEncode_IsTheText_ForRandomTexts() =>
        Gen.String.Sample(text => text.Any(char.IsSurrogate) || Trained.Decode(Trained.Encode(text)) == text, iter: 500, threads: 1);

    [Fact]
    public void Train_IsDeterministic_AndUsesTheVocabulary()
    {
        var again = BytePairTokenizer.Train(Captions.Reverse(), 400);
        Assert.InRange(Trained.Count, 300, 400);
        Assert.Equal(Trained.Count, again.Count);
        foreach (var caption in Captions) Assert.Equal(Trained.Encode(caption), again.Encode(caption));
    }

    [Fact]
    public void Train_MakesFrequentWordsOneToken() => Assert.Equal(6, Trained.Encode("a smiling woman with red hair").Count);

    [Fact]
    public void Train_TakesTheMostFrequentPairFirst_AndOfEqualOnesTheSmallest()
    {
        var tokenizer = BytePairTokenizer.Train(["ab", "ab", "ab", "cd", "cd", "xy", "xy"], 259);
        Assert.Equal(["ab", "cd"], new[] { 257, 258 }.Select(id => tokenizer.Decode([id])));
    }

    /// <summary>Merging by rank, written as in the paper: again and again the pair of lowest rank, everywhere in the word.</summary>
    [Fact]
    public void Encode_IsThatOfTheNaiveAlgorithm()
    {
        var merges = new (int, int, int)[] { (1, 1, 10), (10, 10, 11), (2, 1, 12), (11, 1, 13), (12, 12, 14), (1, 2, 15), (10, 2, 16) };
        var fast = new BytePairMerges(merges);
        Gen.Int[1, 2].List[0, 24].Sample(word => fast.Apply(word).SequenceEqual(Naive(word)), iter: 2000, threads: 1);

        IEnumerable<int> Naive(List<int> word)
        {
            List<int> tokens = [.. word];
            while (merges.Where(merge => tokens.Zip(tokens.Skip(1)).Contains((merge.Item1, merge.Item2))).Take(1).ToList() is [var best])
            {
                for (var i = 0; i + 1 < tokens.Count; i++)
                {
                    if ((tokens[i], tokens[i + 1]) != (best.Item1, best.Item2)) continue;
                    tokens[i] = best.Item3;
                    tokens.RemoveAt(i + 1);
                }
            }
            return tokens;
        }
    }

    [Fact]
    public void Load_OfSave_IsTheSameTokenizer()
    {
        var folder = Directory.CreateTempSubdirectory("imago-bpe-").FullName;
        try
        {
            Trained.Save(folder);
            var loaded = BytePairTokenizer.Load(folder);
            Assert.Equal(Trained.Count, loaded.Count);
            Assert.All(Texts, text => Assert.Equal(Trained.Encode(text.Data), loaded.Encode(text.Data)));
            Assert.Equal("#version: 0.2", File.ReadLines(Path.Combine(folder, "merges.txt")).First());
            File.WriteAllText(Path.Combine(folder, "merges.txt"), "#version: 0.2\nq zz\n");
            Assert.Contains("zz", Assert.Throws<CheckpointException>(() => BytePairTokenizer.Load(folder)).Message, StringComparison.Ordinal);
            File.WriteAllText(Path.Combine(folder, "vocab.json"), "[1, 2]");
            Assert.Throws<CheckpointException>(() => BytePairTokenizer.Load(folder));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void WordSplitter_IsGpt2s()
    {
        Assert.Equal(["a", "  ", " b", "'s", " 12", "ab", "!?", " \n", "\t", "x", "  "], WordSplitter.WithSpaces("a   b's 12ab!? \n\tx  "));
        Assert.Equal(["a", "b", "'s", "1", "2", "ab", "!?", "x", "𝐀"], WordSplitter.WithoutSpaces("a   b's 12ab!? \n\tx 𝐀 "));
    }

    [Fact]
    public void Encode_OfOneEndlessWord_Ends() => Assert.Equal(new string('a', 100_000), Trained.Decode(Trained.Encode(new string('a', 100_000))));

    [Fact]
    public void Decode_OfNoToken_IsRefused() => Assert.Throws<ArgumentOutOfRangeException>(() => Trained.Decode([Trained.Count]));
}

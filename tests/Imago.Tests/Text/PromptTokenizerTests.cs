using System.Buffers.Binary;
using System.Text;
using System.Text.Json;
using Imago.Text;

namespace Imago.Tests;

/// <summary>The published tokenizers on vocabularies small enough to write down; their real ids are compared in the set <c>tokenizers</c> of the reference numbers.</summary>
public sealed class PromptTokenizerTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("imago-tokenizer-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private ClipTokenizer Clip(string padding) => SmallClip(_folder, padding);

    /// <summary>All bytes, and the word "cat"; begin is 514, end 515.</summary>
    internal static ClipTokenizer SmallClip(string folder, string padding)
    {
        var bytes = Enumerable.Range(0, 256).Select(b => ByteAlphabet.Of((byte)b).ToString()).OrderBy(token => token == "!" ? 0 : 1).ToList();
        List<string> tokens = [.. bytes, .. bytes.Select(token => token + "</w>"), "ca", "cat</w>", "<|startoftext|>", "<|endoftext|>"];
        BytePairFiles.Write(folder, tokens, [("c", "a"), ("ca", "t</w>")]);
        File.WriteAllText(Path.Combine(folder, "special_tokens_map.json"), $$"""{"pad_token": "{{padding}}"}""");
        return ClipTokenizer.Load(folder);
    }

    [Fact]
    public void Clip_FramesCutsAndPads()
    {
        var clip = Clip("<|endoftext|>");
        Assert.Equal([514, 513, 515], clip.Framed(" CAT\n"));
        Assert.Equal([514, 513, 515, 515, 515], clip.Padded("cat", 5).Ids);
        Assert.Equal([1, 1, 1, 0, 0], clip.Padded("cat", 5).Mask);
        Assert.Equal([514, 513, 513, 515], clip.Padded("cat cat cat", 4).Ids);
        Assert.Equal([514, 515, 513, 515], clip.Framed("<|endoftext|>cat"));
        Assert.Equal("cat cat's", clip.Decode(clip.Framed("cat  cat's")).Replace(" 's", "'s", StringComparison.Ordinal));
        Assert.Throws<ArgumentOutOfRangeException>(() => clip.Padded("cat", 1));
    }

    [Fact]
    public void Clip_WithPaddingOfItsOwn_TakesItFromTheText()
    {
        var clip = Clip("!");
        Assert.Equal([514, 513, 0, 0, 515], clip.Framed("cat!!"));
        Assert.Equal([514, 513, 515, 0, 0], clip.Padded("cat", 5).Ids);
    }

    [Fact]
    public void Clip_IsTheSameForComposedAndDecomposedLetters()
    {
        var clip = Clip("<|endoftext|>");
        Assert.Equal(clip.Encode("\u00e9\uac01\u1e69"), clip.Encode("e\u0301\u1100\u1161\u11a8s\u0307\u0323"));
        Assert.Equal(clip.Encode("I\u0307"), clip.Encode("\u0130"));
    }

    [Fact]
    public void Clip_OfLongTexts_Ends()
    {
        var clip = Clip("<|endoftext|>");
        foreach (var unit in new[] { "a", "cat ", "\u0301", "<|", "!", "\ud800", "👩‍🚀" })
            Assert.Equal(77, clip.Padded(string.Concat(Enumerable.Repeat(unit, 10_000)), 77).Ids.Count);
    }

    /// <summary>UAX 15's examples, and that normalising twice is normalising once.</summary>
    [Theory]
    [InlineData("\u212b\u2126", "\u00c5\u03a9")]
    [InlineData("\u1e0b\u0323", "\u1e0d\u0307")]
    [InlineData("q\u0307\u0323", "q\u0323\u0307")]
    [InlineData("\u0958", "\u0915\u093c")]
    [InlineData("\u1100\u1161\u11a8", "\uac01")]
    public void CanonicalComposition_IsUnicodes(string text, string expected)
    {
        Assert.Equal(expected, CanonicalComposition.Normalise(text));
        Assert.Equal(expected, CanonicalComposition.Normalise(expected));
    }

    private T5Tokenizer T5(bool asModel)
    {
        (string Piece, float Score)[] pieces = [("<pad>", 0), ("</s>", 0), ("<unk>", 0), ("▁", -2), ("a", -3), ("b", -3), ("▁a", -1), ("ab", -4.5f), ("▁ab", -6), ("bb", -5)];
        if (asModel)
        {
            File.WriteAllBytes(Path.Combine(_folder, "spiece.model"), [.. pieces.SelectMany(piece => Field(1, [.. Field(1, Encoding.UTF8.GetBytes(piece.Piece)), 0x15, .. Single(piece.Score)]))]);
        }
        else
        {
            var tokens = new[] { "<pad>", "</s>", "<unk>" }.Select((content, id) => new { id, content, lstrip = false, rstrip = false })
                .Concat(Enumerable.Range(0, 100).Select(i => new { id = 109 - i, content = $"<extra_id_{i}>", lstrip = true, rstrip = true }));
            File.WriteAllText(Path.Combine(_folder, "tokenizer.json"), JsonSerializer.Serialize(new
            {
                added_tokens = tokens,
                normalizer = (object?)null,
                model = new { type = "Unigram", unk_id = 2, vocab = pieces.Select(piece => new object[] { piece.Piece, piece.Score }) },
            }));
        }
        return T5Tokenizer.Load(_folder);

        static byte[] Field(int number, byte[] content) => [(byte)(8 * number + 2), (byte)content.Length, .. content];
        static byte[] Single(float value)
        {
            var bytes = new byte[4];
            BinaryPrimitives.WriteSingleLittleEndian(bytes, value);
            return bytes;
        }
    }

    /// <summary>▁a·b scores −4, ▁·ab −6.5, ▁ab −6; ▁a·bb −6, ▁a·b·b −7.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void T5_TakesTheLikeliestCut(bool asModel)
    {
        var t5 = T5(asModel);
        Assert.Equal([6, 5, 1], t5.Framed("ab"));
        Assert.Equal([6, 9, 6, 1], t5.Framed(" abb  a "));
        Assert.Equal([6, 2, 5, 1], t5.Framed("axyzb"));
        Assert.Equal([6, 109, 6, 10, 1], t5.Framed("a <extra_id_0> a<extra_id_99>"));
        Assert.Equal([1], t5.Framed(""));
        Assert.Equal("abb a", t5.Decode(t5.Framed("abb a")));
        Assert.Equal([6, 1, 0, 0], t5.Padded("a", 4).Ids);
    }

    [Fact]
    public void T5_OfLongTexts_Ends()
    {
        var t5 = T5(asModel: true);
        foreach (var unit in new[] { "a", "ab ", "x", "<extra_id_", "e\u0301\u0301" })
            Assert.Equal(256, t5.Padded(string.Concat(Enumerable.Repeat(unit, 10_000)), 256).Ids.Count);
    }

    [Fact]
    public void DamagedFiles_AreRefused_ByName()
    {
        T5(asModel: true);
        var path = Path.Combine(_folder, "spiece.model");
        var bytes = File.ReadAllBytes(path);
        for (var cut = 1; cut < bytes.Length; cut++)
        {
            File.WriteAllBytes(path, bytes[..cut]);
            try
            {
                T5Tokenizer.Load(_folder);
            }
            catch (CheckpointException e)
            {
                Assert.Contains("spiece.model", e.Message, StringComparison.Ordinal);
            }
        }
        Assert.Contains(_folder, Assert.Throws<CheckpointException>(() => ClipTokenizer.Load(_folder)).Message, StringComparison.Ordinal);
    }

    /// <summary>A double array with one entry, 'A' → "aa", by hand; and tables that lie about their size.</summary>
    [Fact]
    public void CharacterMap_ReplacesWhatItHolds()
    {
        var units = new uint[256];
        units[0] = 128u << 10;                                          // the root's children lie at 128 ^ byte
        units[128 ^ 'A'] = 'A' | 0x100 | (1u << 10);                    // 'A' ends an entry, whose value lies at 128 ^ 'A' ^ 1
        units[128 ^ 'A' ^ 1] = 0x8000_0000;
        byte[] table = [0, 4, 0, 0, .. units.SelectMany(BitConverter.GetBytes), .. "aa\0"u8];
        Assert.Equal("baab Ä", new PrecompiledCharacterMap(table).Normalise("bAb Ä"));
        Assert.Equal("bAb", new PrecompiledCharacterMap([]).Normalise("bAb"));
        Assert.Throws<FormatException>(() => new PrecompiledCharacterMap([255, 255, 0, 0, 1]));
    }
}

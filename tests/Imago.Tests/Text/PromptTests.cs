using CsCheck;
using Imago.Text;
using static TorchSharp.torch;

namespace Imago.Tests;

public class PromptTests
{
    private static readonly string[] Parts = ["(", ")", "[", "]", ":", ":1.2)", "\\", "|", "a", " b", "BREAK", " AND ", ":3]", ":0.5]"];

    private static readonly Gen<string> Prompts = Gen.Int[0, Parts.Length - 1].Array[0, 12].Select(parts => string.Concat(parts.Select(part => Parts[part])));

    private static double Product(params double[] factors) => factors.Aggregate(1.0, (product, factor) => product * factor);

    [Fact]
    public void Attention_OfNestedBrackets_Multiplies() => Assert.Equal(
        [new("a ", Product(1.1)), new("b", Product(1.3, 1.1)), new(" c", 1.1), new(" (d)", 1)], PromptAttention.Parse("(a (b:1.3) c) \\(d\\)"));

    [Fact]
    public void Attention_WithoutBrackets_IsTheText() => Assert.Equal([new("a cat, sitting: 1.2", 1)], PromptAttention.Parse("a cat, sitting: 1.2"));

    [Theory]
    [InlineData("(a:1.2.3)")]
    [InlineData("(a:.)")]
    public void Attention_OfWhatIsNoNumber_IsText(string prompt) => Assert.Equal([new(prompt[1..^1], 1.1)], PromptAttention.Parse(prompt));

    [Fact]
    public void Attention_KeepsEveryLetter() => Prompts.Sample(
        prompt => Letters(string.Concat(PromptAttention.Parse(prompt).Select(piece => piece.Text))) == Letters(prompt), iter: 2000, threads: 1);

    [Fact]
    public void Conjunction_TakesTheWeightAtTheEnd() =>
        Assert.Equal([new("a cat", 1.2), new(" a dog", -0.5), new(" 2:3 x", 1)], PromptAttention.Conjunction("a cat :1.2 AND a dog:-.5 AND 2:3 x"));

    [Fact]
    public void Schedule_ChangesAtItsStep() =>
        Assert.Equal([new(4, "a cat sleeping"), new(10, "a dog sleeping")], PromptSchedule.Of("a [cat:dog:0.4] sleeping", 10));

    /// <summary>Every stretch ends later than the one before it, and the last at the last step, whatever the prompt.</summary>
    [Fact]
    public void Schedule_CoversEveryStep() => Prompts.Sample(
        prompt =>
        {
            var schedule = PromptSchedule.Of(prompt, 10);
            return schedule[^1].LastStep == 10 && schedule.Zip(schedule.Skip(1)).All(pair => pair.First.LastStep < pair.Second.LastStep) && schedule[0].LastStep >= 1;
        },
        iter: 2000, threads: 1);

    [Fact]
    public void Prompts_OfTenThousandBrackets_End()
    {
        foreach (var unit in new[] { "[", "(", "[a:", "[a|", "(a:", "\\", ":", "[b:3]", "( [" })
        {
            var prompt = string.Concat(Enumerable.Repeat(unit, 10_000 / unit.Length));
            Assert.NotEmpty(PromptAttention.Parse(prompt));
            Assert.Equal(20, PromptSchedule.Of(prompt, 20)[^1].LastStep);
            Assert.NotEmpty(PromptAttention.Conjunction(prompt));
        }
    }

    [Fact]
    public void EqualWeights_ChangeNothing_WhereTheMeanIsKept()
    {
        using var scope = NewDisposeScope();
        var z = rand(2, 5, 3);
        Assert.True(TokenWeights.ScaleAtEqualMean(z, full([2, 5], 1.7f)).allclose(z));
        var w = rand(2, 5);
        Assert.True(TokenWeights.ScaleAtEqualMean(z, w).mean().allclose(z.mean()));
        Assert.True(TokenWeights.Scale(z, w).allclose(z * w.unsqueeze(-1)));
    }

    private static string Letters(string text) => string.Concat(text.Where(c => char.IsLetter(c) && c != 'A' && c != 'N' && c != 'D'));
}

using Imago.Generation.Lora;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Tests;

/// <summary>The products against their definitions, element by element.</summary>
public class LowRankTests
{
    private static readonly (long O, long I, long K) Shape = (4, 6, 3);

    private static LoraChange Change(params (LoraRole Role, Tensor Tensor)[] tensors) => new(tensors.ToDictionary(entry => entry.Role, entry => entry.Tensor), null, false);

    /// <summary>The change of a convolution [4, 6, 3, 3] that is 0.</summary>
    private static Tensor Of(LoraChange change, double strength = 1) => change.Of(zeros(Shape.O, Shape.I, Shape.K, Shape.K), strength, RowChoice.All);

    private static void AssertEach(Tensor got, Func<long, long, long, long, double> expected)
    {
        for (long o = 0; o < Shape.O; o++)
            for (long i = 0; i < Shape.I; i++)
                for (long k = 0; k < Shape.K; k++)
                    for (long l = 0; l < Shape.K; l++) Assert.Equal(expected(o, i, k, l), got[o, i, k, l].item<float>(), 4);
    }

    private static double At(Tensor tensor, params long[] index) => index.Aggregate(tensor, (rest, i) => rest[i]).item<float>();

    private static double Sum(long count, Func<long, double> term) => Enumerable.Range(0, (int)count).Sum(r => term(r));

    [Fact]
    public void Tucker_IsTheSumOverBothRanks()
    {
        using var scope = NewDisposeScope();
        var (core, up, down) = (SmallLoras.Draw(1, 2, 3, 3, 3), SmallLoras.Draw(2, 4, 2, 1, 1), SmallLoras.Draw(3, 3, 6, 1, 1));
        AssertEach(Of(Change((LoraRole.Up, up), (LoraRole.Mid, core), (LoraRole.Down, down))), (o, i, k, l) => Sum(2, r => Sum(3, s => At(up, o, r, 0, 0) * At(core, r, s, k, l) * At(down, s, i, 0, 0))));
    }

    [Fact]
    public void Loha_IsTheElementwiseProductOfTwoProducts()
    {
        using var scope = NewDisposeScope();
        var (a, b, c, d) = (SmallLoras.Draw(1, 4, 2), SmallLoras.Draw(2, 2, 54), SmallLoras.Draw(3, 4, 2), SmallLoras.Draw(4, 2, 54));
        AssertEach(Of(Change((LoraRole.HadaW1A, a), (LoraRole.HadaW1B, b), (LoraRole.HadaW2A, c), (LoraRole.HadaW2B, d))), (o, i, k, l) =>
            Sum(2, r => At(a, o, r) * At(b, r, 9 * i + 3 * k + l)) * Sum(2, r => At(c, o, r) * At(d, r, 9 * i + 3 * k + l)));
    }

    [Fact]
    public void Lokr_IsTheKroneckerProduct_WhateverFormTheSecondFactorHas()
    {
        using var scope = NewDisposeScope();
        var (w1, a, b) = (SmallLoras.Draw(1, 2, 3), SmallLoras.Draw(2, 2, 2), SmallLoras.Draw(3, 2, 2 * 9));
        var whole = a.mm(b).view(2, 2, 3, 3);
        double Expected(long o, long i, long k, long l) => At(w1, o / 2, i / 2) * At(whole, o % 2, i % 2, k, l);
        AssertEach(Of(Change((LoraRole.LokrW1, w1), (LoraRole.LokrW2, whole))), Expected);
        AssertEach(Of(Change((LoraRole.LokrW1, w1), (LoraRole.LokrW2A, a), (LoraRole.LokrW2B, b))), Expected);
        var core = SmallLoras.Draw(4, 2, 2, 3, 3);
        var (up, down) = (SmallLoras.Draw(5, 2, 2), SmallLoras.Draw(6, 2, 2));
        AssertEach(Of(Change((LoraRole.LokrW1, w1), (LoraRole.LokrT2, core), (LoraRole.LokrW2A, up), (LoraRole.LokrW2B, down))), (o, i, k, l) =>
            At(w1, o / 2, i / 2) * Sum(2, r => Sum(2, s => At(core, r, s, k, l) * At(up, r, o % 2) * At(down, s, i % 2))));
    }

    [Theory]
    [InlineData(false, 3 / 2.0)]
    [InlineData(true, 3 / 1.4142135)]
    public void Factor_IsAlphaOverTheRank_OrItsRoot(bool byRoot, double factor)
    {
        using var scope = NewDisposeScope();
        var change = Change((LoraRole.Up, SmallLoras.Draw(1, 4, 2)), (LoraRole.Down, SmallLoras.Draw(2, 2, 6, 3, 3)));
        Assert.True(Of(change with { Alpha = 3, ByRoot = byRoot }).allclose(factor * Of(change), rtol: 1e-5, atol: 1e-6));
    }

    [Fact]
    public void LokrOfWholeFactors_HasNoRank_AndItsAlphaSaysNothing()
    {
        using var scope = NewDisposeScope();
        var change = Change((LoraRole.LokrW1, SmallLoras.Draw(1, 2, 3)), (LoraRole.LokrW2, SmallLoras.Draw(2, 2, 2, 3, 3)));
        Assert.True(Of(change with { Alpha = 7 }).Equals(Of(change)));
    }

    [Fact]
    public void Dora_GivesTheRowsTheLengthsOfTheFile()
    {
        using var scope = NewDisposeScope();
        var (weight, magnitude) = (SmallLoras.Draw(1, 4, 6, 3, 3), rand(4) + 0.5);
        var change = Change((LoraRole.Up, SmallLoras.Draw(2, 4, 2, 1, 1)), (LoraRole.Down, SmallLoras.Draw(3, 2, 6, 3, 3)), (LoraRole.Magnitude, magnitude.view(1, 4, 1, 1)));
        Assert.True((weight + change.Of(weight, 0.7, RowChoice.All)).flatten(1).norm(1, false, 2f).allclose(magnitude, rtol: 1e-5));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void DoraOfLycoris_WithTheLengthsThatAreThere_IsThePlainChange(bool ofColumns)
    {
        using var scope = NewDisposeScope();
        var weight = SmallLoras.Draw(1, 4, 6, 3, 3);
        var plain = Change((LoraRole.Up, SmallLoras.Draw(2, 4, 2, 1, 1)), (LoraRole.Down, SmallLoras.Draw(3, 2, 6, 3, 3)));
        var changed = weight + plain.Of(weight, 1, RowChoice.All);
        var lengths = (ofColumns ? changed.transpose(0, 1) : changed).flatten(1).norm(1, false, 2f);
        var change = new LoraChange(new Dictionary<LoraRole, Tensor>(plain.Tensors) { [LoraRole.DoraScale] = ofColumns ? lengths.view(1, 6, 1, 1) : lengths.view(4, 1, 1, 1) }, null, false);
        foreach (var strength in (double[])[1, 0.3]) Assert.True((weight + change.Of(weight, strength, RowChoice.All)).allclose(changed, rtol: 1e-4, atol: 1e-5));
        var twice = new LoraChange(new Dictionary<LoraRole, Tensor>(change.Tensors) { [LoraRole.DoraScale] = 2 * change.Tensors[LoraRole.DoraScale] }, null, false);
        Assert.True((weight + twice.Of(weight, 1, RowChoice.All)).allclose(2 * changed, rtol: 1e-4, atol: 1e-5));
    }
}

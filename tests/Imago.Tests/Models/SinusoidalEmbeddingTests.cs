using Imago.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Tests;

public class SinusoidalEmbeddingTests
{
    [Fact]
    public void Of_ATime_HasSinesAndCosinesOfFallingFrequencies()
    {
        using var scope = NewDisposeScope();
        var waves = SinusoidalEmbedding.Of(tensor(new float[] { 3 }), 4)[0].data<float>().ToArray();
        Assert.Equal([Math.Sin(3), Math.Sin(0.03), Math.Cos(3), Math.Cos(0.03)], waves.Select(value => (double)value), (a, b) => Math.Abs(a - b) < 1e-6);
    }

    [Fact]
    public void Of_AnyTime_HasUnitPairs()
    {
        using var scope = NewDisposeScope();
        var halves = SinusoidalEmbedding.Of(arange(1000).to(float32), 32, shift: 1).chunk(2, 1);
        Assert.True((halves[0].square() + halves[1].square()).allclose(ones(1000, 16)));
    }

    [Fact]
    public void Of_OddWidth_EndsWithZero()
    {
        using var scope = NewDisposeScope();
        var waves = SinusoidalEmbedding.Of(tensor(new float[] { 5, 700 }), 7, cosineFirst: true);
        Assert.Equal([2, 7], waves.shape);
        Assert.True(waves[.., 6].eq(0).all().item<bool>());
        Assert.True(waves[.., ..3].allclose(SinusoidalEmbedding.Of(tensor(new float[] { 5, 700 }), 6)[.., 3..]));
    }

    [Fact]
    public void OfGuidance_WithoutGuidance_IsThatOfZero()
    {
        using var scope = NewDisposeScope();
        Assert.True(SinusoidalEmbedding.OfGuidance(ones(1), 8).equal(SinusoidalEmbedding.Of(zeros(1), 8, shift: 1)).all().item<bool>());
    }
}

using Imago.Layers;
using Imago.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Tests;

public sealed class AttentionTests
{
    [Fact]
    public void Attention_WithPermutedQueries_PermutesItsResult()
    {
        using var scope = NewDisposeScope();
        var (q, k, v, order) = (Draw(0, 2, 7, 12), Draw(1, 2, 5, 12), Draw(2, 2, 5, 12), tensor([3L, 6, 0, 1, 5, 2, 4]));
        Near(MultiHeadAttention.Attend(q, k, v, 3).index_select(1, order), MultiHeadAttention.Attend(q.index_select(1, order), k, v, 3));
    }

    [Fact]
    public void Attention_WithPermutedKeysAndValues_StaysTheSame()
    {
        using var scope = NewDisposeScope();
        var (q, k, v, order) = (Draw(0, 2, 7, 12), Draw(1, 2, 5, 12), Draw(2, 2, 5, 12), tensor([3L, 0, 1, 4, 2]));
        Near(MultiHeadAttention.Attend(q, k, v, 3), MultiHeadAttention.Attend(q, k.index_select(1, order), v.index_select(1, order), 3));
    }

    [Fact]
    public void Attention_ToOneKey_IsItsValue()
    {
        using var scope = NewDisposeScope();
        var v = Draw(2, 2, 1, 12);
        Near(v.expand(2, 7, 12), MultiHeadAttention.Attend(Draw(0, 2, 7, 12), Draw(1, 2, 1, 12), v, 4));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Attention_IsTheSoftmaxOfScaledProductsPerHead(bool causal)
    {
        using var scope = NewDisposeScope();
        var (q, k, v, bias) = (Draw(0, 2, 6, 8), Draw(1, 2, 6, 8), Draw(2, 2, 6, 8), causal ? null : Draw(3, 1, 2, 6, 6));
        var heads = Enumerable.Range(0, 2).Select(h =>
        {
            Tensor Head(Tensor x) => x.narrow(2, 4 * h, 4);
            var logits = Head(q).matmul(Head(k).transpose(1, 2)) / 2;
            if (bias is not null) logits = logits + bias.select(1, h);
            if (causal) logits = logits.masked_fill(ones(6, 6).triu(1).to(@bool), double.NegativeInfinity);
            return logits.softmax(-1).matmul(Head(v));
        });
        var expected = cat([.. heads], 2);
        Near(expected, MultiHeadAttention.Attend(q, k, v, 2, bias, causal));
        Near(expected, MultiHeadAttention.Attend(q.requires_grad_(), k, v, 2, bias, causal));
    }

    /// <summary>In bfloat16 without gradient, with rows and keys that no vector's length divides: products of a few hundred numbers and one rounding of each logit.</summary>
    [Theory]
    [InlineData(300, 77)]
    [InlineData(130, 131)]
    public void Attention_InHalfPrecision_IsNearTheSameInFullPrecision(int queries, int keys)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        Tensor[] inputs = [Draw(0, 2, queries, 80).to(bfloat16), Draw(1, 2, keys, 80).to(bfloat16), Draw(2, 2, keys, 80).to(bfloat16)];
        var exact = MultiHeadAttention.Attend(inputs[0].to(float32), inputs[1].to(float32), inputs[2].to(float32), 2);
        var rounded = MultiHeadAttention.Attend(inputs[0], inputs[1], inputs[2], 2).to(float32);
        Assert.True(((rounded - exact).square().mean().sqrt() / exact.square().mean().sqrt()).item<float>() < 2 * Math.Pow(2, -8));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Attention_TrainedInHalfPrecision_HasNearlyTheSameGradients(bool causal)
    {
        using var scope = NewDisposeScope();
        var inputs = Enumerable.Range(0, 3).Select(seed => Draw(seed, 2, 6, 8)).ToArray();
        Tensor[] Gradients(ScalarType type)
        {
            var leaves = inputs.Select(x => x.to(float32).detach().requires_grad_()).ToArray();
            MultiHeadAttention.Attend(leaves[0].to(type), leaves[1].to(type), leaves[2].to(type), 2, causal: causal).to(float32).square().sum().backward();
            return [.. leaves.Select(leaf => leaf.grad!)];
        }
        foreach (var (exact, half) in Gradients(float32).Zip(Gradients(bfloat16)))
            Assert.True((exact - half).abs().max().item<float>() <= 0.03 * exact.abs().max().item<float>());
    }

    [Fact]
    public void RmsNorm_GivesUnitMeanSquare()
    {
        using var scope = NewDisposeScope();
        Near(ones(3, 5), new RmsNorm(64, eps: 0).call(3 * Draw(0, 3, 5, 64)).square().mean([-1]));
    }

    [Fact]
    public void LayerNorm_AtFirst_IsItsFunction()
    {
        using var scope = NewDisposeScope();
        var x = 3 * Draw(0, 3, 5, 64) + 2;
        Near(LayerNorm.Normalise(x, 1e-5), new LayerNorm(64).call(x));
        Near((x - x.mean([-1], true)) / (x.var(-1, false, true) + 1e-5).sqrt(), LayerNorm.Normalise(x, 1e-5));
    }

    [Theory]
    [InlineData(ScalarType.BFloat16)]
    [InlineData(ScalarType.Float32)]
    public void Norms_KeepTheTypeOfTheirInput_AndTrain(ScalarType type)
    {
        using var scope = NewDisposeScope();
        nn.Module<Tensor, Tensor>[] norms = [new LayerNorm(16), new RmsNorm(16)];
        foreach (var norm in norms)
        {
            var y = norm.call(Draw(0, 4, 16).to(type));
            Assert.Equal(type, y.dtype);
            y.square().sum().backward();
            Assert.All(norm.parameters(), p => Assert.Equal(ScalarType.Float32, p.grad!.dtype));
        }
    }

    [Fact]
    public void Embedding_LooksUpRows()
    {
        using var scope = NewDisposeScope();
        var table = new Embedding(10, 4);
        var ids = tensor([3L, 9, 0, 3]).view(2, 2);
        Near(stack([stack([table.weight[3], table.weight[9]]), stack([table.weight[0], table.weight[3]])]), table.call(ids));
    }

    [Fact]
    public void ApproximateGelus_AreNearGelu()
    {
        using var scope = NewDisposeScope();
        var x = linspace(-6, 6, 200);
        double Distance(Activation activation) => (activation.Function()(x) - Activation.Gelu.Function()(x)).abs().max().item<float>();
        Assert.InRange(Distance(Activation.GeluTanh), 0, 5e-4);
        Assert.InRange(Distance(Activation.QuickGelu), 0, 0.021);
    }

    private static Tensor Draw(int seed, params long[] shape)
    {
        using var generator = new Generator((ulong)seed);
        return randn(shape, generator: generator);
    }

    private static void Near(Tensor want, Tensor got)
    {
        Assert.Equal(want.shape, got.shape);
        Assert.InRange((want - got).abs().max().item<float>(), 0, 1e-5);
    }
}

using Imago.Layers;
using Imago.Layers.Kernels;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Tests;

public class FusedGroupNormTests
{
    /// <summary>Addend, modulation and SiLU in one operation against their definitions one after the other in float64, on maps whose mean is far from 0.</summary>
    [Theory]
    [InlineData(2, 32, 6, 5, ScalarType.Float32)]
    [InlineData(1, 64, 13, 11, ScalarType.Float32)]         // several blocks of pixels, the last one short
    [InlineData(3, 24, 6, 5, ScalarType.Float32)]           // channels that the kernel does not take
    [InlineData(2, 32, 13, 11, ScalarType.BFloat16)]
    [InlineData(2, 24, 6, 5, ScalarType.BFloat16)]
    public void Values_AndGradients_AreThoseOfTheDefinition(int batch, int channels, int height, int width, ScalarType type)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(5);
        Tensor Draw(params long[] shape) => randn(shape, generator: generator).to(type);
        Tensor[] inputs = [Draw(batch, channels, height, width) + 10, Draw(batch, channels), Draw(batch, channels), Draw(batch, channels)];
        var upstream = Draw(batch, channels, height, width);
        Tensor[] Results(Func<Tensor[], Tensor> function, ScalarType precision)
        {
            Tensor[] given = [.. inputs.Select(input => input.detach().to(precision).clone().requires_grad_())];
            var y = function(given);
            y.backward([upstream.to(precision)]);
            return [y, .. given.Select(input => input.grad!)];
        }

        var actual = Results(given => FusedGroupNorm.Apply(given[0], 4, given[1], given[2], 1e-5, given[3], silu: true), type);
        var expected = Results(given => Definition(given[0], given[1], given[2], given[3]), float64);

        var eps = type == ScalarType.Float32 ? 1.2e-7 : 7.8e-3;
        Assert.All(actual.Zip(expected), pair => Assert.True(
            ((pair.First.to(float64) - pair.Second).abs().max() / pair.Second.abs().max()).item<double>() < 30 * eps, $"{pair.Second.shape.Length} axes"));
    }

    /// <summary>SiLU(x̂·weight + bias), x̂ the normalised x + addend, with 4 groups.</summary>
    private static Tensor Definition(Tensor x, Tensor weight, Tensor bias, Tensor addend)
    {
        static Tensor OverMap(Tensor t) => t.unsqueeze(-1).unsqueeze(-1);
        var grouped = (x + OverMap(addend)).reshape(x.shape[0], 4, -1);
        var normalised = (grouped - grouped.mean([2L], keepdim: true)) / (grouped.var([2L], unbiased: false, keepdim: true) + 1e-5).sqrt();
        var u = normalised.view(x.shape) * OverMap(weight) + OverMap(bias);
        return u * u.sigmoid();
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void Results_DoNotDependOnTheNumberOfThreads(int batch)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(6);
        var (x, numbers) = (randn([batch, 64, 20, 20], generator: generator), randn([64], generator: generator));
        var threads = get_num_threads();
        byte[] Bytes(int count)
        {
            set_num_threads(count);
            var input = x.detach().clone().requires_grad_();
            var y = FusedGroupNorm.Apply(input, 8, numbers, numbers, 1e-5, silu: true);
            y.square().sum().backward();
            return [.. y.contiguous().bytes.ToArray(), .. input.grad!.contiguous().bytes.ToArray()];
        }

        try
        {
            Assert.Equal(Bytes(1), Bytes(2));
        }
        finally
        {
            set_num_threads(threads);
        }
    }

    /// <summary>d/dx of |d Σ y²/dx|² by the kernel's gradient and by libtorch's operations.</summary>
    [Fact]
    public void GradientOfAGradient_IsThatOfTheComposedOperations()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(7);
        var (x, numbers) = (randn([2, 32, 5, 4], generator: generator), randn([32], generator: generator));
        Tensor Second(Func<Tensor, Tensor> function)
        {
            var input = x.detach().clone().requires_grad_();
            var gradient = autograd.grad([function(input).square().sum()], [input], retain_graph: true, create_graph: true)[0];
            gradient.square().sum().backward();
            return input.grad!;
        }

        var actual = Second(input => FusedGroupNorm.Apply(input, 4, numbers, numbers, 1e-5, silu: true));
        var expected = Second(input => FusedGroupNorm.Composed(input, 4, numbers, numbers, 1e-5, null, silu: true));
        Assert.True(((actual - expected).abs().max() / expected.abs().max()).item<float>() < 1e-5);
    }

    [Fact]
    public void Steps_LeaveNoTensorBehind()
    {
        using var scope = NewDisposeScope();
        var (x, numbers) = (randn([2, 32, 5, 4]).requires_grad_(), ones(32).requires_grad_());
        void Step()
        {
            using var step = NewDisposeScope();
            FusedGroupNorm.Apply(x, 4, numbers, numbers, 1e-5, silu: true).sum().backward();
        }

        for (var i = 0; i < 3; i++) Step();                 // the gradients are there; what is returned by the last step goes with the next
        var before = Tensor.TotalCount;
        for (var i = 0; i < 5; i++) Step();
        Assert.Equal(before, Tensor.TotalCount);
    }

    /// <summary>eˣ and σ(x) against float64, over all exponents that matter.</summary>
    [Fact]
    public void Exponential_IsWithinThreeUnitsInTheLastPlace()
    {
        Assert.SkipUnless(Lanes.IsSupported, "This processor has no AVX-512.");
        var values = new float[16];
        for (var x = -87f; x < 88; x += 0.01f)
        {
            System.Runtime.Intrinsics.Vector512.CopyTo(Lanes.Exp(System.Runtime.Intrinsics.Vector512.Create(x)), values);
            var exact = Math.Exp(x);
            Assert.True(Math.Abs(values[0] - exact) <= 3 * (MathF.BitIncrement((float)exact) - (float)exact), $"x = {x}");
        }
    }
}

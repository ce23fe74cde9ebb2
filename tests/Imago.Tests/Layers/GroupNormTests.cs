using Imago.Autoencoders;
using Imago.Models;
using Imago.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Tests;

public class GroupNormTests
{
    public static TheoryData<AutoencoderConfig> Networks =>
    [
        new ConvConfig { Channels = 1, Height = 16, Width = 16, Widths = [4, 8], Hidden = [], Latent = 2, NormGroups = 2 },
        new KlConfig { BlockOutChannels = [8, 8], NormNumGroups = 4 },
        new TinyConfig { LatentStagePool = true },
    ];

    [Theory]
    [MemberData(nameof(Networks))]
    public void FreshNetwork_Normalises_WithoutScaleOrShift(AutoencoderConfig config)
    {
        using var scope = NewDisposeScope();
        for (int attempt = 0; attempt < 3; attempt++)
        {
            using (full(4096, float.NaN)) { }                       // what freed memory may hold
            var network = config.Create();
            var norms = network.named_modules().Where(pair => pair.module is Layers.GroupNorm).Select(pair => (Layers.GroupNorm)pair.module).ToList();
            Assert.NotEmpty(norms);
            Assert.All(norms, norm => Assert.True(norm.weight!.eq(1).all().item<bool>() && norm.bias!.eq(0).all().item<bool>()));
        }
    }

    /// <summary>(x − mean)/√(variance + eps)·scale + shift of each group, with its gradients, in float64.</summary>
    [Theory]
    [InlineData(1, 4, ScalarType.Float32)]
    [InlineData(4, 4, ScalarType.Float32)]
    [InlineData(2, 32, ScalarType.Float32)]
    [InlineData(8, 32, ScalarType.Float32)]
    [InlineData(8, 32, ScalarType.BFloat16)]
    [InlineData(2, 32, ScalarType.BFloat16)]
    public void Values_AndGradients_AreThoseOfTheDefinition(int groups, int channels, ScalarType type)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(5);
        var norm = new GroupNorm(groups, channels);
        using (no_grad())
        {
            norm.weight.copy_(randn(channels, generator: generator));
            norm.bias.copy_(randn(channels, generator: generator));
        }
        var x = Convolution.ChannelsLast(randn(3, channels, 6, 5, generator: generator).to(type)).detach().requires_grad_();
        var upstream = randn(3, channels, 6, 5, generator: generator);
        var y = norm.call(x);
        y.backward([upstream.to(type)]);

        var (w, b, x64) = (norm.weight.detach().to(float64).requires_grad_(), norm.bias.detach().to(float64).requires_grad_(), x.detach().to(float64).requires_grad_());
        var grouped = x64.reshape(3, groups, -1);
        var normalised = ((grouped - grouped.mean([2L], keepdim: true)) / (grouped.var([2L], unbiased: false, keepdim: true) + 1e-5).sqrt()).view(3, channels, 6, 5);
        var expected = normalised * w.view(1, -1, 1, 1) + b.view(1, -1, 1, 1);
        expected.backward([upstream.to(type).to(float64)]);

        var tolerance = type == ScalarType.BFloat16 ? 2e-2 : 1e-5;
        foreach (var (got, want) in new[] { (y, expected), (x.grad!, x64.grad!), (norm.weight.grad!, w.grad!), (norm.bias.grad!, b.grad!) })
            Assert.True(((got.to(float64) - want).abs().max() / want.abs().max()).item<double>() <= tolerance);
    }

    [Fact]
    public void Groups_ThatDoNotDivideTheChannels_AreRefused() => Assert.Throws<ArgumentException>(() => new GroupNorm(3, 8));
}

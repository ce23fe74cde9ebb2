using Imago.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Tests;

public class ImageClassifierTests
{
    private static ImageClassifierConfig Small { get; } = new() { Channels = 1, Size = 16, Outputs = 1, Widths = [16, 16], Hidden = 16, Dropout = 0 };

    [Fact]
    public void Create_WithOneSeed_GivesOneNetwork_AndLeavesTheDefaultGenerator()
    {
        using var scope = NewDisposeScope();
        manual_seed(4);
        var (a, b, other) = (Small.Create(1), Small.Create(1), Small.Create(2));
        var after = rand(3);
        manual_seed(4);
        Assert.True(after.Equals(rand(3)));
        var x = rand(2, 1, 16, 16);
        Assert.Equal([2L, 1L], a.call(x).shape);
        Assert.True(a.call(x).Equals(b.call(x)));
        Assert.False(a.call(x).Equals(other.call(x)));
    }

    [Theory]
    [InlineData(18, 16)]
    [InlineData(16, 12)]
    public void Create_OfWhatDoesNotFit_IsRefused(int size, int width) =>
        Assert.Throws<ArgumentException>(() => (Small with { Size = size, Widths = [16, width] }).Create());

    [Fact]
    public void Outputs_AreALinearFunctionOfTheFeatures()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var network = (Small with { Outputs = 3 }).Create(1);
        var x = rand(5, 1, 16, 16);
        var features = network.Features(x);
        Assert.Equal([5L, 16L], features.shape);
        var (weight, bias) = (network.get_parameter("output.weight")!, network.get_parameter("output.bias")!);
        Assert.True(network.call(x).allclose(features.matmul(weight.t()) + bias, 1e-5, 1e-6));
    }

    /// <summary>The brightness of a picture is a quantity that any regressor can read.</summary>
    [Fact]
    public void Training_OnBrightness_LearnsIt()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(3);
        var network = Small.Create(1);
        var optimizer = optim.Adam(network.parameters(), 1e-2);
        double error = 1;
        for (int step = 0; step < 150; step++)
        {
            using var one = NewDisposeScope();
            var level = rand([32, 1], generator: generator);
            var x = level.view(32, 1, 1, 1) + 0.05 * randn([32, 1, 16, 16], generator: generator);
            var loss = (network.call(x) - level).square().mean();
            optimizer.zero_grad();
            loss.backward();
            optimizer.step();
            error = loss.item<float>();
        }
        Assert.InRange(error, 0, 0.01);                             // the variance of the level is 1/12
    }
}

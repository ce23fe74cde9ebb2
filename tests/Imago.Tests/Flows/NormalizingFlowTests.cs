using Imago.Flows;
using Imago.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Tests;

public sealed class NormalizingFlowTests
{
    private static readonly GlowConfig Small = new() { Channels = 1, Height = 8, Width = 8, Levels = 2, Steps = 2, Hidden = 8 };

    public static TheoryData<int, int, int> Shapes => new() { { 1, 8, 1 }, { 1, 8, 2 }, { 3, 16, 3 } };

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Decode_OfEncode_IsTheIdentity(int channels, int side, int levels)
    {
        using var scope = NewDisposeScope();
        using var flow = Random(Small with { Channels = channels, Height = side, Width = side, Levels = levels });
        var x = Images(5, channels, side);
        var (z, _) = flow.Encode(x);
        Assert.Equal([5, (long)channels * side * side], z.shape);
        Assert.True((flow.Decode(z) - x).abs().max().item<float>() < 1e-4);
        Assert.True((flow.Encode(flow.Decode(z)).Z - z).abs().max().item<float>() < 1e-3 * z.abs().max().item<float>());
    }

    [Fact]
    public void LogDeterminant_IsThatOfAutogradsJacobian()
    {
        using var scope = NewDisposeScope();
        using var flow = Random(Small with { Height = 4, Width = 4 });
        var x = Images(2, 1, 4).requires_grad_(true);
        var (z, logDeterminant) = flow.Encode(x);
        var rows = Enumerable.Range(0, 16).Select(d => autograd.grad([z.select(1, d).sum()], [x], retain_graph: true)[0].flatten(1)).ToArray();
        var jacobian = stack(rows, 1).to(float64);
        var expected = linalg.slogdet(jacobian).Item2.to(float32);
        Assert.True((logDeterminant - expected).abs().max().item<float>() < 1e-3, $"{logDeterminant.cstr()} {expected.cstr()}");
    }

    [Fact]
    public void LogDensity_OfTheFreshFlow_IntegratesToOne()
    {
        // Importance sampling with the flow's own samples is exact for any density that is one: E_q[p/q] = 1 with q a wider Gaussian.
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var flow = Random(Small with { Height = 2, Width = 2, Levels = 1, Hidden = 4 });
        using var generator = new Generator(3);
        const double Width = 3;
        var x = Width * randn([200_000, 1, 2, 2], generator: generator);
        var logQ = (-0.5 * (x / Width).square() - Math.Log(Width) - 0.5 * Math.Log(2 * Math.PI)).flatten(1).sum(1);
        var mass = (flow.LogDensity(x) - logQ).exp().mean().item<float>();
        Assert.Equal(1, mass, 0.05);
    }

    [Fact]
    public void FirstTrainingBatch_ComesOutNormalised()
    {
        using var scope = NewDisposeScope();
        using var flow = (Glow)(Small with { Steps = 1, Levels = 1 }).Create(1);
        var norm = flow.modules().OfType<ActNorm>().First();
        var x = 5 + (3 * Images(64, 1, 8));
        flow.train();
        flow.Encode(x);
        var (y, _) = norm.Forward(nn.functional.pixel_unshuffle(x, 2));
        Assert.True(y.mean([0L, 2, 3]).abs().max().item<float>() < 1e-4);
        Assert.True((y.square().mean([0L, 2, 3]) - 1).abs().max().item<float>() < 1e-3);
        Assert.Contains("levels.0.steps.0.initialized", flow.state_dict().Keys);
    }

    [Fact]
    public void BitsPerDimension_OfUniformDensity_AreEight()
    {
        using var flow = Small.Create(1);
        Assert.Equal(8, flow.BitsPerDimension(-Small.Dimensions * Math.Log(256)), 1e-9);
    }

    [Fact]
    public void Evaluate_WithSeveralDraws_IsTheLogarithmOfTheirMean()
    {
        const int Draws = 6;
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var flow = Random(Small);
        var bytes = randint(0, 256, [8, 1, 8, 8]).to(uint8);
        using var generator = new Generator(5);
        var draws = stack([.. Enumerable.Range(0, Draws).Select(_ => flow.LogProbability(bytes, generator).to(float64))]);
        var report = FlowLikelihood.Evaluate(flow, [bytes], Draws, seed: 5);
        Assert.Equal(8, report.Images);
        Assert.Equal(((draws - draws.max()).exp().mean([0L]).log() + draws.max()).mean().item<double>(), report.LogProbability, 1e-3);
        Assert.True(report.LogProbability > draws.mean().item<double>());
        Assert.Equal(report.BitsPerDimension, -report.LogProbability / (64 * Math.Log(2)), 1e-9);
    }

    [Fact]
    public void Config_OfImpossibleLevels_IsRefusedByName()
    {
        var error = Assert.Throws<ArgumentException>(() => (Small with { Levels = 4 }).Create());
        Assert.Contains("levels is 4", error.Message, StringComparison.Ordinal);
    }

    /// <summary>A flow that is far from the identity everywhere.</summary>
    private static NormalizingFlow Random(GlowConfig config)
    {
        var flow = config.Create(1);
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        manual_seed(2);
        foreach (var (name, parameter) in flow.named_parameters())
        {
            if (!name.EndsWith("steps.1.weight", StringComparison.Ordinal)) parameter.add_(0.1 * randn_like(parameter));
        }
        flow.eval();
        return flow;
    }

    private static Tensor Images(int count, int channels, int side)
    {
        using var generator = new Generator(7);
        return rand([count, channels, side, side], generator: generator) - 0.5;
    }
}

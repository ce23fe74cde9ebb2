using Imago.Diffusion;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Tests;

public class ProbabilityFlowTests
{
    /// <summary>The slope of one Gaussian is the same in every direction, so that one probe of signs gives the exact divergence.</summary>
    [Theory]
    [InlineData("variance-preserving")]
    [InlineData("variance-exploding")]
    [InlineData("flow")]
    public void LogLikelihood_OfAGaussian_IsItsLogDensity(string name)
    {
        using var scope = NewDisposeScope();
        var (process, gaussian) = (MixtureWorld.Processes[name], new GaussianMixtureDenoiser(zeros(1, 3, float64), tensor([0.7]), tensor([1.0])));
        var (clean, noisy) = (process.AtRatio(0.05), process.AtRatio(300));
        var x = randn([4, 3, 1, 1], float64, generator: new Generator(1));
        var value = ProbabilityFlow.LogLikelihood(gaussian.Denoise, x, ones_like(x), process, clean, noisy, 1e-9, 1e-9);
        Assert.InRange((value - gaussian.LogDensity(x, clean)).abs().max().item<double>(), 0, 1e-3);            // (0.7/300)² of the prior's variance is left out
    }

    [Fact]
    public void LogLikelihood_OfAMixture_MeanOverProbes_IsItsLogDensity()
    {
        using var scope = NewDisposeScope();
        var (process, mixture) = (MixtureWorld.Processes["variance-exploding"], MixtureWorld.Mixture());
        var (clean, noisy, x) = (process.AtRatio(0.1), process.AtRatio(5000), MixtureWorld.Start(6, 1, process.AtRatio(0.1)));
        var values = new[] { (1.0, 1.0), (1.0, -1.0) }.Select(signs =>
        {
            var probe = tensor([signs.Item1, signs.Item2]).view(1, 2, 1, 1).expand_as(x);
            return ProbabilityFlow.LogLikelihood(mixture.Denoise, x, probe, process, clean, noisy, 1e-8, 1e-8);
        });
        // Over all signs in two dimensions the mean of vᵀJv is the trace itself.
        Assert.InRange((stack(values).mean([0L]) - mixture.LogDensity(x, clean)).abs().max().item<double>(), 0, 1e-3);
    }

    [Fact]
    public void LogLikelihood_LeavesOneTensor()
    {
        var (process, mixture) = (MixtureWorld.Processes["flow"], MixtureWorld.Mixture());
        using var x = MixtureWorld.Start(2, 1, process.AtRatio(0.1));
        using var probe = ones_like(x);
        Tensor Run() => ProbabilityFlow.LogLikelihood(mixture.Denoise, x, probe, process, process.AtRatio(0.1), process.AtRatio(20));
        using (Run()) { }
        var before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        using var result = Run();
        Assert.Equal(1, DisposeScopeManager.Statistics.ThreadTotalLiveCount - before);
    }

    [Fact]
    public void LogLikelihood_FromACleanLevel_IsRefused()
    {
        var process = MixtureWorld.Processes["flow"];
        using var x = zeros(1, 2, 1, 1);
        Assert.Throws<ArgumentException>(() => ProbabilityFlow.LogLikelihood(MixtureWorld.Mixture().Denoise, x, x, process, process.AtRatio(0), process.AtRatio(10)));
    }

    [Fact]
    public void BitsPerDimension_OfUniformBytes_IsEight() =>
        Assert.Equal(8, ProbabilityFlow.BitsPerDimension(-12 * Math.Log(256 * 2.0 / 255), 12), 1e-12);
}

using Imago.Probability;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Tests;

public class ReconstructionTests
{
    /// <summary>Every 8-bit level as an image of one pixel, [256, 1, 1, 1] in [−1, 1].</summary>
    private static Tensor Levels => (arange(256, float64) / 127.5 - 1).view(256, 1, 1, 1);

    [Theory]
    [InlineData(0.0, -3.0)]
    [InlineData(0.95, -1.0)]
    [InlineData(-1.2, -4.5)]
    public void Discretised_MassOfAllLevels_IsOne(double mean, double logScale)
    {
        using var scope = NewDisposeScope();
        var (m, s) = (full(1, mean, float64), full(1, logScale, float64));
        Assert.Equal(1, (-Reconstruction.DiscretisedLogistic(m, s, Levels)).exp().sum().item<double>(), 1e-9);
        Assert.Equal(1, (-Reconstruction.DiscretisedGaussian(m, s, Levels)).exp().sum().item<double>(), 1e-6);
    }

    [Fact]
    public void DiscretisedLogistic_FarFromTheMean_StaysFiniteWithAGradient()
    {
        using var scope = NewDisposeScope();
        var mean = full(1, 60.0, float32).requires_grad_();
        Reconstruction.DiscretisedLogistic(mean, full(1, -4.0, float32), full([1, 1, 1, 1], -0.5, float32)).sum().backward();
        Assert.True(mean.grad!.isfinite().all().item<bool>());
        Assert.NotEqual(0, mean.grad!.item<float>());
    }

    [Theory]
    [InlineData(-7.0)]
    [InlineData(-0.0199)]
    [InlineData(0.0)]
    [InlineData(0.0201)]
    [InlineData(3.0)]
    public void ContinuousBernoulli_Density_IntegratesToOne(double logit)
    {
        using var scope = NewDisposeScope();
        const int n = 20_000;
        var x = ((arange(n, float64) + 0.5) / n).view(n, 1, 1, 1);
        Assert.Equal(1, (-Reconstruction.ContinuousBernoulli(full_like(x, logit), x)).exp().mean().item<double>(), 1e-6);
    }

    [Fact]
    public void Densities_OfThePixel_IntegrateToOne()
    {
        using var scope = NewDisposeScope();
        const int n = 40_001;
        var x = linspace(-20, 20, n, float64).view(n, 1, 1, 1);
        double Integral(Tensor minusLog) => (-minusLog).exp().sum().item<double>() * 40 / (n - 1);
        Assert.Equal(1, Integral(Reconstruction.Gaussian(zeros_like(x), x, 0.7)), 1e-6);
        Assert.Equal(1, Integral(Reconstruction.Laplace(zeros_like(x), x, 0.7)), 1e-5);
    }

    [Fact]
    public void Bernoulli_OfAPerfectReconstruction_IsTheEntropyOfThePixels()
    {
        using var scope = NewDisposeScope();
        var x = rand([2, 1, 4, 4], float64, generator: new Generator(1)).clamp(0.01, 0.99);
        var error = (Reconstruction.Bernoulli(x.logit(), x) - Reconstruction.BernoulliEntropy(x)).abs().max().item<double>();
        Assert.InRange(error, 0, 1e-9);
    }

    [Fact]
    public void GaussianOptimal_IsTheLowestOfAllWidths()
    {
        using var scope = NewDisposeScope();
        var (mean, x) = (rand([3, 1, 4, 4], float64, generator: new Generator(1)), rand([3, 1, 4, 4], float64, generator: new Generator(2)));
        var best = Reconstruction.GaussianOptimal(mean, x).mean().item<double>();
        foreach (var sigma in new[] { 0.05, 0.2, 0.35, 0.5, 1.0 }) Assert.True(best <= Reconstruction.Gaussian(mean, x, sigma).mean().item<double>());
    }

    [Fact]
    public void Gaussian_OfUnitWidth_IsHalfTheSquaredErrorAndAConstant()
    {
        using var scope = NewDisposeScope();
        var (mean, x) = (rand([3, 1, 4, 4], float64, generator: new Generator(1)), rand([3, 1, 4, 4], float64, generator: new Generator(2)));
        var difference = Reconstruction.Gaussian(mean, x, 1) - 0.5 * Reconstruction.SquaredError(mean, x);
        Assert.InRange((difference - 8 * Math.Log(2 * Math.PI)).abs().max().item<double>(), 0, 1e-12);
    }

    [Fact]
    public void LogCosh_FarAway_IsTheAbsoluteError()
    {
        using var scope = NewDisposeScope();
        var far = Reconstruction.LogCosh(zeros(1, 1, 1, 1), full([1, 1, 1, 1], 1000.0), 10).item<float>();
        Assert.Equal(1000 - Math.Log(2) / 10, far, 1e-3);
    }
}

using Imago.Probability;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Tests;

public class DiagonalGaussianTests
{
    private const int Samples = 200_000;

    private static DiagonalGaussian Some(long seed)
    {
        var generator = new Generator((ulong)seed);
        return new DiagonalGaussian(randn([2, 3], float64, generator: generator), 0.7 * randn([2, 3], float64, generator: generator));
    }

    /// <summary>Samples of every component, [S, 2, 3].</summary>
    private static Tensor Draw(DiagonalGaussian q) => q.Sample(randn([Samples, 2, 3], float64, generator: new Generator(5)));

    private static void AssertNear(Tensor want, Tensor got, double tolerance) => Assert.InRange((want - got).abs().max().item<double>(), 0, tolerance);

    [Fact]
    public void Kl_OfStandardNormal_IsZero()
    {
        var prior = new DiagonalGaussian(zeros(2, 3), zeros(2, 3));
        Assert.Equal(0, prior.Kl().abs().max().item<float>());
    }

    [Fact]
    public void Kl_ClosedForm_EqualsMonteCarlo()
    {
        using var scope = NewDisposeScope();
        var q = Some(1);
        var z = Draw(q);
        AssertNear(q.KlPerLatent(), (q.LogDensityPerLatent(z) - DiagonalGaussian.LogPriorPerLatent(z)).mean([0]), 0.02);
    }

    [Fact]
    public void KlToAnother_ClosedForm_EqualsMonteCarlo()
    {
        using var scope = NewDisposeScope();
        var (q, p) = (Some(1), Some(2));
        var z = Draw(q);
        AssertNear(q.KlPerLatent(p), (q.LogDensityPerLatent(z) - p.LogDensityPerLatent(z)).mean([0]), 0.05);
    }

    [Fact]
    public void KlToAnother_WhereThatIsThePrior_IsKl()
    {
        using var scope = NewDisposeScope();
        var (q, prior) = (Some(1), new DiagonalGaussian(zeros([2, 3], float64), zeros([2, 3], float64)));
        AssertNear(q.Kl(), q.Kl(prior), 1e-12);
    }

    [Fact]
    public void KlToAnother_OfItself_IsZero()
    {
        using var scope = NewDisposeScope();
        AssertNear(zeros(2, float64), Some(1).Kl(Some(1)), 1e-12);
    }

    [Fact]
    public void Entropy_IsMinusTheMeanLogDensity()
    {
        using var scope = NewDisposeScope();
        var q = Some(3);
        AssertNear(q.EntropyPerLatent(), -q.LogDensityPerLatent(Draw(q)).mean([0]), 0.02);
    }

    [Fact]
    public void Sample_HasTheMeanAndStandardDeviation()
    {
        using var scope = NewDisposeScope();
        var q = Some(4);
        var z = Draw(q);
        AssertNear(q.Mean, z.mean([0]), 0.03);
        AssertNear(q.StandardDeviation, z.std(0), 0.03);
    }

    [Fact]
    public void LogDensity_SumsOverPositions()
    {
        using var scope = NewDisposeScope();
        var q = new DiagonalGaussian(zeros(2, 4, 3, 3), ones(2, 4, 3, 3));
        var z = rand([2, 4, 3, 3], generator: new Generator(1));
        Assert.Equal([2L], q.LogDensity(z).shape);
        AssertNear(q.LogDensityPerLatent(z).sum([1, 2, 3]).to(float64), q.LogDensity(z).to(float64), 1e-4);
    }
}

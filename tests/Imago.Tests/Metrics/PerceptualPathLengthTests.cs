using Imago.Metrics;
using Imago.Randomness;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Tests;

public class PerceptualPathLengthTests
{
    [Fact]
    public void Summary_DropsWhatLiesOutsideThePercentiles()
    {
        using var scope = NewDisposeScope();
        var summary = PerceptualPathLength.Summarise(arange(101, dtype: float64), lower: 10, upper: 80);
        Assert.Equal(new PathLengthSummary(45, Math.Sqrt((71 * 71 - 1) / 12.0), 71, 10, 80), summary);
        Assert.Equal(101, PerceptualPathLength.Summarise(arange(101, dtype: float64), null, null).Kept);
        Assert.Equal((0, 4), (PerceptualPathLength.Summarise(arange(5, dtype: float64)).Lower, PerceptualPathLength.Summarise(arange(5, dtype: float64)).Upper));
    }

    [Fact]
    public void Distances_AreDividedByTheSquareOfTheStep()
    {
        using var scope = NewDisposeScope();
        Assert.True(PerceptualPathLength.Distances(tensor([0.02f, 0.5f]), 0.1).allclose(tensor([2f, 50f]), 1e-5));
    }

    [Fact]
    public void Slerp_KeepsTheLengthOfUnitVectors_AndIsStraightWhereThereIsNoArc()
    {
        using var scope = NewDisposeScope();
        var a = tensor(new double[,] { { 1, 0 }, { 1, 0 }, { 1, 0 }, { 0, 0 } });
        var b = tensor(new double[,] { { 0, 1 }, { 3, 0 }, { -1, 0 }, { 0, 2 } });
        var third = LatentSteps.Slerp(a, b, 1 / 3.0);
        Assert.True(third.allclose(tensor(new double[,] { { Math.Sqrt(0.75), 0.5 }, { 5 / 3.0, 0 }, { 1 / 3.0, 0 }, { 0, 2 / 3.0 } }), 1e-9));
        Assert.True(LatentSteps.SlerpUnit(a[..2], b[..2], 0.4).square().sum(1).allclose(ones(2, float64)));
        Assert.True(LatentSteps.Lerp(a, b, 1).allclose(b));
    }

    [Fact]
    public void Noise_IsThatOfNumPy()
    {
        using var scope = NewDisposeScope();
        Assert.True(LatentSteps.Normal(new NumpyRandom(0), 1, 3).allclose(tensor([1.764052345967664f, 0.4001572083672233f, 0.9787379841057392f]).view(1, 3)));
        Assert.True(LatentSteps.PositiveUnit(new NumpyRandom(0), 5, 3).square().sum(1).allclose(ones(5)));
    }
}

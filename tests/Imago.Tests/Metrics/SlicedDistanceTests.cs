using Imago.Metrics;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Tests;

public class SlicedDistanceTests
{
    [Fact]
    public void PerDirection_OfAShiftedSet_IsTheSquareOfTheShiftAlongIt()
    {
        using var scope = NewDisposeScope();
        var (x, shift) = (ReferenceSets.A(), tensor([1.0, 0, 2, 0, 0, -1]));
        var directions = SlicedDistance.Directions(20, 6, new Generator(1)).to(float64);
        Assert.True(SlicedDistance.PerDirection(x, x.flip(0) + shift, directions).allclose(directions.matmul(shift).square(), 1e-9));
        Assert.True(directions.square().sum(1).allclose(ones(20, float64), 1e-6));
    }

    [Fact]
    public void PerDirection_AlongTheAxes_IsThatOfNumPy()
    {
        using var scope = NewDisposeScope();
        Assert.Equal(2.0171406767, 18 * SlicedDistance.PerDirection(ReferenceSets.A(), ReferenceSets.B(), eye(6, dtype: float64)).mean().item<double>(), 1e-9);
    }

    [Fact]
    public void Distance_OfASetToItself_IsZero_AndOfUnequalSetsIsDefined()
    {
        using var scope = NewDisposeScope();
        var x = ReferenceSets.A();
        Assert.Equal(0, SlicedDistance.Between(x, x.flip(0), 10), 1e-12);
        Assert.Equal(SlicedDistance.Between(x, x[..300], 10, seed: 4), SlicedDistance.Between(x, x[..300], 10, seed: 4));
        Assert.InRange(SlicedDistance.Between(x, x[..300], 10), 1e-6, 0.5);
    }
}

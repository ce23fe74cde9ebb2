using Imago.Exploration;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Tests;

public class InterpolationsTests
{
    public static TheoryData<string> Ways => [.. Interpolations.All.Keys];

    private static Tensor Gaussian(long seed, params long[] shape)
    {
        using var generator = new Generator((ulong)seed);
        return randn(shape, dtype: float64, generator: generator);
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public void Ends_AreExact(string name)
    {
        using var scope = NewDisposeScope();
        var (a, b) = (Gaussian(1, 2, 3, 3), Gaussian(2, 2, 3, 3));
        var path = Interpolations.Path(Interpolations.All[name], a, b, 5);
        Assert.Equal([5, 2, 3, 3], path.shape);
        Assert.True(path[0].allclose(a));
        Assert.True(path[4].allclose(b));
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public void Reversed_IsTheSameWay(string name)
    {
        using var scope = NewDisposeScope();
        var (a, b, way) = (Gaussian(1, 7), Gaussian(2, 7), Interpolations.All[name]);
        Assert.True(way(a, b, 0.3).allclose(way(b, a, 0.7)));
    }

    [Fact]
    public void Spherical_BetweenEqualLengths_KeepsTheLength_AndTurnsEvenly()
    {
        using var scope = NewDisposeScope();
        var (a, b) = (Gaussian(1, 16), Gaussian(2, 16));
        b *= a.norm() / b.norm();
        var angle = Interpolations.Angle(a, b);
        foreach (var t in new[] { 0.1, 0.5, 0.9 })
        {
            var point = Interpolations.Spherical(a, b, t);
            Assert.Equal(a.norm().item<double>(), point.norm().item<double>(), 12);
            Assert.Equal(t * angle, Interpolations.Angle(a, point), 12);
        }
    }

    [Fact]
    public void Spherical_Parallel_IsStraight()
    {
        using var scope = NewDisposeScope();
        var a = Gaussian(1, 4);
        Assert.True(Interpolations.Spherical(a, 3 * a, 0.5).allclose(2 * a));
    }

    [Fact]
    public void Spherical_Opposite_IsRefused()
    {
        using var scope = NewDisposeScope();
        var a = Gaussian(1, 4);
        Assert.Throws<ArgumentException>(() => Interpolations.Spherical(a, -2 * a, 0.5));
    }

    [Fact]
    public void Gaussian_OfNormalEnds_HasHalfWayACentralPoint()
    {
        using var scope = NewDisposeScope();
        var a = Gaussian(1, 5);
        Assert.True(Interpolations.Gaussian(a, -a, 0.5).abs().max().item<double>() < 1e-12);
    }

    [Fact]
    public void Grid_HasItsCornersAndEdges()
    {
        using var scope = NewDisposeScope();
        Tensor[] corners = [.. Enumerable.Range(1, 4).Select(seed => Gaussian(seed, 6))];
        var grid = Interpolations.Grid(Interpolations.All["spherical"], corners[0], corners[1], corners[2], corners[3], 3, 4);
        Assert.Equal([3, 4, 6], grid.shape);
        Assert.True(grid[0, 0].allclose(corners[0]));
        Assert.True(grid[0, 3].allclose(corners[1]));
        Assert.True(grid[2, 0].allclose(corners[2]));
        Assert.True(grid[2, 3].allclose(corners[3]));
        Assert.True(grid[1, 0].allclose(Interpolations.Spherical(corners[0], corners[2], 0.5)));
    }

    [Fact]
    public void Path_LeavesNothingBehind_AndKeepsTheType()
    {
        using var scope = NewDisposeScope();
        var (a, b) = (Gaussian(1, 8).to(float32), Gaussian(2, 8).to(float32));
        var before = Tensor.TotalCount;
        foreach (var way in Interpolations.All.Values)
        {
            using var path = Interpolations.Path(way, a, b, 4);
            Assert.Equal(float32, path.dtype);
        }
        Assert.Equal(before, Tensor.TotalCount);
    }
}

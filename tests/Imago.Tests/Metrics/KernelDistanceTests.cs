using Imago.Metrics;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Tests;

public class KernelDistanceTests
{
    private static KernelDistanceOptions Whole(int size, FeatureKernel? kernel = null) => new() { Subsets = 1, SubsetSize = size, Kernel = kernel ?? new FeatureKernel.Polynomial() };

    [Fact]
    public void Distance_OfTheReferenceSets_IsThatOfNumPy()
    {
        using var scope = NewDisposeScope();
        Assert.Equal(0.3537350035, KernelDistance.Between(ReferenceSets.A(), ReferenceSets.B(), Whole(400)).Mean, 1e-9);
    }

    /// <summary>With the kernel x·y the estimate is |mean x − mean y|² without the terms of a feature with itself.</summary>
    [Fact]
    public void Distance_ByALinearKernel_IsTheUnbiasedSquareOfTheMeans()
    {
        using var scope = NewDisposeScope();
        var (x, y) = (tensor([1.0, 2, 6]).view(3, 1), tensor([4.0, 4, 5]).view(3, 1));
        var expected = (1 * 2 + 1 * 6 + 2 * 6) / 3.0 + (4 * 4 + 4 * 5 + 4 * 5) / 3.0 - 2 * 9 * 13 / 9.0;
        Assert.Equal(expected, KernelDistance.Between(x, y, Whole(3, new FeatureKernel.Polynomial(1, Gamma: 1, Offset: 0))).Mean, 1e-12);
    }

    /// <summary>Over all ways of cutting one set in two halves the estimates average to 0: it is unbiased.</summary>
    [Fact]
    public void Distance_OfHalvesOfASet_IsZeroOnAverage()
    {
        using var scope = NewDisposeScope();
        var x = randn([6, 3], float64, generator: new Generator(1));
        var halves = Enumerable.Range(0, 1 << 6).Select(bits => Enumerable.Range(0, 6).ToLookup(i => (bits >> i & 1) == 1, i => (long)i)).Where(half => half[true].Count() == 3);
        Tensor Rows(IEnumerable<long> rows) => x.index_select(0, tensor(rows.ToArray()));
        foreach (var kernel in new FeatureKernel[] { new FeatureKernel.Polynomial(), new FeatureKernel.Gaussian(1) })
            Assert.Equal(0, halves.Average(half => KernelDistance.Between(Rows(half[true]), Rows(half[false]), Whole(3, kernel)).Mean), 1e-12);
    }

    [Fact]
    public void Kernels_AreTheirFormulas()
    {
        using var scope = NewDisposeScope();
        var (x, y) = (tensor([1.0, 2]).view(1, 2), tensor([3.0, -1]).view(1, 2));
        Assert.Equal(Math.Pow(1 / 2.0 + 1, 3), new FeatureKernel.Polynomial().Of(x, y).item<double>(), 1e-12);
        Assert.Equal(Math.Exp(-13 / 8.0), new FeatureKernel.Gaussian(2).Of(x, y).item<double>(), 1e-12);
    }

    [Fact]
    public void Subsets_AreThoseOfTheLibraryNamed()
    {
        var options = new KernelDistanceOptions { Subsets = 2, SubsetSize = 12, Seed = 0 };
        var first = KernelDistance.Draw(50, 30, options).First();
        Assert.Equal([28, 11, 10, 41, 2, 27, 38, 31, 22, 4, 33, 35], first.First);         // RandomState(0).choice(50, 12, replace=False), then choice(30, 12)
        Assert.Equal([25, 26, 23, 22, 19, 12, 28, 11, 2, 14, 24, 3], first.Second);
        var (ours, theirs) = KernelDistance.Draw(30, 50, options with { Draws = SubsetDraws.CleanFid }).First();
        Assert.Equal((first.Second, first.First), (ours, theirs), (a, b) => a.Item1.SequenceEqual(b.Item1) && a.Item2.SequenceEqual(b.Item2));
    }

    [Fact]
    public void Distance_LeavesNothingBehind()
    {
        using var scope = NewDisposeScope();
        var (a, b) = (ReferenceSets.A(), ReferenceSets.B());
        var before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        KernelDistance.Between(a, b, new KernelDistanceOptions { Subsets = 3, SubsetSize = 50 });
        Assert.Equal(before, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
    }

    [Fact]
    public void WhatHasNoDistance_IsRefused()
    {
        using var scope = NewDisposeScope();
        var a = ReferenceSets.A();
        Assert.Contains("1000", Assert.Throws<ArgumentException>(() => KernelDistance.Between(a, a)).Message, StringComparison.Ordinal);
        Assert.Contains("same network", Assert.Throws<ArgumentException>(() => KernelDistance.Between(a, a[.., ..3], Whole(10))).Message, StringComparison.Ordinal);
        var broken = a.clone();
        broken[3, 3] = double.NaN;
        Assert.Contains("finite", Assert.Throws<ArgumentException>(() => KernelDistance.Between(a, broken, Whole(10))).Message, StringComparison.Ordinal);
    }
}

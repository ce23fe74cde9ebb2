using Imago.Randomness;

namespace Imago.Tests;

public class NumpyGeneratorTests
{
    public static TheoryData<string> Densities() => ["normal", "exponential"];

    [Theory]
    [MemberData(nameof(Densities))]
    public void Strips_HaveTheSameArea(string density)
    {
        var ziggurat = density == "normal" ? Ziggurat.Normal : Ziggurat.Exponential;
        var (edges, heights) = (ziggurat.Widths(0), ziggurat.Densities());
        var area = edges[0] * heights[255];
        for (int i = 1; i < 255; i++) Assert.Equal(1, edges[i + 1] * (heights[i] - heights[i + 1]) / area, 12);
        Assert.Equal(1, edges[1] * (1 - heights[1]) / area, 9);
        Assert.Equal(ziggurat.Tail, edges[255]);
    }

    [Fact]
    public void NormalAndExponentialNumbers_HaveTheirMoments()
    {
        var random = new NumpyGenerator(1);
        double[] normal = [.. Enumerable.Range(0, 200_000).Select(_ => random.NextNormal())], exponential = [.. Enumerable.Range(0, 200_000).Select(_ => random.NextExponential())];
        Assert.Equal(0, normal.Average(), 0.01);
        Assert.Equal(1, normal.Average(x => x * x), 0.02);
        Assert.Equal(3, normal.Average(x => x * x * x * x), 0.1);
        Assert.Equal(1, exponential.Average(), 0.01);
        Assert.Equal(2, exponential.Average(x => x * x), 0.05);
        Assert.Contains(normal, x => Math.Abs(x) > Ziggurat.Normal.Tail);
    }

    [Fact]
    public void Halves_AreTheLowOneThenTheHighOne()
    {
        var (whole, halves) = (new NumpyGenerator(7), new NumpyGenerator(7));
        for (int i = 0; i < 5; i++) Assert.Equal(whole.NextUInt64(), halves.NextUInt32() | (ulong)halves.NextUInt32() << 32);
    }

    [Theory]
    [InlineData(50, 10)]
    [InlineData(50_000, 10)]
    [InlineData(20_000, 5_000)]
    [InlineData(20_000, 20_000)]
    public void Choice_WithoutReplacement_DrawsDifferentNumbers(int n, int count)
    {
        var chosen = new NumpyGenerator(3).Choice(n, count, replace: false);
        Assert.Equal(count, chosen.Distinct().Count());
        Assert.All(chosen, number => Assert.InRange(number, 0, n - 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => new NumpyGenerator(3).Choice(n, n + 1, replace: false));
    }

    [Theory]
    [InlineData(-5, 100_000)]
    [InlineData(0, 1L << 40)]
    [InlineData(3, 4)]
    [InlineData(0, 1L << 32)]
    [InlineData(long.MinValue, long.MaxValue)]
    public void Integers_LieInTheirRange(long low, long high)
    {
        var random = new NumpyGenerator(5);
        for (int i = 0; i < 200; i++) Assert.InRange(random.InRange(low, high), low, high - 1);
    }

    [Fact]
    public void TruncatedNormalNumbers_LieBetweenTheirBounds()
    {
        var values = new float[500];
        new TorchRandom(1).TruncatedNormal(values, -0.5f, 1);
        Assert.All(values, value => Assert.InRange(value, -0.5f, 1f));
        Assert.Throws<ArgumentException>(() => new TorchRandom(1).TruncatedNormal(new float[3], 6, 7));
    }
}

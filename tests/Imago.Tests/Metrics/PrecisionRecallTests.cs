using Imago.Metrics;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Tests;

public class PrecisionRecallTests
{
    [Theory]
    [InlineData(3, 0.9125, 0.73, 0.9991666667, 0.69)]
    [InlineData(5, 0.965, 0.8025, 1.0235, 0.83)]
    public void Scores_OfTheReferenceSets_AreThoseOfNumPy(int k, double precision, double recall, double density, double coverage)
    {
        using var scope = NewDisposeScope();
        var scores = PrecisionRecall.Of(ReferenceSets.B(), ReferenceSets.A(), new ManifoldOptions(k, Strict: false));
        Assert.Equal((precision, recall, density, coverage), (scores.Precision, scores.Recall, Math.Round(scores.Density, 10), scores.Coverage));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Scores_AreThoseOfEveryPairOneByOne(bool strict)
    {
        using var scope = NewDisposeScope();
        var whole = randint(0, 4, [80, 3], float64, generator: new Generator(3));         // on a grid, so that distances tie with radii
        var (real, generated) = (whole[..45], whole[45..] + 1000 - 1000);
        Assert.Equal(Naive(Rows(real), Rows(generated), 3, strict), PrecisionRecall.Of(real, generated, new ManifoldOptions(3, strict)));
    }

    [Fact]
    public void Scores_OfASetWithItself_AreOne()
    {
        using var scope = NewDisposeScope();
        var x = ReferenceSets.A();
        Assert.Equal(new ManifoldScores(1, 1, 1, 1), PrecisionRecall.Of(x, x, ManifoldOptions.Prdc));      // each lies in k balls: its own, and those of which it is not the last
        Assert.Equal(1, PrecisionRecall.Of(x, x).FScore, 1e-12);
    }

    [Fact]
    public void Scores_OfSetsFarApart_AreZero()
    {
        using var scope = NewDisposeScope();
        Assert.Equal(new ManifoldScores(0, 0, 0, 0), PrecisionRecall.Of(ReferenceSets.A(), ReferenceSets.A() + 1e4));
    }

    [Fact]
    public void Radii_OfPointsOnALine_AreTheirDistances()
    {
        using var scope = NewDisposeScope();
        var x = tensor([0.0, 1, 3, 7]).view(4, 1) + 1e6;
        Assert.Equal([1, 1, 2, 4], PrecisionRecall.Radii(x, 1).data<double>().ToArray());
        Assert.Equal([3, 2, 3, 6], PrecisionRecall.Radii(x, 2).data<double>().ToArray());
    }

    [Fact]
    public void Scores_LeaveNothingBehind()
    {
        using var scope = NewDisposeScope();
        var (a, b) = (ReferenceSets.A(), ReferenceSets.B());
        var before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        PrecisionRecall.Of(a, b);
        Assert.Equal(before, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
    }

    [Fact]
    public void NoMoreFeaturesThanNeighbours_AreRefused() =>
        Assert.Contains("at least 4", Assert.Throws<ArgumentException>(() => PrecisionRecall.Of(zeros(3, 2), zeros(9, 2))).Message, StringComparison.Ordinal);

    private static double[][] Rows(Tensor x) => [.. x.unbind(0).Select(row => row.data<double>().ToArray())];

    private static ManifoldScores Naive(double[][] real, double[][] generated, int k, bool strict)
    {
        static double Distance(double[] a, double[] b) => a.Zip(b, (x, y) => (x - y) * (x - y)).Sum();
        double[] Radii(double[][] set) => [.. set.Select(x => set.Select(y => Distance(x, y)).Order().ElementAt(k))];
        bool Inside(double distance, double radius) => strict ? distance < radius : distance <= radius;
        var (radii, fakeRadii) = (Radii(real), Radii(generated));
        int Balls(double[] y) => real.Zip(radii).Count(ball => Inside(Distance(ball.First, y), ball.Second));
        var recalled = real.Count(x => generated.Zip(fakeRadii).Any(ball => Inside(Distance(ball.First, x), ball.Second)));
        var covered = real.Zip(radii).Count(ball => generated.Any(y => Inside(Distance(ball.First, y), ball.Second)));
        return new ManifoldScores((double)generated.Count(y => Balls(y) > 0) / generated.Length, (double)recalled / real.Length, generated.Sum(Balls) / ((double)k * generated.Length), (double)covered / real.Length);
    }
}

using Imago.Exploration;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Tests;

public class LatentToolsTests
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    /// <summary>Two classes that a plane parts up to a few points, with another attribute that goes along with the first.</summary>
    private static (Tensor Z, bool[] With, bool[] Other) Example(int n = 200, int d = 5, long seed = 3)
    {
        using var generator = new Generator((ulong)seed);
        var with = Enumerable.Range(0, n).Select(i => i % 2 == 1).ToArray();
        var other = Enumerable.Range(0, n).Select(i => i % 10 < 3 ? i % 2 == 0 : i % 2 == 1).ToArray();
        var z = randn(n, d, dtype: float64, generator: generator);
        z[.., 0] += 1.5 * tensor(with.Select(Convert.ToDouble).ToArray());
        z[.., 1] += 2.5 * tensor(other.Select(Convert.ToDouble).ToArray());
        return (z, with, other);
    }

    [Fact]
    public void Pca_AxesAreOrthonormal_VariancesAreThoseOfTheCoordinates_AllOfThemReconstruct()
    {
        using var scope = NewDisposeScope();
        var (z, _, _) = Example();
        using var pca = PrincipalComponents.Fit(z);
        var code = pca.Project(z);
        Assert.True(pca.Components.mm(pca.Components.t()).allclose(eye(5, dtype: float64)));
        Assert.True(code.var(0, unbiased: true).allclose(pca.ExplainedVariance));
        Assert.True(pca.Reconstruct(code).allclose(z));
        Assert.True(pca.Whiten(z).t().cov().allclose(eye(5, dtype: float64)));
        Assert.Equal(1, pca.ExplainedVarianceRatio.sum().item<double>(), 12);
        Assert.True(pca.Components.gather(1, pca.Components.abs().argmax(1, keepdim: true)).gt(0).all().item<bool>());
    }

    [Fact]
    public void Pca_AtFewerPointsThanDimensions_KeepsAtMostAsManyAxes()
    {
        using var scope = NewDisposeScope();
        Assert.Equal([3, 6], PrincipalComponents.Fit(randn(3, 6)).Components.shape);
        Assert.Throws<ArgumentException>(() => PrincipalComponents.Fit(randn(1, 6)));
    }

    [Fact]
    public void MeanDifferences_OfBalancedCells_AgreeWithEachOther()
    {
        using var scope = NewDisposeScope();
        var (z, with, _) = Example();
        var independent = Enumerable.Range(0, with.Length).Select(i => i / 2 % 2 == 1).ToArray();
        var plain = AttributeDirections.MeanDifference(z, with);
        Assert.True(plain.allclose(AttributeDirections.ReplicatedMeanDifference(z, with, independent)));
        Assert.True(plain.allclose(AttributeDirections.CellMeanDifference(z, with, independent)));
    }

    [Fact]
    public void CellMeanDifference_IsFreeOfTheConfounder()
    {
        using var scope = NewDisposeScope();
        var (z, with, other) = Example(4000);
        var plain = AttributeDirections.MeanDifference(z, with);
        var balanced = AttributeDirections.CellMeanDifference(z, with, other);
        Assert.True(plain[1].item<double>() > 0.8);                       // 2.5 · (0.7 − 0.3)
        Assert.InRange(balanced[1].item<double>(), -0.15, 0.15);
        Assert.InRange(balanced[0].item<double>(), 1.35, 1.65);
    }

    [Fact]
    public void Orthogonal_IsPerpendicularToEveryOther_EvenIfTheyDependOnEachOther()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(5);
        Tensor[] others = [randn(6, dtype: float64, generator: generator), randn(6, dtype: float64, generator: generator)];
        var direction = randn(6, dtype: float64, generator: generator);
        var free = AttributeDirections.Orthogonal(direction, others[0], others[1], others[0] - 2 * others[1]);
        foreach (var other in others) Assert.Equal(0, free.dot(other).item<double>(), 12);
        Assert.True(AttributeDirections.Orthogonal(free, others).allclose(free));
        Assert.True(AttributeDirections.Orthogonal(direction).allclose(direction));
    }

    [Fact]
    public void ScaledToMeans_AtStrengthOne_MovesOneMeanOntoTheOther_AlongTheNormal()
    {
        using var scope = NewDisposeScope();
        var (z, with, _) = Example();
        var normal = AttributeDirections.Unit(LinearClassifier.Logistic(z, with).Weight);
        var direction = AttributeDirections.ScaledToMeans(7 * normal, z, with);
        Assert.Equal(AttributeDirections.MeanDifference(z, with).dot(normal).item<double>(), direction.dot(normal).item<double>(), 12);
    }

    [Fact]
    public void EditFromBoundary_PutsTheCoordinateAtTheStrength()
    {
        using var scope = NewDisposeScope();
        var (z, direction) = (randn(4, dtype: float64), randn(4, dtype: float64));
        var edited = AttributeDirections.EditFromBoundary(z, direction, [-2, 0, 1]);
        Assert.True(edited.mv(AttributeDirections.Unit(direction)).allclose(tensor(new[] { -2.0, 0, 1 })));
    }

    [Theory]
    [InlineData("logistic")]
    [InlineData("squared hinge")]
    [InlineData("hinge")]
    public void Classifier_IsAtAMinimum(string kind)
    {
        using var scope = NewDisposeScope();
        var (z, with, _) = Example(60, 3);
        const double C = 0.5;
        var classifier = kind switch
        {
            "logistic" => LinearClassifier.Logistic(z, with, C),
            "squared hinge" => LinearClassifier.SquaredHinge(z, with, C),
            _ => LinearClassifier.Hinge(z, with, C),
        };
        var w = classifier.Weight.data<double>().ToArray();
        Assert.Equal(Objective(w, classifier.Bias), classifier.Objective, 9);
        for (int i = 0; i <= w.Length; i++)
        {
            foreach (var nudge in new[] { -1e-3, 1e-3 })
            {
                var moved = (double[])w.Clone();
                if (i < w.Length) moved[i] += nudge;
                Assert.True(Objective(moved, classifier.Bias + (i == w.Length ? nudge : 0)) >= classifier.Objective - 1e-10);
            }
        }

        double Objective(double[] weight, double bias)
        {
            var margins = z.mv(tensor(weight)).data<double>().ToArray().Zip(with, (score, label) => (label ? 1 : -1) * (score + bias));
            double Loss(double m) => kind switch
            {
                "logistic" => Math.Log(1 + Math.Exp(-m)),
                "squared hinge" => Math.Pow(Math.Max(0, 1 - m), 2),
                _ => Math.Max(0, 1 - m),
            };
            return 0.5 * weight.Sum(x => x * x) + (kind == "squared hinge" ? 0.5 * bias * bias : 0) + C * margins.Sum(Loss);
        }
    }

    [Fact]
    public void Roc_OfPerfectOppositeAndUselessScores()
    {
        bool[] labels = [false, false, true, true];
        Assert.Equal(1, RocCurve.Area([1, 2, 3, 4], labels));
        Assert.Equal(0, RocCurve.Area([4, 3, 2, 1], labels));
        Assert.Equal(0.5, RocCurve.Area([7, 7, 7, 7], labels));
        Assert.Equal((2.5, 1), RocCurve.BestThreshold([1, 2, 3, 4], labels));
        Assert.Throws<ArgumentException>(() => RocCurve.Area([1, 2], [true, true]));
    }

    [Fact]
    public void Roc_Area_IsTheShareOfPairsInOrder()
    {
        var random = new Random(1);
        var scores = Enumerable.Range(0, 40).Select(_ => (double)random.Next(8)).ToArray();
        var labels = scores.Select(_ => random.Next(2) == 1).ToArray();
        var pairs = from p in Enumerable.Range(0, 40) where labels[p] from n in Enumerable.Range(0, 40) where !labels[n] select scores[p].CompareTo(scores[n]);
        Assert.Equal(pairs.Average(order => (order + 1) / 2.0), RocCurve.Area(scores, labels), 12);
    }

    [Fact]
    public void Neighbours_OfAPointInTheSet_StartWithItself_UnlessLeftOut()
    {
        using var scope = NewDisposeScope();
        var (z, _, _) = Example(30);
        var (indices, distances) = NearestNeighbours.Find(z, z, 3);
        Assert.True(indices[.., 0].eq(arange(30)).all().item<bool>());
        Assert.Equal(0, distances[.., 0].max().item<double>());
        var (others, _) = NearestNeighbours.WithinSet(z, 2);
        Assert.True(others.eq(indices[.., 1..]).all().item<bool>());
        Assert.Throws<ArgumentOutOfRangeException>(() => NearestNeighbours.WithinSet(z, 30));
    }

    [Theory]
    [InlineData(MixtureCovariance.Full)]
    [InlineData(MixtureCovariance.Tied)]
    [InlineData(MixtureCovariance.Diagonal)]
    [InlineData(MixtureCovariance.Spherical)]
    public void Mixture_OfOneComponent_IsTheGaussianOfThePoints(MixtureCovariance kind)
    {
        using var scope = NewDisposeScope();
        var (z, _, _) = Example();
        using var mixture = GaussianMixture.Fit(z, 1, kind, regularisation: 0, cancellation: Stop);
        var covariance = (z - z.mean([0])).t().mm(z - z.mean([0])) / z.shape[0];
        Assert.True(mixture.Means[0].allclose(z.mean([0])));
        var expected = kind switch
        {
            MixtureCovariance.Full => covariance.unsqueeze(0),
            MixtureCovariance.Tied => covariance,
            MixtureCovariance.Diagonal => covariance.diagonal().unsqueeze(0),
            _ => covariance.diagonal().mean().unsqueeze(0),
        };
        Assert.True(mixture.Covariances.allclose(expected));
    }

    [Theory]
    [InlineData(MixtureCovariance.Full)]
    [InlineData(MixtureCovariance.Diagonal)]
    public void Mixture_FindsTwoClusters_AndSamplesThem(MixtureCovariance kind)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(9);
        var z = randn(600, 2, dtype: float64, generator: generator);
        z[..200] += 10;
        using var mixture = GaussianMixture.Fit(z, 2, kind, cancellation: Stop);
        var weights = mixture.Weights.data<double>().ToArray().Order().ToArray();
        Assert.Equal(1 / 3.0, weights[0], 3);
        var samples = mixture.Sample(3000, generator);
        Assert.InRange(samples[.., 0].gt(5).to(float64).mean().item<double>(), 0.29, 0.38);
        Assert.True(mixture.Responsibilities(z).sum(1).allclose(ones(600, dtype: float64)));
    }

    [Fact]
    public void Mixture_EveryStep_RaisesTheLikelihood()
    {
        using var scope = NewDisposeScope();
        var (z, _, _) = Example();
        var mixture = GaussianMixture.CreateShared(ones(3, dtype: float64) / 3, z[..3], eye(5, dtype: float64), MixtureCovariance.Full);
        var likelihood = double.NegativeInfinity;
        for (int step = 0; step < 10; step++)
        {
            mixture = mixture.Improve(z, 1, 0, cancellation: Stop);
            Assert.True(mixture.LowerBound >= likelihood);
            likelihood = mixture.LowerBound;
        }
    }

    [Fact]
    public void Tools_LeaveNothingBehind()
    {
        using var scope = NewDisposeScope();
        var (z, with, other) = Example(40, 3);
        var before = Tensor.TotalCount;
        using (PrincipalComponents.Fit(z)) { }
        using (LinearClassifier.Logistic(z, with)) { }
        using (LinearClassifier.Hinge(z, with)) { }
        using (GaussianMixture.Fit(z, 2, cancellation: Stop)) { }
        AttributeDirections.ReplicatedMeanDifference(z, with, other).Dispose();
        var (indices, distances) = NearestNeighbours.WithinSet(z, 2);
        indices.Dispose();
        distances.Dispose();
        Assert.Equal(before, Tensor.TotalCount);
    }
}

using CsCheck;
using Imago.Probability;

namespace Imago.Tests;

public class InformationTests
{
    private static readonly Gen<double[]> Distribution = Gen.Double[0.01, 1].Array[5].Select(w => w.Select(value => value / w.Sum()).ToArray());

    private static readonly Gen<double[,]> Table = Gen.Double[0.01, 1].Array[12].Select(w =>
    {
        var table = new double[3, 4];
        for (var i = 0; i < 12; i++) table[i / 4, i % 4] = w[i] / w.Sum();
        return table;
    });

    [Fact]
    public void KullbackLeibler_IsCrossEntropyMinusEntropyAndNeverNegative() => Distribution.Select(Distribution).Sample((p, q) =>
    {
        var kl = Information.KullbackLeibler(p, q);
        Assert.True(kl >= -1e-15);
        Assert.Equal(Information.CrossEntropy(p, q) - Information.Entropy(p), kl, 1e-12);
    });

    [Fact]
    public void KullbackLeibler_OfItself_IsZero() => Distribution.Sample(p => Assert.Equal(0, Information.KullbackLeibler(p, p)));

    [Fact]
    public void KullbackLeibler_WhereQIsZeroAndPIsNot_IsInfinite() => Assert.Equal(double.PositiveInfinity, Information.KullbackLeibler([0.5, 0.5], [1, 0]));

    [Fact]
    public void JensenShannon_IsSymmetricAndAtMostLogTwo() => Distribution.Select(Distribution).Sample((p, q) =>
    {
        Assert.Equal(Information.JensenShannon(p, q), Information.JensenShannon(q, p), 1e-12);
        Assert.InRange(Information.JensenShannon(p, q), 0, Math.Log(2));
    });

    [Fact]
    public void Entropy_OfUniform_IsLogOfTheCount() => Assert.Equal(Math.Log(8), Information.Entropy([.. Enumerable.Repeat(1.0 / 8, 8)]), 1e-14);

    [Fact]
    public void RenyiDivergence_GrowsWithItsOrder() => Distribution.Select(Distribution).Sample((p, q) =>
    {
        double[] orders = [0.25, 0.5, 0.999999, 1, 1.000001, 2, 5, double.PositiveInfinity];
        var values = orders.Select(order => Information.RenyiDivergence(p, q, order)).ToArray();
        for (var i = 1; i < values.Length; i++) Assert.True(values[i] >= values[i - 1] - 1e-8);
    });

    [Fact]
    public void SampleAverage_OfManySamples_IsTheExpectationWithinFiveStandardErrors()
    {
        double[] p = [0.1, 0.2, 0.3, 0.4], f = [3, -1, 5, 2];
        const int samples = 100_000;
        var error = Math.Sqrt(Information.Variance(p, f) / samples);
        Assert.InRange(Information.SampleAverage(p, f, samples, new Random(1)) - Information.Expectation(p, f), -5 * error, 5 * error);
    }

    [Fact]
    public void ImportanceExpectation_FromAnyQ_IsTheExpectation() => Distribution.Select(Distribution).Sample((p, q) =>
    {
        double[] f = [1, -2, 3, 0.5, 7];
        Assert.Equal(Information.Expectation(p, f), Information.ImportanceExpectation(p, q, f), 1e-12);
    });

    [Fact]
    public void ConditionalExpectation_AveragedOverY_IsTheExpectation() => Table.Select(Table).Sample((p, f) =>
    {
        var joint = new JointDistribution(p);
        Assert.Equal(joint.Expectation(f), Information.Expectation(joint.Y, joint.ConditionalExpectation(f)), 1e-12);
    });

    [Fact]
    public void Variance_IsWithinPlusBetween() => Table.Select(Table).Sample((p, f) =>
    {
        var joint = new JointDistribution(p);
        var within = Information.Expectation(joint.Y, joint.ConditionalVariance(f));
        var between = Information.Variance(joint.Y, joint.ConditionalExpectation(f));
        Assert.Equal(joint.Variance(f), within + between, 1e-12);
    });

    [Fact]
    public void MutualInformation_IsWhatYTellsOfX() => Table.Sample(p =>
    {
        var joint = new JointDistribution(p);
        Assert.Equal(Information.Entropy(joint.X) - joint.EntropyOfXGivenY, joint.MutualInformation, 1e-12);
        Assert.Equal(Information.Entropy(joint.Y) - joint.EntropyOfYGivenX, joint.MutualInformation, 1e-12);
    });

    [Fact]
    public void Through_AChannel_LosesInformation() => Table.Sample(p =>
    {
        var joint = new JointDistribution(p);
        var channel = new double[,] { { 0.7, 0.3 }, { 0.2, 0.8 }, { 0.5, 0.5 }, { 0.9, 0.1 } };
        Assert.True(joint.Through(channel).MutualInformation <= joint.MutualInformation + 1e-12);
    });

    [Fact]
    public void Elbo_PlusKlToThePosterior_IsTheLogEvidence() => Distribution.Select(Distribution, Distribution).Sample((prior, likelihood, q) =>
    {
        var bound = EvidenceLowerBound.Of(prior, likelihood, q);
        Assert.Equal(bound.LogEvidence, bound.Elbo + bound.KlToPosterior, 1e-12);
        Assert.True(bound.Elbo <= bound.LogEvidence + 1e-15);
    });

    [Fact]
    public void Elbo_AtTheTruePosterior_IsTheLogEvidence() => Distribution.Select(Distribution).Sample((prior, likelihood) =>
    {
        var posterior = EvidenceLowerBound.BayesTheorem(prior, likelihood, out var evidence);
        Assert.Equal(Math.Log(evidence), EvidenceLowerBound.Of(prior, likelihood, posterior).Elbo, 1e-12);
    });

    [Fact]
    public void LogSumExp_OfLargeNumbers_DoesNotOverflow() => Assert.Equal(1000 + Math.Log(2), Information.LogSumExp([1000, 1000]), 1e-12);
}

using Imago.Metrics;
using Imago.Metrics.Disentanglement;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Tests;

public class DisentanglementTests
{
    /// <summary>Factors of 4, 5 and 3 values; codes that mix them with noise, from a linear congruential generator.</summary>
    private static (Tensor Codes, Tensor Factors) Known()
    {
        const int count = 2000;
        var (noise, codes, factors) = (ReferenceSets.Draws(4, 4 * count), new double[count, 4], new long[count, 3]);
        for (var i = 0; i < count; i++)
        {
            var (f0, f1, f2) = (i % 4, i / 4 % 5, i / 20 % 3);
            (factors[i, 0], factors[i, 1], factors[i, 2]) = (f0, f1, f2);
            codes[i, 0] = f0 + 0.3 * noise[4 * i];
            codes[i, 1] = 0.5 * f1 + 0.5 * noise[4 * i + 1];
            codes[i, 2] = f2 - 0.4 * f0 + 0.2 * noise[4 * i + 2];
            codes[i, 3] = noise[4 * i + 3];
        }
        return (tensor(codes), tensor(factors));
    }

    [Fact]
    public void Scores_OfTheKnownModel_AreThoseOfNumPy()
    {
        using var scope = NewDisposeScope();
        var (codes, factors) = Known();
        var information = DiscreteInformation.Matrix(codes, factors);
        Assert.Equal((1.378131, 0.026158, 0.010002), (information[0, 0], information[0, 1], information[0, 2]), (a, b) => Math.Abs(a.Item1 - b.Item1) + Math.Abs(a.Item2 - b.Item2) + Math.Abs(a.Item3 - b.Item3) < 3e-6);
        Assert.Equal(0.5334469535, DisentanglementScores.MutualInformationGap(codes, factors), 1e-9);
        Assert.Equal(0.7769392973, DisentanglementScores.Modularity(information), 1e-9);
        Assert.Equal(0.7893894782, DisentanglementScores.SeparatedPredictability(DisentanglementScores.SquaredCorrelations(codes, factors)), 1e-9);
        Assert.Equal(0.5437721559, InterventionalRobustness.Of(codes, factors).Score, 1e-9);
        using var statistics = FeatureStatistics.Of(codes);
        Assert.Equal(0.1203830897, UnsupervisedScores.GaussianTotalCorrelation(statistics.Covariance), 1e-9);
    }

    [Fact]
    public void Importance_IsConcentratedWhereEachCodeHasItsFactor()
    {
        var (d, c) = DisentanglementScores.OfImportance(new double[,] { { 0.7, 0.1, 0.05 }, { 0.1, 0.8, 0.05 }, { 0.1, 0.05, 0.9 }, { 0.1, 0.05, 0 } });
        Assert.Equal((0.5075653684, 0.5087161102), (d, c), (a, b) => Math.Abs(a.Item1 - b.Item1) + Math.Abs(a.Item2 - b.Item2) < 1e-9);
        Assert.Equal(1, DisentanglementScores.OfImportance(new double[,] { { 1, 0 }, { 0, 1 } }).Disentanglement, 1e-8);
        Assert.Equal(0, DisentanglementScores.OfImportance(new double[2, 2]).Disentanglement, 1e-8);
    }

    [Fact]
    public void Scores_OfCodesThatAreTheFactors_AreOne()
    {
        using var scope = NewDisposeScope();
        var (_, factors) = Known();
        var codes = cat([factors.to(float64), zeros(factors.shape[0], 1, dtype: float64)], 1);
        Assert.Equal(1, DisentanglementScores.MutualInformationGap(codes, factors), 0.01);                    // the factors are independent up to the end of the count
        Assert.Equal(1, InterventionalRobustness.Of(codes, factors).Score, 1e-12);
        Assert.Equal(1, DisentanglementScores.SeparatedPredictability(DisentanglementScores.SquaredCorrelations(codes, factors)), 0.01);
        Assert.Equal([0, 1, 2], InterventionalRobustness.Of(codes, factors).Codes);
    }

    [Fact]
    public void Votes_OfPerfectCodes_AreAllRight()
    {
        using var scope = NewDisposeScope();
        var (groups, shared) = (randn([30, 16, 3], float64, generator: new Generator(1)), Enumerable.Range(0, 30).Select(group => group % 3).ToArray());
        for (var group = 0; group < 30; group++) groups[group, .., shared[group]] = group;
        var variances = FactorVaeScore.Variances(groups.flatten(0, 1));
        var votes = FactorVaeScore.Votes(groups, shared, 3, variances)!;
        Assert.Equal(1, FactorVaeScore.Accuracy(votes, votes));
        Assert.Equal(30, votes.Sum(row => row.Sum()));
        Assert.Null(FactorVaeScore.Votes(groups, shared, 3, 1e-6 * ones(3, float64)));
    }

    [Fact]
    public void Information_OfOneDieThrownTwice_IsItsEntropy()
    {
        long[] die = [1, 2, 3, 4, 5, 6];
        Assert.Equal(Math.Log(6), DiscreteInformation.Entropy(die), 1e-12);
        Assert.Equal(Math.Log(6), DiscreteInformation.Between(die, die), 1e-12);
        Assert.Equal(0, DiscreteInformation.Between([0, 0, 1, 1], [0, 1, 0, 1]), 1e-12);
        Assert.Equal([1, 1, 2, 3], DiscreteInformation.Bins([0, 0.9, 1.1, 3], bins: 3));
        Assert.Equal([-0.5, 0, 0.5], DiscreteInformation.Edges([0, 0], bins: 2));
    }

    [Fact]
    public void UnsupervisedScores_OfIndependentCodes_AreZero_AndOfTwoCorrelatedOnesClosed()
    {
        using var scope = NewDisposeScope();
        Assert.Equal(0, UnsupervisedScores.GaussianTotalCorrelation(tensor([1.0, 2, 5]).diag()), 1e-12);
        Assert.Equal(0, UnsupervisedScores.GaussianWasserstein(tensor([1.0, 2, 5]).diag()), 1e-9);
        const double r = 0.6;                                           // eigenvalues 1 ± r, so tr √C = √(1 + r) + √(1 − r)
        var correlated = tensor(new[,] { { 1, r }, { r, 1 } });
        Assert.Equal(-0.5 * Math.Log(1 - r * r), UnsupervisedScores.GaussianTotalCorrelation(correlated), 1e-12);
        Assert.Equal(4 - 2 * (Math.Sqrt(1 + r) + Math.Sqrt(1 - r)), UnsupervisedScores.GaussianWasserstein(correlated), 1e-9);
    }

    /// <summary>A model whose codes are another's in other order and of other sign agrees with it wholly; by the lasso, which shrinks, the ratio is the same.</summary>
    [Theory]
    [InlineData(CodeSimilarity.Spearman)]
    [InlineData(CodeSimilarity.Lasso)]
    public void Ranking_OfPermutedAndFlippedCodes_IsNearlyOne(CodeSimilarity similarity)
    {
        using var scope = NewDisposeScope();
        var codes = randn([500, 3], float64, generator: new Generator(5));
        var other = stack([-codes[.., 2], 3 * codes[.., 0], codes[.., 1]], 1);
        IReadOnlyList<double> kl = [1, 1, 1];
        var pairwise = RankingAgreement.Pairwise([codes, other], [kl, kl], similarity, filtered: true);
        Assert.InRange(pairwise[0][1], 0.85, similarity == CodeSimilarity.Lasso ? 0.9 + 1e-9 : 1);
        Assert.Equal([pairwise[1][0], pairwise[0][1]], RankingAgreement.ModelScores(pairwise));
    }

    /// <summary>With one standardised code the lasso is soft thresholding.</summary>
    [Fact]
    public void Lasso_OfOneCode_IsSoftThresholding()
    {
        double[] x = [1, -1, 1, -1], y = [2, -2, 4, -4];
        Assert.Equal(3 - 0.1, Lasso.Fit([x], y)[0], 1e-9);
        Assert.Equal(0, Lasso.Fit([x], [0.05, -0.05, 0.05, -0.05])[0]);
    }
}

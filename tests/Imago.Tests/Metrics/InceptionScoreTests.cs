using Imago.Metrics;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Tests;

public class InceptionScoreTests
{
    [Fact]
    public void Score_OfSurePicturesOfEveryClass_IsTheNumberOfClasses()
    {
        using var scope = NewDisposeScope();
        var logits = 1000 * eye(5, dtype: float64).repeat(4, 1);
        var score = InceptionScore.Of(logits, splits: 2, shuffleSeed: null);
        Assert.Equal(5, score.Mean, 1e-9);
        Assert.Equal(0, score.StandardDeviation, 1e-9);
    }

    [Fact]
    public void Score_OfPicturesAllAlike_IsOne()
    {
        using var scope = NewDisposeScope();
        Assert.Equal(1, InceptionScore.Of(tensor([0.3, -2, 7]).repeat(12, 1), splits: 3).Mean, 1e-12);
    }

    /// <summary>Logits so far apart that a class has no probability at all in any picture.</summary>
    [Fact]
    public void Score_OfAClassThatNeverComes_IsThatOfTheOthers()
    {
        using var scope = NewDisposeScope();
        Assert.Equal(2, InceptionScore.Of(tensor(new double[,] { { 1e5, 0, -1e5 }, { 0, 1e5, -1e5 } }), splits: 1).Mean, 1e-12);
    }

    [Fact]
    public void Score_OfTheReferenceLogits_IsThatOfNumPy()
    {
        using var scope = NewDisposeScope();
        Assert.Equal(2.2527480145, InceptionScore.Of(ReferenceSets.Logits(), splits: 1).Mean, 1e-9);
        var split = InceptionScore.Of(ReferenceSets.Logits(), splits: 10, shuffleSeed: null);
        Assert.Equal(2.2020723972, split.Mean, 1e-9);
        Assert.Equal(0.1171298939, split.StandardDeviation, 1e-9);
    }

    [Fact]
    public void Runs_OfAFixedSize_AreSplitsWhereTheyDivideTheSet()
    {
        using var scope = NewDisposeScope();
        var logits = ReferenceSets.Logits();
        Assert.Equal(InceptionScore.OfSplits(logits, splits: 4, shuffleSeed: null), InceptionScore.OfRuns(logits, size: 100));
        Assert.Equal(3, InceptionScore.OfRuns(logits, size: 150).Count);
    }

    [Fact]
    public void FewerPicturesThanSplits_AreRefused() =>
        Assert.Contains("at least 10", Assert.Throws<ArgumentException>(() => InceptionScore.Of(zeros(9, 3))).Message, StringComparison.Ordinal);
}

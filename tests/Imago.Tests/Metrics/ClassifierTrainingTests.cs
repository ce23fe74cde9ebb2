using Imago.Data;
using Imago.Images;
using Imago.Metrics;
using Imago.Models;
using Imago.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Tests;

public class ClassifierTrainingTests
{
    private static ImageClassifierConfig Config { get; } = ClassifierTraining.ConfigFor(channels: 1, TinyDiffusion.Side, classes: 2);

    private static ImageClassifier Trained() => ClassifierTraining.Run(
        Config, new ImageLoader(TinyDiffusion.Splits.Train, new LoaderOptions { BatchSize = 8, DropLast = true }), ClassifierTraining.Options(steps: 40, Precision.Fp32), seed: 1);

    [Fact]
    public void Classifier_OfDarkAndBright_IsRightAboutHeldOutPictures()
    {
        using var classifier = Trained();
        using var reading = new ClassifierReading(classifier);
        foreach (var batch in new ImageLoader(TinyDiffusion.Splits.Validation, new LoaderOptions { BatchSize = 5, Shuffle = false }).Epoch(0))
        {
            using (batch)
            using (NewDisposeScope())
                Assert.Equal(batch.Labels!.data<long>().ToArray(), reading.Add(batch.ToFloat(PixelRange.ZeroToOne), batch.Labels!));
        }
        Assert.Equal(1, reading.Accuracy);
        Assert.Equal(TinyDiffusion.Splits.Validation.Count, reading.Features.Count);
    }

    [Fact]
    public void Training_WithOneSeed_GivesOneClassifier()
    {
        using var scope = NewDisposeScope();
        var (first, second) = (Trained(), Trained());
        var x = rand(3, 1, TinyDiffusion.Side, TinyDiffusion.Side);
        Assert.True(first.call(x).Equals(second.call(x)));
    }

    [Fact]
    public void Reading_LeavesOnlyItsStatistics()
    {
        using var scope = NewDisposeScope();
        using var classifier = Config.Create(1);
        classifier.eval();
        using var reading = new ClassifierReading(classifier);
        var (x, labels) = (rand(3, 1, TinyDiffusion.Side, TinyDiffusion.Side), tensor([0L, 1, 0]));
        var before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        reading.Add(x, labels);
        Assert.Equal(before, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
        using var noGrad = no_grad();
        Assert.True(reading.Features.Mean.allclose(classifier.Features(x).to(float64).mean([0L]), 1e-6));
    }

    [Theory]
    [InlineData(28, 2)]
    [InlineData(64, 4)]
    [InlineData(8, 1)]
    public void Network_HalvesAsOftenAsTheSideAllows(int side, int halvings)
    {
        var config = ClassifierTraining.ConfigFor(channels: 1, side, classes: 10);
        Assert.Equal(halvings, config.Widths.Count);
        using var network = config.Create();
    }

    [Fact]
    public void Network_ForAnOddSide_IsRefused() => Assert.Contains("45", Assert.Throws<ArgumentException>(() => ClassifierTraining.ConfigFor(1, 45, 10)).Message, StringComparison.Ordinal);
}

using Imago.Data;
using Imago.Generation;
using Imago.Metrics;
using Imago.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Tests;

public class TextReadingTests
{
    private static readonly ImageAttribute Choice = new("kind", 0, 2, ["a", "b", "c"], ""), Quantity = new("size", 10, 20, [], "");

    [Fact]
    public void Loss_IsCrossEntropyOfChoices_AndSquaresOfQuantities_WhereTheyAreKnown()
    {
        using var scope = NewDisposeScope();
        var outputs = new AttributeOutputs([Choice, Quantity]);
        Assert.Equal(4, outputs.Count);
        var output = tensor(new float[] { 1, 2, 3, 0.5f, 0, 0, 0, -1, 3, 1, 0, 0 }, [3, 4]);
        var truth = tensor(new float[] { 2, 20, 0, float.NaN, float.NaN, 10 }, [3, 2]);
        var ofChoice = (-Math.Log(Math.Exp(3) / (Math.E + Math.Exp(2) + Math.Exp(3))) + Math.Log(3)) / 2;      // the third kind is unknown
        var ofQuantity = 4 * (Math.Pow(0.5 - 1, 2) + Math.Pow(0 + 1, 2)) / 2;                                  // 20 is 1, 10 is −1
        Assert.Equal(ofChoice + ofQuantity, outputs.Loss(output, truth).item<float>(), 1e-5);
    }

    [Fact]
    public void TextEncoder_LearnsToRead_ThenStaysAsItIs_AndTheRunGoesOnBitForBit()
    {
        var cancellation = TestContext.Current.CancellationToken;
        using var folder = new TemporaryFolder();
        var text = TinyDiffusion.Config("text").Conditioner;
        text = text with { Conditions = [.. text.Conditions.Select(condition => condition is TextConditionConfig config ? config with { ReadingSteps = 40 } : condition)] };
        var config = TinyDiffusion.Config(text, steps: 4);
        using var fresh = text.Create(config.Seed + 1, CaptionTokenizer.Of(TinyDiffusion.Splits.Train));

        using var whole = DiffusionTraining.Prepare(config, TinyDiffusion.Splits, cancellationToken: cancellation);
        var read = Weights(whole.Model);
        Assert.NotEqual(Weights(fresh), read);
        whole.Run(cancellationToken: cancellation);
        Assert.Equal(read, Weights(whole.Model));

        var run = RunFolder.Create(folder.File("run"), config);
        using (var half = DiffusionTraining.Prepare(config with { Training = config.Training with { Steps = 2, Schedule = new LearningRateSchedule { Shape = ScheduleShape.Constant } } }, TinyDiffusion.Splits, run, cancellationToken: cancellation)) half.Run(run, cancellationToken: cancellation);
        using var rest = DiffusionTraining.Prepare(config, TinyDiffusion.Splits, run, cancellationToken: cancellation);
        rest.Run(run, cancellationToken: cancellation);
        Assert.Equal(read, Weights(rest.Model));
    }

    private static float[] Weights(DiffusionModel model) => Weights(model.Conditioner);

    private static float[] Weights(Conditioner conditioner)
    {
        using var scope = NewDisposeScope();
        return cat([.. conditioner.state_dict().OrderBy(entry => entry.Key, StringComparer.Ordinal).Select(entry => entry.Value.detach().flatten())]).data<float>().ToArray();
    }
}

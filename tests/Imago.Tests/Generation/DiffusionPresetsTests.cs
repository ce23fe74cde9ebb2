using Imago.Autoencoders;
using Imago.Diffusion;
using Imago.Generation;

namespace Imago.Tests;

public class DiffusionPresetsTests
{
    [Theory]
    [InlineData("flow", Prediction.Flow, typeof(FlowProcessConfig))]
    [InlineData("epsilon", Prediction.Epsilon, typeof(VariancePreservingConfig))]
    [InlineData("velocity", Prediction.Velocity, typeof(VariancePreservingConfig))]
    public void Run_OfAPrediction_HasItsProcess_AndTrains(string name, Prediction prediction, Type process)
    {
        var config = DiffusionPresets.Run(new RunDataConfig { Source = "tiny", BatchSize = 8 }, TinyDiffusion.Splits, minutes: 1, "class", name);
        Assert.Equal(prediction, config.Objective.Prediction);
        Assert.IsType(process, config.Process);
        Assert.Equal(1, config.Data.Channels);
        using var training = DiffusionTraining.Prepare(config with { Training = config.Training with { Steps = 1 } }, TinyDiffusion.Splits);
        Assert.Equal(1, training.Run().Steps);
    }

    [Fact]
    public void Objective_OfAnUnknownPrediction_NamesThePossibleOnes() =>
        Assert.Contains("velocity", Assert.Throws<ArgumentException>(() => DiffusionPresets.ObjectiveOf("noise")).Message, StringComparison.Ordinal);
}

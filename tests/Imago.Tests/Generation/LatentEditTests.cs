using Imago.Autoencoders;
using Imago.Diffusion;
using Imago.Exploration;
using Imago.Generation;
using Imago.Images;
using Imago.Metrics;
using Imago.Models;
using Imago.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Tests;

public sealed class LatentEditTests : IDisposable
{
    private static readonly LatentEdit Bright = new() { Attribute = "bright", Strengths = [-1, -0.5, 0, 0.5, 1, 2], Examples = 30 };
    private readonly DiffusionModel _model = Model();

    public void Dispose() => _model.Dispose();

    /// <summary>A random denoiser of the latents of an autoencoder that has learned the tiny pictures.</summary>
    private static DiffusionModel Model()
    {
        var autoencoder = new AutoencoderTraining(new AutoencoderRunConfig
        {
            Data = new RunDataConfig { Source = "tiny", BatchSize = 8 },
            Network = new MlpConfig { Channels = 1, Height = 8, Width = 8, Hidden = [16], Latent = 3, Variational = false },
            Objective = new ObjectiveConfig { Name = "ae", Likelihood = LikelihoodKind.SquaredError },
            Optimizer = new AdamWConfig { LearningRate = 5e-3 },
            Training = new TrainingOptions { Steps = 100 },
        }, TinyDiffusion.Splits);
        autoencoder.Run();
        var scale = new LatentScale([0.1, -0.2, 0.3], [2, 1, 0.5]);
        var conditioner = new ConditionerConfig { Width = 16 };
        return new DiffusionModel(
            new DiffusionModelConfig { Height = 8, Width = 8, Channels = 1, Latents = scale, Conditioner = conditioner },
            DiffusionPresets.Transformer(new NetworkTask(3, 1, conditioner), 16).Create(1), conditioner.Create(2), new LatentCodec(autoencoder.Model, scale));
    }

    private static double Brightness(PixelImage picture) => picture.Pixels.Average(pixel => (double)pixel);

    [Fact]
    public void ClassifierOfPixels_CannotLeadLatents()
    {
        var config = new ClassifierConfig { Name = "tiny", Network = ClassifierTraining.ConfigFor(1 + NoisyClassifier.LevelChannels, 8, 2), Classes = ["dark", "bright"], IsNoisy = true };
        using var classifier = new NoisyClassifier(config.Network.Create(), config);
        Assert.Contains("latents", Assert.Throws<ArgumentException>(() => ClassifierGuidance.Towards(_model, classifier, 0, 1)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(DirectionMethod.MeanDifference)]
    [InlineData(DirectionMethod.Logistic)]
    [InlineData(DirectionMethod.SupportVectors)]
    public void Strength_MovesTheAttribute_AndZeroGivesThePictureItself(DirectionMethod method)
    {
        using var scope = NewDisposeScope();
        var edit = Bright with { Method = method };
        using var direction = edit.Learn(_model, TinyDiffusion.Splits.Train);
        var drawn = ImageGenerator.Generate(_model, new GenerationRequest { Steps = 4, Pictures = PictureWish.Many(Condition.None, 3) });
        var rows = edit.Apply(_model, stack([.. drawn.Select(picture => tensor(picture.Drawn.ToArray()).view(_model.Shape))]), direction);
        Assert.Equal(3, rows.Count);
        foreach (var (row, picture) in rows.Zip(drawn))
        {
            Assert.All(row[2].Pixels.Zip(picture.Image.Pixels), pair => Assert.InRange(pair.First - pair.Second, -1, 1));
            double[] brightness = [.. row.Select(Brightness)];
            Assert.Equal(brightness.Order(), brightness);
            Assert.True(brightness[^1] > brightness[0] + 60, string.Join(", ", brightness));
        }
        Assert.Equal(1, direction.Accuracy);
    }

    [Fact]
    public void StrengthOne_TakesAPicture_AsFarAsTheMeansOfTheClassesAreApart()
    {
        using var scope = NewDisposeScope();
        var edit = Bright with { Strengths = [0, 1] };
        using var direction = edit.Learn(_model, TinyDiffusion.Splits.Train);
        var dark = TinyDiffusion.Splits.Train.Get(0).Image;
        var row = edit.Apply(_model, _model.Encode(_model.Fit(dark)), direction)[0];
        Assert.InRange(Brightness(row[0]) - Brightness(dark), -25, 25);             // the error of the autoencoder
        Assert.InRange(Brightness(row[1]) - Brightness(row[0]), 120, 200);          // of 160 in the data
    }

    [Fact]
    public void WhatCannotBeEdited_IsRefusedByName()
    {
        using var pixels = TinyDiffusion.Model();
        Assert.Contains("draws pixels", Assert.Throws<ArgumentException>(() => Bright.Learn(pixels, TinyDiffusion.Splits.Train)).Message);
        Assert.Contains("brightness, kind", Assert.Throws<ArgumentException>(() => (Bright with { Attribute = "smile" }).Learn(_model, TinyDiffusion.Splits.Train)).Message);
    }

    [Fact]
    public void Edit_LeavesNoTensor()
    {
        void Once()
        {
            using var scope = NewDisposeScope();
            using var direction = Bright.Learn(_model, TinyDiffusion.Splits.Train);
            Bright.Apply(_model, _model.Encode(TinyDiffusion.Splits.Train.Get(0).Image), direction);
        }

        Once();
        var before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        Once();
        Assert.Equal(before, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
    }
}

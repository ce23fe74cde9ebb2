using Imago.Autoencoders;
using Imago.Data;
using Imago.Diffusion;
using Imago.Generation;
using Imago.Models;
using Imago.Training;

namespace Imago.Cli.Demo;

/// <summary>The diffusion models of the demo, which learn from the same faces as its autoencoders.</summary>
internal sealed class DemoPainters(DemoPlan plan, CommandContext context, DemoWorkshop workshop)
{
    private const int Patch = 4, PixelWidth = 32, HeadWidth = 64, Heads = 4;

    /// <summary>Trains a denoiser of the VAE's codes that is told a caption: a transformer on a single token, with a reader of captions that learns beside it.</summary>
    /// <param name="vae">The run of the VAE.</param>
    /// <param name="folder">Where to keep the run.</param>
    internal DiffusionTraining LearnToPaintCodes(string vae, string folder)
    {
        var vocabulary = DiffusionPresets.Conditioner("text", workshop.Faces, Heads * HeadWidth).Conditions.OfType<TextConditionConfig>().First().Vocabulary;
        return Learn("words to faces (diffusion of codes)", plan.CodeSteps, folder, new DiffusionRunConfig
        {
            Data = workshop.Data(DemoPlan.CodeBatch),
            Autoencoder = Path.GetFullPath(vae),
            Network = new DiTConfig { NumAttentionHeads = Heads, AttentionHeadDim = HeadWidth, InChannels = DemoPlan.Latents, NumLayers = 3, SampleSize = 1, PatchSize = 1, NumEmbedsAdaNorm = 0 },
            Conditioner = new ConditionerConfig
            {
                Width = Heads * HeadWidth, Vector = ConditionVector.Classes,
                Conditions = [new TextConditionConfig { Vocabulary = vocabulary, Width = 96, Layers = 1, Length = 32, Dropout = 0 }],
            },
            Drawing = new DrawingDefaults { Guidance = 3 },
            Training = workshop.Options(plan.CodeSteps),
        });
    }

    /// <summary>
    /// Trains a denoiser of pixels without conditions: a U-Net on patches. It estimates x₀, since so small a network cannot carry the noise of a whole patch through
    /// its channels, which it would have to in order to predict anything else.
    /// </summary>
    internal DiffusionTraining LearnToPaintPixels()
    {
        var nothing = DiffusionPresets.Conditioner("none", workshop.Faces, DiffusionPresets.VectorWidth(PixelWidth));
        return Learn("from noise to pixels (diffusion of pixels)", plan.PixelSteps, null, new DiffusionRunConfig
        {
            Data = workshop.Data(DemoPlan.PixelBatch),
            Patch = Patch,
            Network = DiffusionPresets.UNet(new NetworkTask(3 * Patch * Patch, DemoPlan.Size / Patch, nothing), PixelWidth),
            Conditioner = nothing,
            Objective = DiffusionPresets.Objective with { Prediction = Prediction.Sample },
            Training = workshop.Options(plan.PixelSteps),
        });
    }

    private DiffusionTraining Learn(string title, long steps, string? folder, DiffusionRunConfig wanted)
    {
        var config = wanted with
        {
            Optimizer = new AdamWConfig { LearningRate = 2e-3, Beta2 = 0.99 },
            Seed = plan.Seed,
            Training = workshop.Options(steps) with { MaxGradientNorm = 1, Ema = new EmaOptions { Decay = 0.995 } },
        };
        var run = folder is null ? null : DemoWorkshop.Afresh(folder, config);
        var training = DiffusionTraining.Prepare(config, workshop.Splits, run, context.Device, cancellationToken: context.Cancellation);
        workshop.Watch(title, (progress, cancellation) => training.Run(run, progress, cancellation));
        return training;
    }
}

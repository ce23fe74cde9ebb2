using System.CommandLine;
using System.Globalization;
using Imago.Data;
using Imago.Images;
using Imago.Metrics;
using Imago.Training;
using TorchSharp;
using static Imago.Cli.Commands.TrainCommand;

namespace Imago.Cli.Commands;

/// <summary><c>imago train classifier</c>: a judge of one's own domain, by whose features and classes pictures are measured.</summary>
internal static class TrainClassifierCommand
{
    private const long UsualSteps = 2000;
    private static readonly Option<string?> Attribute = new("--attribute") { Description = "Tell the values of this attribute apart, where the set has no classes.", HelpName = "NAME" };
    private static readonly Option<bool> Noisy = new("--noisy") { Description = "On noisy images of every level: for imago generate --classifier." };

    internal static Command Create() => new ImagoCommand("classifier", "Train a classifier on labelled images, whose eyes imago evaluate --network looks through, or which leads imago generate.",
        "imago train classifier --data mnist --download --out runs/mnist-judge",
        "imago train classifier --data faces --attribute hair_style --out runs/faces-judge",
        "imago train classifier --data mnist --download --noisy --out runs/mnist-noisy",
        "imago evaluate samples/ --against mnist --network runs/mnist-judge")
    {
        Source, DataFolder, Download, Size, Channels, Count, Attribute, Noisy, Steps, Batch, Seed, Out, SharedOptions.Json,
    }.Does(Run);

    private static void Run(CommandContext context)
    {
        var steps = context.Get(Steps) ?? UsualSteps;
        var splits = Datasets.Open(context.Get(Source)!, new DatasetOptions { Folder = context.Get(DataFolder), AllowDownload = context.Get(Download), Size = context.Get(Size), Count = context.Get(Count) }, context.Cancellation);
        ImageDataset Labelled(ImageDataset set) => context.Get(Attribute) is { } attribute ? new AttributeClasses(set, attribute) : set;
        var (train, held) = (Labelled(splits.Train), Labelled(splits.Validation));
        if (train.ClassNames.Count < 2)
            throw new ArgumentException($"{splits.Name} has no classes to learn; name an attribute with --attribute, or take a folder with a sub-folder for each class.");
        var options = new LoaderOptions { BatchSize = context.Get(Batch), Seed = context.Get(Seed), Size = context.Get(Size), Channels = context.Get(Channels), DropLast = train.Count >= context.Get(Batch) };
        var loader = new ImageLoader(train, options);
        if (loader.Width != loader.Height) throw new ArgumentException($"A classifier looks at square pictures; these have {loader.Width}×{loader.Height} pixels. Name a size (--size).");
        var isNoisy = context.Get(Noisy);
        var network = ClassifierTraining.ConfigFor(loader.Channels + (isNoisy ? NoisyClassifier.LevelChannels : 0), loader.Width, train.ClassNames.Count);
        var training = ClassifierTraining.Options(steps, Precision.Fp32) with { Seed = context.Get(Seed) };
        using var classifier = context.Track("Training", sink =>
        {
            var told = sink.For<TrainingProgress>(progress => (progress.Step, progress.TotalSteps, null));
            return isNoisy
                ? ClassifierTraining.RunNoisy(network, loader, training, context.Get(Seed), told, context.Cancellation)
                : ClassifierTraining.Run(network, loader, training, context.Get(Seed), told, context.Cancellation);
        });
        context.Cancellation.ThrowIfCancellationRequested();
        var config = new ClassifierConfig { Name = train.Name, Network = network, Classes = train.ClassNames, IsNoisy = isNoisy };
        if (held.Count > 0) config = Measured(classifier, config, new ImageLoader(held, options with { Size = loader.Width, Channels = loader.Channels, Shuffle = false, DropLast = false }), context);
        var folder = context.Get(Out) ?? NewFolder(splits.Name, "classifier");
        ClassifierFiles.Save(folder, classifier, config);
        if (context.IsJson) context.WriteJson(new { Folder = folder, config.Classes, config.Accuracy, config.NoisyAccuracy, Steps = steps });
        else
        {
            context.Say(string.Create(CultureInfo.InvariantCulture, $"{folder}: tells {config.Classes.Count} classes of {splits.Name} apart{(config.Accuracy is { } share ? $", right on {100 * share:0.0} % of {held.Count} held-out images{(config.NoisyAccuracy is { } noisy ? $" and on {100 * noisy:0.0} % when they are half noise" : "")}" : "")}."));
            context.Hint(isNoisy
                ? $"Lead a model of such pixels by it: imago generate --model RUN --classifier {folder} --class {config.Classes[0]}"
                : $"Measure pictures by it: imago evaluate FOLDER --against {context.Get(Source)} --network {folder}");
        }
    }

    /// <summary>How often it is right about held-out images: clean ones, and for a classifier of noisy ones also those of equal parts, α = σ.</summary>
    private static ClassifierConfig Measured(Models.ImageClassifier classifier, ClassifierConfig config, ImageLoader held, CommandContext context)
    {
        if (!config.IsNoisy) return config with { Accuracy = Accuracy(classifier, held, context) };
        const double Clean = 0, EqualParts = 1;
        var noisy = new NoisyClassifier(classifier, config);
        double At(double ratio) => noisy.Accuracy(held, NoisyClassifier.Process.AtRatio(ratio), cancellationToken: context.Cancellation);
        return config with { Accuracy = At(Clean), NoisyAccuracy = At(EqualParts) };
    }

    private static double Accuracy(Models.ImageClassifier classifier, ImageLoader loader, CommandContext context)
    {
        using var reading = new ClassifierReading(classifier);
        foreach (var batch in loader.Epoch(0, cancellationToken: context.Cancellation))
        {
            using (batch)
            using (torch.NewDisposeScope()) reading.Add(batch.ToFloat(PixelRange.ZeroToOne), batch.Labels!);
        }
        return reading.Accuracy;
    }
}

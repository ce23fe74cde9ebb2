using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Imago.Autoencoders;
using Imago.Data;
using Imago.Generation;
using Imago.Images;
using Imago.Metrics;
using Imago.Models;
using Imago.Training;
using Imago.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Benchmarks;

/// <summary>A classifier that was trained apart from every generative model, on the training split of the same data; kept in the user's cache from one call to the next.</summary>
internal sealed class SampleJudge : IDisposable
{
    private const int Batch = 256;

    private readonly ImageClassifier _classifier;
    private readonly LoaderOptions _loader;

    private SampleJudge(ImageClassifier classifier, LoaderOptions loader) => (_classifier, _loader) = (classifier, loader);

    internal long ParameterCount => _classifier.parameters().Sum(parameter => parameter.numel());

    /// <summary>Trains the judge of a data set, or takes the one that an earlier call trained.</summary>
    internal static SampleJudge Of(RunDataConfig data, DatasetSplits splits, int side, long steps)
    {
        var channels = data.Channels!.Value;
        var config = ClassifierTraining.ConfigFor(channels, side, splits.Train.ClassNames.Count);
        var path = Path.Combine(ImagoFolders.Cache, "benchmarks", "classifiers", $"{splits.Name}-{Identity(data, splits, config, steps)}.safetensors");
        var loader = new LoaderOptions { BatchSize = Batch, Shuffle = false, Size = data.Size, Channels = channels };
        if (File.Exists(path))
        {
            var kept = config.Create();
            ModuleWeights.Load(kept, path);
            kept.eval();
            return new SampleJudge(kept, loader);
        }
        Console.Error.WriteLine($"Training the judge for {steps} steps …");
        var batches = new ImageLoader(splits.Train, loader with { BatchSize = DiffusionPresets.BatchSize, Shuffle = true, DropLast = splits.Train.Count >= DiffusionPresets.BatchSize, Flip = data.Flip, Seed = 5 });
        var classifier = ClassifierTraining.Run(config, batches, ClassifierTraining.Options(steps, DiffusionPresets.BestPrecision), seed: 3);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        ModuleWeights.Save(classifier, path);
        return new SampleJudge(classifier, loader);
    }

    /// <summary>What the judge makes of labelled pictures of the data set.</summary>
    internal ClassifierReading Read(ImageDataset set)
    {
        var reading = new ClassifierReading(_classifier);
        foreach (var batch in new ImageLoader(set, _loader).Epoch(0))
        {
            using (batch)
            using (NewDisposeScope())
                reading.Add(batch.ToFloat(PixelRange.ZeroToOne), batch.Labels!);
        }
        return reading;
    }

    /// <summary>What the judge makes of drawn pictures, the class that each was asked for as its label.</summary>
    internal ClassifierReading Read(IEnumerable<GeneratedPicture> pictures)
    {
        var reading = new ClassifierReading(_classifier);
        foreach (var batch in pictures.Chunk(Batch))
        {
            using var scope = NewDisposeScope();
            reading.Add(stack(batch.Select(picture => Pictures.ToFloat(picture.Image, PixelRange.ZeroToOne))), tensor(batch.Select(picture => (long)picture.Wish.Condition.ClassNumber!.Value).ToArray()));
        }
        return reading;
    }

    /// <summary>Accuracies of the judge and of a diffusion model read backwards on the same pictures, and the share on which they agree.</summary>
    internal (double Judge, double Model, double Agreement) Compare(DiffusionModel model, ImageDataset set, int levels)
    {
        using var reading = new ClassifierReading(_classifier);
        var (right, same) = (0, 0);
        foreach (var batch in new ImageLoader(set, _loader).Epoch(0))
        {
            using (batch)
            using (NewDisposeScope())
            {
                var (judged, labels) = (reading.Add(batch.ToFloat(PixelRange.ZeroToOne), batch.Labels!), batch.Labels!.data<long>().ToArray());
                var verdicts = DiffusionClassifier.Classify(model, batch.ToFloat(PixelRange.MinusOneToOne), levels);
                right += verdicts.Zip(labels).Count(pair => pair.First.Best == pair.Second);
                same += verdicts.Zip(judged).Count(pair => pair.First.Best == pair.Second);
            }
        }
        return (reading.Accuracy, (double)right / set.Count, (double)same / set.Count);
    }

    public void Dispose() => _classifier.Dispose();

    /// <summary>What the judge depends on, in twelve letters: network, steps and data, the data by their options, number and some of their contents.</summary>
    private static string Identity(RunDataConfig data, DatasetSplits splits, ImageClassifierConfig config, long steps)
    {
        var set = splits.Train;
        var contents = Enumerable.Range(0, 8).Select(i => set.ContentKey((int)((long)i * set.Count / 8)));
        var text = string.Join("|", [ConfigJson.Write(data with { Folder = null }), ConfigJson.Write(config), .. set.ClassNames, set.Count.ToString(CultureInfo.InvariantCulture), steps.ToString(CultureInfo.InvariantCulture), .. contents.Select(key => key.ToString("x", CultureInfo.InvariantCulture))]);
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)))[..12];
    }
}

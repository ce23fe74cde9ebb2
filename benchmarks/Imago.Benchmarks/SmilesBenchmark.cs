using System.Globalization;
using Imago.Autoencoders;
using Imago.Data;
using Imago.Exploration;
using Imago.Images;
using Imago.Models;
using Imago.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Benchmarks;

/// <summary>
/// How well a smile can be added to a face that the autoencoder has never seen: a guided and a plain VAE of equal time on 80 % of a folder or zip of faces in two classes,
/// judged on the other 20 % by a classifier that was trained apart from both, on pixels.
/// </summary>
internal static class SmilesBenchmark
{
    private const int Side = 64, Latents = 64;
    private static readonly double[] Strengths = [0, 0.5, 1, 1.5, 2];

    internal static void Run(string[] args)
    {
        var options = args.Chunk(2).Where(pair => pair.Length == 2).ToDictionary(pair => pair[0].TrimStart('-'), pair => pair[1]);
        string Option(string key, string value) => options.GetValueOrDefault(key, value);
        if (!options.TryGetValue("data", out var source)) throw new ArgumentException("Give --data PATH: a folder or zip with one folder of faces for each of two classes; and, if you like, --attribute CLASS, --minutes N, --objectives NAMES, --grid FILE.");
        TorchRuntime.Start();

        var config = new RunDataConfig { Source = Path.GetFullPath(source), Size = Side, Channels = 1, Flip = true };
        var splits = config.Open();
        var name = Option("attribute", "smile");
        var selector = ExampleSelector.Parse(name, splits.Train);
        var (heldOut, labels) = Load([splits.Validation, splits.Test], selector);
        using var judge = TrainJudge(splits.Train, selector);
        var right = Judge(judge, heldOut).Zip(labels, (score, label) => score > 0 == label).Average(Convert.ToDouble);
        Print($"{splits.Train.Count} faces to learn from, {labels.Length} held out; the judge is right about {right:P1} of those");

        foreach (var objective in Option("objectives", $"vae,{GuidedVae.Name}").Split(',').Select(kind => new ObjectiveConfig { Likelihood = LikelihoodKind.GaussianOptimal, Name = kind, Attribute = name }))
        {
            var run = new AutoencoderRunConfig
            {
                Data = config,
                Network = new ConvConfig { Channels = 1, Height = Side, Width = Side, Latent = Latents, Widths = [32, 64, 128, 192], Hidden = [], NormGroups = 2, Activation = Activation.Silu },
                Objective = objective,
                Optimizer = new AdamWConfig { LearningRate = 1e-3, WeightDecay = 0 },
                Training = new TrainingOptions { Minutes = double.Parse(Option("minutes", "5"), CultureInfo.InvariantCulture), Precision = Precision.Bf16, Ema = new EmaOptions { Decay = 0.995 }, Schedule = new LearningRateSchedule { WarmupSteps = 100 } },
            };
            using var training = new AutoencoderTraining(run, splits);
            var result = training.Run();
            Print($"{objective.Name}: {result.Steps} steps in {result.Elapsed.TotalMinutes:0.0} minutes");
            Report(training.Model, splits.Train, selector, judge, heldOut, labels, objective.Name == GuidedVae.Name ? options.GetValueOrDefault("grid") : null);
        }
    }

    private static void Report(Autoencoder model, ImageDataset train, ExampleSelector selector, ImageClassifier judge, Tensor heldOut, bool[] labels, string? grid)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var space = new LatentSpace(model, batchSize: 128);
        var rebuilt = Reconstructions.Of(space, heldOut);
        Print($"  PSNR of held-out faces {Reconstructions.PeakSignalToNoise(heldOut, rebuilt).Average():0.0} dB");
        var (x, known) = Load([train], selector);
        var z = space.Encode(x).Mean;
        var without = tensor(Enumerable.Range(0, labels.Length).Where(i => !labels[i]).Select(i => (long)i).ToArray());
        var plain = space.Encode(heldOut[without]).Mean;
        foreach (var method in new[] { DirectionMethod.MeanDifference, DirectionMethod.Logistic })
        {
            using var direction = AttributeEdit.Learn(z, known, method);
            var shares = Strengths.Select(s => Judge(judge, space.Decode(AttributeEdit.Apply(plain, direction.Vector, [s]))).Average(score => score > 0 ? 1.0 : 0));
            Print($"  {method}: judged to have it at strength {string.Join(", ", Strengths.Zip(shares, (s, share) => $"{s:0.0}: {share:P1}"))}; still nearest to itself by its upper half at 1: {Recognised(space, plain, direction.Vector, heldOut, without):P1}");
        }
        if (grid is null) return;
        using var normal = AttributeEdit.Learn(z, known, DirectionMethod.Logistic);
        var rows = Enumerable.Range(0, 8).Select(i => (IReadOnlyList<PixelImage>)[
            .. Pictures.FromBatch(heldOut[without][i..(i + 1)], PixelRange.ZeroToOne),
            .. Pictures.FromBatch(space.Decode(AttributeEdit.Apply(plain[i..(i + 1)], normal.Vector, Strengths)), PixelRange.ZeroToOne)]);
        ImageFile.Write(grid, ImageGrid.Draw([.. rows], new GridOptions { Scale = 2, ColumnLabels = ["held out", .. Strengths.Select(s => string.Create(CultureInfo.InvariantCulture, $"{s:0.0}"))] }));
    }

    /// <summary>The share of edited faces that are nearest to their own original, among all held-out faces, by the pixels of their upper half.</summary>
    private static double Recognised(LatentSpace space, Tensor z, Tensor direction, Tensor heldOut, Tensor rows)
    {
        Tensor UpperHalf(Tensor images) => images[TensorIndex.Colon, TensorIndex.Colon, TensorIndex.Slice(0, Side / 2)].flatten(1);
        var nearest = cdist(UpperHalf(space.Decode(AttributeEdit.Apply(z, direction, [1]))), UpperHalf(heldOut)).argmin(1);
        return nearest.eq(rows).to(float32).mean().item<float>();
    }

    private static (Tensor Images, bool[] Labels) Load(ImageDataset[] sets, ExampleSelector selector)
    {
        List<Tensor> images = [];
        List<bool> labels = [];
        foreach (var batch in sets.SelectMany(set => new ImageLoader(set, new LoaderOptions { BatchSize = 256, Shuffle = false, Size = Side, Channels = 1 }).Epoch(0)))
        {
            images.Add(batch.ToFloat(PixelRange.ZeroToOne));
            labels.AddRange(selector.Of(batch).data<float>().Select(value => value > 0.5));
        }
        return (cat(images), [.. labels]);
    }

    private static ImageClassifier TrainJudge(ImageDataset train, ExampleSelector selector)
    {
        var judge = new ImageClassifierConfig { Channels = 1, Size = Side, Outputs = 1, Dropout = 0.5 }.Create(3);
        Trainer.Run(new TrainingJob<ImageBatch>
        {
            Players = [new("judge", judge, Loss, new AdamWConfig { LearningRate = 2e-3, WeightDecay = 0.05 })],
            Data = new ImageLoader(train, new LoaderOptions { BatchSize = 64, Seed = 5, DropLast = true, Flip = true, RandomCrop = true, Size = Side, Channels = 1 }),
            Options = new TrainingOptions { Steps = 2000, Precision = Precision.Bf16, Schedule = new LearningRateSchedule { WarmupSteps = 100 } },
        });
        return judge;

        LossTerms Loss(ImageBatch batch, StepContext step) => new(
            nn.functional.binary_cross_entropy_with_logits(judge.call(batch.ToFloat(PixelRange.ZeroToOne).to(step.ComputeType)).squeeze(1), selector.Of(batch)), []);
    }

    private static double[] Judge(ImageClassifier judge, Tensor images)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        return cat([.. images.split(256).Select(judge.call)]).squeeze(1).to(float64).data<double>().ToArray();
    }

    private static void Print(FormattableString text) => Console.WriteLine(text.ToString(CultureInfo.InvariantCulture));
}

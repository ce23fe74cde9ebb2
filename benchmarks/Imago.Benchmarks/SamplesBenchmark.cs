using System.Diagnostics;
using System.Globalization;
using Imago.Autoencoders;
using Imago.Data;
using Imago.Generation;
using Imago.Images;
using Imago.Metrics;
using Imago.Training;
using TorchSharp;

namespace Imago.Benchmarks;

/// <summary>
/// How good a class-conditional diffusion model is after so many minutes: samples without any choice, all classes alike, read by a classifier that was trained apart from it.
/// Accuracy, Fréchet distance of the classifier's features to those of the held-out split, images a second of training and sampling; rows of a Markdown table.
/// </summary>
internal static class SamplesBenchmark
{
    private const int GridColumns = 10;

    private const string Usage = """
        samples --data NAME|PATH [--data-folder PATH] [--size N] [--flip true] [--count N] [--minutes 10] [--autoencoder RUN] [--predict flow|epsilon|velocity|sample[,…]] [--out FOLDER]
                [--run FOLDER …] [--samples 1000] [--guidance 2,1] [--sampler NAME] [--steps-sweep 5,10,25,50] [--precision fp32|bf16] [--grid FILE.png]
                [--classify N] [--levels 32] [--judge-steps 2000] [--threads N]
        """;

    private static readonly string[] Known =
    [
        "data", "data-folder", "size", "flip", "count", "minutes", "autoencoder", "predict", "out", "run", "samples", "guidance", "sampler", "steps-sweep", "precision", "grid", "classify", "levels", "judge-steps", "threads",
    ];

    internal static void Run(string[] args)
    {
        var options = args.Chunk(2).ToLookup(pair => pair[0].TrimStart('-'), pair => pair.Length == 2 ? pair[1] : throw new ArgumentException($"{pair[0]} needs a value.\n{Usage}"));
        if (options.FirstOrDefault(option => !Known.Contains(option.Key)) is { } unknown) throw new ArgumentException($"There is no option --{unknown.Key}.\n{Usage}");
        string? Get(string name) => options[name].LastOrDefault();
        int Number(string name, int otherwise) => Get(name) is { } text ? int.Parse(text, CultureInfo.InvariantCulture) : otherwise;
        TorchRuntime.Start(new TorchOptions { Threads = Get("threads") is null ? null : Number("threads", 1) });

        var source = Get("data") ?? throw new ArgumentException($"Say with --data on what.\n{Usage}");
        var data = new RunDataConfig
        {
            Source = Datasets.All.Any(set => set.Name == source) ? source : Path.GetFullPath(source), Folder = Get("data-folder") is { } home ? Path.GetFullPath(home) : null,
            Size = Get("size") is null ? null : Number("size", 0), Count = Get("count") is null ? null : Number("count", 0), Flip = Get("flip") == "true", BatchSize = DiffusionPresets.BatchSize,
        };
        var splits = data.Open();
        var loader = data.TrainingBatches(splits);
        data = data with { Channels = loader.Channels };
        if (splits.Train.ClassNames.Count == 0) throw new ArgumentException($"{source} has no classes.");
        if (loader.Height != loader.Width) throw new ArgumentException($"The pictures are {loader.Width}×{loader.Height}; choose with --size the side of a square.");

        var heldOut = splits.Test.Count > 0 ? splits.Test : splits.Validation;
        using var judge = SampleJudge.Of(data, splits, loader.Height, Number("judge-steps", 2000));
        using var reference = judge.Read(heldOut);
        var count = Number("samples", 1000) / splits.Train.ClassNames.Count;
        using var floor = judge.Read(Spread(splits.Train, count * splits.Train.ClassNames.Count));
        Print($"Judge: {judge.ParameterCount:N0} parameters, right about {reference.Accuracy:P2} of {heldOut.Count} held-out pictures; Fréchet distance of {floor.Features.Count} training pictures to them {FrechetDistance.Between(floor.Features, reference.Features):0.00}.");

        var rows = new List<string>();
        var comparisons = new List<string>();
        foreach (var make in Models(options, data, splits))
        {
            using var trained = make();
            var model = trained.Model;
            if (model.Config.Height != loader.Height || model.Config.Channels != loader.Channels) throw new ArgumentException($"{trained.Name} draws {model.Config.Channels} channels of {model.Config.Width}×{model.Config.Height}; the data have {loader.Channels} of {loader.Width}×{loader.Height}.");
            var names = model.Config.Conditioner.Conditions.OfType<ClassConditionConfig>().FirstOrDefault()?.Names ?? throw new ArgumentException($"{trained.Name} is not conditioned on class.");
            if (!names.SequenceEqual(splits.Train.ClassNames)) throw new ArgumentException($"{trained.Name} knows the classes {string.Join(", ", names)}; the data have {string.Join(", ", splits.Train.ClassNames)}.");
            model.ComputeType = Get("precision") == "bf16" ? torch.ScalarType.BFloat16 : torch.ScalarType.Float32;
            PictureWish[] wishes = [.. Enumerable.Range(0, names.Count).SelectMany(number => PictureWish.Many(new Condition { ClassNumber = number }, count, seed: number * (long)count))];
            var isFirst = true;
            foreach (var steps in Numbers(Get("steps-sweep")) ?? [model.Config.Defaults.Steps])
            {
                foreach (var guidance in Numbers(Get("guidance")) ?? [model.Config.Defaults.Guidance, 1])
                {
                    var request = new GenerationRequest { Pictures = wishes, Sampler = Get("sampler"), Steps = (int)steps, Guidance = guidance };
                    var time = Stopwatch.StartNew();
                    var pictures = ImageGenerator.Generate(model, request);
                    var perSecond = pictures.Count / time.Elapsed.TotalSeconds;
                    using var reading = judge.Read(pictures);
                    rows.Add(Row($"| {trained.Name} | {model.ParameterCount / 1e6:0.00} M | {trained.Training} | {request.Sampler ?? model.Config.Defaults.Sampler}, {steps} | {guidance:0.##} | {reading.Accuracy:P1} | {FrechetDistance.Between(reading.Features, reference.Features):0.00} | {perSecond:0.0} |"));
                    Console.Error.WriteLine(rows[^1]);
                    if (isFirst && Get("grid") is { } grid) Draw(pictures, names, count, rows.Count == 1 ? grid : Beside(grid, rows.Count));
                    isFirst = false;
                }
            }
            if (Number("classify", 0) is > 0 and var some)
            {
                var (levels, set) = (Number("levels", 32), Spread(heldOut, some));
                var (discriminative, generative, agreement) = judge.Compare(model, set, levels);
                comparisons.Add(Row($"| {trained.Name} | {set.Count} | {discriminative:P1} | {generative:P1} | {levels} | {agreement:P1} |"));
            }
        }
        PrintTable($"| model | parameters | trained | sampler, steps | guidance | accuracy of {count * splits.Train.ClassNames.Count} samples | Fréchet distance | images/s |", rows);
        if (comparisons.Count > 0) PrintTable("| model | held-out pictures | classifier | diffusion model read backwards | levels | agreement |", comparisons);
    }

    /// <summary>The runs that are named, else one trained by the usual settings for each prediction.</summary>
    private static IEnumerable<Func<JudgedModel>> Models(ILookup<string, string> options, RunDataConfig data, DatasetSplits splits)
    {
        if (options["run"].Any()) return options["run"].Select(path => (Func<JudgedModel>)(() => JudgedModel.Load(path)));
        var minutes = double.Parse(options["minutes"].LastOrDefault() ?? "10", CultureInfo.InvariantCulture);
        var autoencoder = options["autoencoder"].LastOrDefault() is { } path ? Path.GetFullPath(path) : null;
        return (options["predict"].LastOrDefault() ?? "flow").Split(',').Select(prediction =>
            (Func<JudgedModel>)(() => JudgedModel.Train(DiffusionPresets.Run(data, splits, minutes, "class", prediction, autoencoder), splits, prediction, options["out"].LastOrDefault())));
    }

    /// <summary>So many pictures of a set, evenly over its whole length.</summary>
    private static SubsetDataset Spread(ImageDataset set, int count)
    {
        var some = Math.Min(count, set.Count);
        return new SubsetDataset(set, [.. Enumerable.Range(0, some).Select(i => (int)((long)i * set.Count / some))]);
    }

    /// <summary>The first pictures of each class, a row a class.</summary>
    private static void Draw(IReadOnlyList<GeneratedPicture> pictures, IReadOnlyList<string> names, int count, string path)
    {
        IReadOnlyList<PixelImage>[] rows = [.. pictures.Chunk(count).Select(row => row.Take(GridColumns).Select(picture => picture.Image).ToList())];
        ImageFile.Write(path, ImageGrid.Draw(rows, new GridOptions { RowLabels = names, Scale = 2 }));
    }

    private static string Beside(string path, int number) => Path.Combine(Path.GetDirectoryName(path)!, $"{Path.GetFileNameWithoutExtension(path)}-{number.ToString(CultureInfo.InvariantCulture)}{Path.GetExtension(path)}");

    private static double[]? Numbers(string? text) => text?.Split(',').Select(number => double.Parse(number, CultureInfo.InvariantCulture)).ToArray();

    private static void PrintTable(string header, IEnumerable<string> rows)
    {
        Console.WriteLine();
        Console.WriteLine(header);
        Console.WriteLine(string.Concat(Enumerable.Repeat("|---", header.Count(letter => letter == '|') - 1)) + "|");
        foreach (var row in rows) Console.WriteLine(row);
    }

    private static string Row(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    private static void Print(FormattableString text) => Console.WriteLine(Row(text));
}

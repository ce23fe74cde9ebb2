using System.CommandLine;
using System.Globalization;
using Imago.Autoencoders;
using Imago.Cli.Exploring;
using Imago.Data;
using Imago.Generation;
using Imago.Images;
using Imago.Training;
using TorchSharp;

namespace Imago.Cli.Commands;

/// <summary><c>imago classify</c>: a class-conditional diffusion model read backwards.</summary>
internal static class ClassifyCommand
{
    private const int MostShown = 20, Batch = 32;

    private static readonly Argument<string> Model = new("model") { HelpName = "RUN|FOLDER", Description = "A diffusion model that is conditioned on class." };
    private static readonly Option<int> Count = ExploreOptions.Number("--count", 100, 1, "Pictures of the data set's test part.");
    private static readonly Option<int> Samples = ExploreOptions.Number("--samples", 32, 1, "Levels of noise that each picture is judged at, under every class.");

    internal static Command Create() => new ImagoCommand(
        "classify",
        "Tell the class of pictures with a diffusion model: the one under which their noise is predicted best.",
        "imago classify runs/mnist-diffusion --count 200",
        "imago classify runs/mnist-diffusion digit.png --samples 100")
    {
        Model, ExploreOptions.Images, ExploreOptions.Data, ExploreOptions.DataFolder, Count, Samples, ExploreOptions.Seed, HubModelOptions.Download, HubModelOptions.Revision, SharedOptions.Json,
    }.Does(Run);

    private static void Run(CommandContext context)
    {
        var path = context.Get(Model)!;
        using var model = DiffusionFiles.Load(HubModelOptions.Locate(context, path)).To(context.Device);
        var names = model.Config.Conditioner.Conditions.OfType<ClassConditionConfig>().FirstOrDefault()?.Names
            ?? throw new ArgumentException($"{path} is not conditioned on class; train a model with --condition class.");
        var set = Pictures(context, model, path);
        var (verdicts, labels, rows) = Verdicts(context, model, set);
        var known = verdicts.Zip(labels).Where(pair => pair.Second >= 0).ToList();
        double? accuracy = known.Count == 0 ? null : known.Average(pair => pair.First.Best == pair.Second ? 1.0 : 0.0);
        if (context.IsJson)
        {
            context.WriteJson(new
            {
                Model = path, Samples = context.Get(Samples), Accuracy = accuracy,
                Pictures = verdicts.Select((verdict, i) => new { Name = set.Describe(rows[i]), Class = names[verdict.Best], Label = labels[i] >= 0 ? names[(int)labels[i]] : null, verdict.Probabilities, verdict.Errors }),
            });
            return;
        }
        foreach (var (verdict, i) in verdicts.Select((verdict, i) => (verdict, i)).Take(MostShown))
            context.Say(string.Create(CultureInfo.InvariantCulture, $"{set.Describe(rows[i])}: {names[verdict.Best]} ({verdict.Probabilities[verdict.Best]:0.0%}){(labels[i] >= 0 && labels[i] != verdict.Best ? $", labelled {names[(int)labels[i]]}" : "")}"));
        if (verdicts.Count > MostShown) context.Say($"… and {verdicts.Count - MostShown} more; --json lists all.");
        if (accuracy is { } share) context.Say(string.Create(CultureInfo.InvariantCulture, $"Accuracy {share:0.0%} on {known.Count} pictures, {context.Get(Samples)} levels of noise each."));
    }

    private static (List<ClassVerdict> Verdicts, List<long> Labels, List<int> Rows) Verdicts(CommandContext context, DiffusionModel model, ImageDataset set)
    {
        var loader = new ImageLoader(set, new LoaderOptions { BatchSize = Batch, Shuffle = false, Size = model.Config.Height == model.Config.Width ? model.Config.Height : null, Channels = model.Config.Channels });
        return context.Track("Classifying", sink =>
        {
            var (verdicts, labels, rows) = (new List<ClassVerdict>(), new List<long>(), new List<int>());
            foreach (var batch in loader.Epoch(0, cancellationToken: context.Cancellation))
            {
                using (batch)
                using (torch.NewDisposeScope())
                {
                    verdicts.AddRange(DiffusionClassifier.Classify(model, batch.ToFloat(PixelRange.MinusOneToOne), context.Get(Samples), context.Get(ExploreOptions.Seed), cancellationToken: context.Cancellation));
                    labels.AddRange(batch.Labels?.data<long>().ToArray() ?? [.. Enumerable.Repeat(-1L, batch.Count)]);
                    rows.AddRange(batch.Indices);
                    sink.Report(rows.Count, set.Count);
                }
            }
            return (verdicts, labels, rows);
        });
    }

    /// <summary>The files that were named, else some of a data set's test part: that of --data, or the one that the run was trained on.</summary>
    private static ImageDataset Pictures(CommandContext context, DiffusionModel model, string path)
    {
        if (context.Get(ExploreOptions.Images) is { Length: > 0 } files)
            return new MemoryDataset("files", [.. files.Select(file => new ImageItem { Image = ImageFile.Read(file) })]);
        var data = DiffusionData.Of(path, model, context.Get(ExploreOptions.Data), context.Get(ExploreOptions.DataFolder), "or by files what to classify");
        var splits = data.Open(cancellationToken: context.Cancellation);
        var set = splits.Test.Count > 0 ? splits.Test : splits.Validation.Count > 0 ? splits.Validation : splits.Train;
        var count = Math.Min(context.Get(Count), set.Count);
        return new SubsetDataset(set, [.. Enumerable.Range(0, count).Select(i => (int)((long)i * set.Count / count))]);
    }
}

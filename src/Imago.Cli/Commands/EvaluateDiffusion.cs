using System.Globalization;
using Imago.Autoencoders;
using Imago.Data;
using Imago.Diffusion;
using Imago.Generation;
using Imago.Training;
using static Imago.Cli.Commands.EvaluateCommand;

namespace Imago.Cli.Commands;

/// <summary><c>imago evaluate</c> of a diffusion model: its variational bound in bits per dimension.</summary>
internal static class EvaluateDiffusion
{
    internal static void Run(CommandContext context, string path)
    {
        using var model = DiffusionFiles.Load(path).To(context.Device);
        var data = context.Get(Source) is { } source ? new RunDataConfig { Source = source, Size = model.Config.Height }
            : File.Exists(Path.Combine(path, "config.json")) ? RunFolder.Open(path).ReadConfig<DiffusionRunConfig>().Data
            : throw new ArgumentException("Say with --data what to score the model on: a named data set, or a folder of images.");
        if (context.Get(DataFolder) is { } folder) data = data with { Folder = folder };
        var splits = data.Open(context.Get(Download), context.Cancellation);
        var set = Subset(context, splits.Parts.First(part => part.Name == context.Get(Split)).Set);
        var loader = new ImageLoader(set, new LoaderOptions { BatchSize = context.Get(Batch), Shuffle = false, Size = data.Size, Channels = model.Config.Channels });
        var options = new BoundOptions { StepsPerBatch = Math.Min(context.Get(Samples), model.Process.TrainingSteps - 1), Seed = context.Get(Seed) };
        var report = context.Track("Scoring", sink => DiffusionLikelihood.Evaluate(model, Bytes(loader, context.Cancellation), options, sink.For<WorkProgress>(done => (done.Done, set.Count, null)), context.Cancellation));
        if (context.IsJson)
        {
            context.WriteJson(new { Model = path, Data = set.Name, Split = context.Get(Split), Report = report });
            return;
        }
        context.Say(string.Create(CultureInfo.InvariantCulture, $"{report.Images} images of {set.Name}, {options.StepsPerBatch} of {model.Process.TrainingSteps} levels of noise each."));
        context.Say(string.Create(CultureInfo.InvariantCulture, $"bits/dimension {report.BitsPerDimension:0.000} ± {report.StandardError:0.000} (bound: prior {report.Prior:0.000}, decoder {report.Decoder:0.000})"));
    }
}

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
        var data = DiffusionData.Of(path, model, context.Get(Source), context.Get(DataFolder), "what to score the model on");
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

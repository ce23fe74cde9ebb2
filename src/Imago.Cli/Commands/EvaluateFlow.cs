using System.Globalization;
using Imago.Data;
using Imago.Flows;
using Imago.Training;
using static Imago.Cli.Commands.EvaluateCommand;

namespace Imago.Cli.Commands;

/// <summary><c>imago evaluate</c> of a normalising flow: its likelihood in bits per dimension.</summary>
internal static class EvaluateFlow
{
    internal static void Run(CommandContext context, string path)
    {
        using var flow = FlowFiles.Load(path);
        flow.To(context.Device);
        var data = RunFolder.Open(path).ReadConfig<FlowRunConfig>().Data;
        if (context.Get(Source) is { } source) data = data with { Source = source, Size = flow.Config.Height };
        if (context.Get(DataFolder) is { } folder) data = data with { Folder = folder };
        var splits = data.Open(context.Get(Download), context.Cancellation);
        var set = Part(context, splits);
        var loader = new ImageLoader(set, new LoaderOptions { BatchSize = context.Get(Batch), Shuffle = false, Size = data.Size, Channels = flow.Config.Channels });
        var samples = context.IsGiven(Samples) ? context.Get(Samples) : 1;
        var report = context.Track("Scoring", sink => FlowLikelihood.Evaluate(flow, Bytes(loader, context.Cancellation), samples, context.Get(Seed), sink.For<WorkProgress>(done => (done.Done, set.Count, null)), context.Cancellation));
        if (context.IsJson)
        {
            context.WriteJson(new { Model = path, Data = set.Name, Split = context.Get(Split), Report = report });
            return;
        }
        context.Say(string.Create(CultureInfo.InvariantCulture, $"{report.Images} images of {set.Name}, {report.Samples} draw(s) of dequantisation each."));
        context.Say(string.Create(CultureInfo.InvariantCulture, $"log P(x)       {report.LogProbability,9:0.00} nats an image"));
        context.Say(string.Create(CultureInfo.InvariantCulture, $"bits/dimension {report.BitsPerDimension,9:0.000} ± {report.StandardError:0.000}"));
    }
}

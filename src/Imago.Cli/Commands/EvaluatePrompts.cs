using System.Globalization;
using Imago.Generation;
using Imago.Generation.Prompts;
using static Imago.Cli.Commands.EvaluateCommand;

namespace Imago.Cli.Commands;

/// <summary><c>imago evaluate --prompts</c>: whether the faces that a model draws are what the prompts say.</summary>
internal static class EvaluatePrompts
{
    internal static void Run(CommandContext context, string path, int prompts)
    {
        if (prompts < 1) throw new ArgumentException($"--prompts is {prompts}; it must be at least 1.");
        using var model = DiffusionFiles.Load(path).To(context.Device);
        PromptAccuracy.RequireFaces(model);
        var options = new PromptOptions { Prompts = prompts, Seed = context.IsGiven(Seed) ? context.Get(Seed) : new PromptOptions().Seed, Steps = context.Get(Steps), Guidance = context.Get(Guidance) };
        using var reader = context.Track("Learning to read faces (once)", sink => FaceReader.Open(new FaceReaderOptions { Size = model.Config.Height }, sink.For<WorkProgress>(Describe), context.Cancellation));
        var report = context.Track("Drawing", sink => PromptAccuracy.Evaluate(model, reader, options, sink.For<WorkProgress>(Describe), context.Cancellation));
        if (context.IsJson)
        {
            context.WriteJson(new { Model = path, Options = options, Report = report });
            return;
        }
        context.Say($"{report.Prompts} prompts, captions of faces of seed {options.Seed}; 'readable' is what the reader of faces finds in those faces themselves.");
        context.Say($"{"attribute",-17} {"named",6} {"followed",9} {"readable",9}");
        foreach (var attribute in report.Attributes) Line(attribute.Attribute, attribute.Named, attribute.Followed, attribute.Readable);
        Line("all", report.Named, report.Followed, report.Readable);

        void Line(string name, int named, double followed, double readable) => context.Say(string.Create(CultureInfo.InvariantCulture, $"{name,-17} {named,6} {100 * followed,7:0.0} % {100 * readable,7:0.0} %"));
    }

    private static (long Done, long Total, string? Detail) Describe(WorkProgress progress) => (progress.Done, progress.Total, null);
}

using System.CommandLine;
using Imago.Cli.Demo;

namespace Imago.Cli.Commands;

/// <summary><c>imago demo</c>: the lecture's story, learned on this machine in a few minutes and told on one page.</summary>
internal static class DemoCommand
{
    internal static Command Create()
    {
        var output = new Option<string>("--out") { Description = "Folder for the page and its models.", DefaultValueFactory = _ => "imago-demo" };
        var minutes = new Option<double>("--minutes") { Description = "About how long to take on two cores: the numbers of training steps follow from it.", DefaultValueFactory = _ => DemoPlan.DefaultMinutes };
        var seed = new Option<long>("--seed") { Description = "Seed of faces, weights and noise; the same seed and minutes give the same page on the same machine.", DefaultValueFactory = _ => 1 };
        var command = new ImagoCommand("demo", "Watch autoencoders and diffusion models learn faces, make them smile, and paint them from words; ends with one HTML page.",
            "imago demo", "imago demo --minutes 10 --out story", "imago demo --seed 2 --json")
        {
            output, minutes, seed, SharedOptions.Json,
        };
        return command.Does(context =>
        {
            if (!(context.Get(minutes) is > 0 and <= 1000)) throw new ArgumentException("--minutes must be above 0 and at most 1000.");
            var plan = new DemoPlan(context.Get(minutes), context.Get(seed), context.Get(output)!);
            var result = new DemoStory(plan, context).Tell();
            if (context.IsJson) context.WriteJson(result);
            context.Say($"The story is told in {result.Page}");
            context.Hint($"Open it in a browser. Then try:\n  imago generate --model {result.Painter} \"a smiling woman with red hair\"\n  imago traverse {result.Vae}\n  imago edit {result.Vae} --attribute \"smile>0.3\"");
        });
    }
}

using Imago.Cli.Exploring;
using Imago.Flows;
using Imago.Images;
using TorchSharp;

namespace Imago.Cli.Commands;

/// <summary><c>imago sample</c> of a normalising flow.</summary>
internal static class SampleFlow
{
    internal static void Run(CommandContext context, string path, int count, double temperature)
    {
        using var flow = FlowFiles.Load(path);
        flow.To(context.Device);
        var seed = context.Get(ExploreOptions.Seed);
        using var noise = new torch.Generator((ulong)seed);
        var file = context.Get(ExploreOptions.Out) ?? "sample.png";
        ImageFile.Write(file, ImageGrid.Draw(Explorer.ToPictures(flow.Sample(count, noise, temperature)), (int)Math.Ceiling(Math.Sqrt(count)), new GridOptions { Scale = Math.Max(1, 64 / Math.Max(flow.Config.Width, flow.Config.Height)) }));
        if (context.IsJson)
        {
            context.WriteJson(new { Count = count, Temperature = temperature, Seed = seed, flow.Config.Height, flow.Config.Width, Files = new[] { file } });
            return;
        }
        context.Say($"{count} new pictures of {flow.Config.Width}×{flow.Config.Height} pixels, seed {seed}, in {file}.");
        context.Hint("Another --seed gives other pictures; a lower --temperature more usual ones.");
    }
}

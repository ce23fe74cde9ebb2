using Imago.Adversarial;
using Imago.Cli.Exploring;
using Imago.Flows;
using Imago.Images;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Cli.Commands;

/// <summary><c>imago sample</c> of models that turn noise into pictures at once: normalising flows and generators of GANs.</summary>
internal static class SampleDrawn
{
    /// <summary>Whether a path is the run of such a model.</summary>
    internal static bool Knows(string path) => FlowFiles.IsRun(path) || GanFiles.IsRun(path);

    internal static void Run(CommandContext context, string path, int count, double temperature)
    {
        using var scope = NewDisposeScope();
        var seed = context.Get(ExploreOptions.Seed);
        using var noise = new Generator((ulong)seed);
        var images = Images(path, context.Device, count, noise, temperature).cpu();
        var (height, width) = ((int)images.shape[2], (int)images.shape[3]);
        var file = context.Get(ExploreOptions.Out) ?? "sample.png";
        ImageFile.Write(file, ImageGrid.Draw(Explorer.ToPictures(images), (int)Math.Ceiling(Math.Sqrt(count)), new GridOptions { Scale = Math.Max(1, 64 / Math.Max(width, height)) }));
        if (context.IsJson)
        {
            context.WriteJson(new { Count = count, Temperature = temperature, Seed = seed, Height = height, Width = width, Files = new[] { file } });
            return;
        }
        context.Say($"{count} new pictures of {width}×{height} pixels, seed {seed}, in {file}.");
        context.Hint("Another --seed gives other pictures; a lower --temperature more usual ones.");
    }

    private static Tensor Images(string path, Device device, int count, Generator noise, double temperature)
    {
        if (GanFiles.IsRun(path))
        {
            using var gan = GanFiles.Load(path).To(device);
            return gan.Sample(count, noise, temperature);
        }
        using var flow = FlowFiles.Load(path).To(device);
        return flow.Sample(count, noise, temperature);
    }
}

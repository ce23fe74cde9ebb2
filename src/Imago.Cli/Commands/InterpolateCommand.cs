using System.CommandLine;
using Imago.Cli.Exploring;
using Imago.Exploration;
using Imago.Images;
using static TorchSharp.torch;

namespace Imago.Cli.Commands;

/// <summary><c>imago interpolate</c>: from one picture to another.</summary>
internal static class InterpolateCommand
{
    private static readonly Option<int> Count = ExploreOptions.Number("--count", 5, 1, "Pairs of pictures of the data set (or of samples, without one).");
    private static readonly Option<int> Steps = ExploreOptions.Number("--steps", 9, 2, "Pictures from one end to the other.");
    private static readonly Option<string> Way = new Option<string>("--way")
    {
        Description = $"How latents go from one end to the other: {string.Join(", ", Interpolations.All.Keys)}.",
        DefaultValueFactory = _ => "spherical",
    }.AcceptOnlyFromAmong([.. Interpolations.All.Keys]);

    internal static Command Create() => new ImagoCommand(
        "interpolate",
        "Go from one picture to another through the latents between them.",
        "imago interpolate runs/faces",
        "imago interpolate runs/faces me.jpg you.jpg --way straight")
    {
        ExploreOptions.Model, ExploreOptions.Images, ExploreOptions.Data, ExploreOptions.DataFolder, Count, Steps, Way,
        ExploreOptions.Size, ExploreOptions.Seed, ExploreOptions.Out, SharedOptions.Json,
    }.Does(Run);

    private static void Run(CommandContext context)
    {
        using var explorer = new Explorer(context);
        var (steps, way) = (context.Get(Steps), context.Get(Way)!);
        var ends = Ends(context, explorer);
        var pairs = (int)ends.shape[0] / 2;
        var paths = Enumerable.Range(0, pairs).Select(i => Interpolations.Path(Interpolations.All[way], ends[2 * i], ends[2 * i + 1], steps));
        var rows = Explorer.ToPictures(explorer.Decode(cat([.. paths]))).Chunk(steps).ToList();
        explorer.Write(ImageGrid.Draw([.. rows], new GridOptions
        {
            Title = $"from left to right, {way}",
            ColumnLabels = [.. Enumerable.Range(0, steps).Select(i => Explorer.Text(i / (steps - 1.0)))],
            Scale = explorer.Scale,
        }));
        explorer.WriteAnimation([.. Enumerable.Range(0, steps).Select(t => ImageGrid.Draw([.. rows.Select(row => row[t])], pairs, new GridOptions { Scale = explorer.Scale }))], framesPerSecond: 6);

        context.Say($"{pairs} ways of {steps} pictures each, {way}.");
        explorer.Finish(
            new { Pairs = pairs, Steps = steps, Way = way, Files = explorer.Written },
            $"--way {(way == "straight" ? "spherical" : "straight")} for comparison; imago edit {explorer.Name} --data NAME --attribute NAME changes one thing at a time.");
    }

    /// <summary>The latents of the end points, pair after pair: [2 · pairs, D].</summary>
    private static Tensor Ends(CommandContext context, Explorer explorer)
    {
        var wanted = 2 * context.Get(Count);
        if (!explorer.HasFiles && !explorer.HasData && explorer.Model.IsVariational)
        {
            using var generator = explorer.Random(0);
            return PriorSamples.Normal(explorer.Space, wanted, generator);
        }
        var images = explorer.Space.Load(explorer.Pictures(wanted), context.Cancellation);
        if (images.shape[0] % 2 == 1)
            throw new ArgumentException($"Pictures are taken in pairs, from the first to the second and so on; got {images.shape[0]}.");
        return explorer.Space.Encode(images).Mean;
    }
}

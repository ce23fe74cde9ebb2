using System.CommandLine;
using Imago.Cli.Exploring;
using Imago.Exploration;
using Imago.Images;
using static TorchSharp.torch;

namespace Imago.Cli.Commands;

/// <summary><c>imago traverse</c>: what each latent does.</summary>
internal static class TraverseCommand
{
    private static readonly Option<int> Latents = ExploreOptions.Number("--latents", 12, 1, "How many latents, those with the most information.");
    private static readonly Option<int> Steps = ExploreOptions.Number("--steps", 9, 2, "Pictures along each latent.");
    private static readonly Option<int> Examples = ExploreOptions.Number("--examples", 1000, 2, "Pictures by which information and ranges are measured.");
    private static readonly Option<double?> Range = new("--range") { HelpName = "R", Description = "Walk from −R to R; by default over the range that the latent takes on the pictures (1st to 99th percentile)." };

    internal static Command Create() => new ImagoCommand(
        "traverse",
        "Walk along each latent of an autoencoder.",
        "imago traverse runs/faces",
        "imago traverse runs/faces me.jpg --latents 6",
        "imago traverse btcvae_celeba.pt --range 3")
    {
        ExploreOptions.Model, ExploreOptions.Images, ExploreOptions.Data, ExploreOptions.DataFolder, Latents, Steps, Range, Examples,
        ExploreOptions.Size, ExploreOptions.Seed, ExploreOptions.Out, SharedOptions.Json,
    }.Explained(
        "Latents come by decreasing information: their mean KL to the prior, or their variance in a plain autoencoder.",
        "It is measured on the data set or, where there is none, on a VAE's own samples.",
        "The walk starts from the image, or else from the mean of all; the other latents stay.").Does(Run);

    private static void Run(CommandContext context)
    {
        using var explorer = new Explorer(context);
        using var codes = Codes(context, explorer);
        var (steps, range) = (context.Get(Steps), context.Get(Range));
        if (range is <= 0) throw new ArgumentException($"--range is {range}; it must be positive.");
        var ranges = codes.Summarise();
        var walked = ranges.Take(context.Get(Latents)).Select(latent => range is { } r ? latent with { Low = -r, High = r } : latent).ToList();
        var start = Start(context, explorer, codes);
        var z = cat([.. walked.Select(latent => Traversals.Along(start, latent.Index, Traversals.Values(latent.Low, latent.High, steps)))]);
        var rows = Explorer.ToPictures(explorer.Decode(z)).Chunk(steps).ToList();

        var unit = codes.IsVariational ? "nats" : "variance";
        explorer.Write(ImageGrid.Draw([.. rows], new GridOptions
        {
            Title = $"each latent from low to high, by information ({unit})",
            RowLabels = [.. walked.Select(latent => $"z{latent.Index}  {Explorer.Text(latent.Information)}  {Explorer.Text(latent.Low, "0.0")}…{Explorer.Text(latent.High, "0.0")}")],
            Scale = explorer.Scale,
        }));
        var labels = walked.Select(latent => $"z{latent.Index}").ToList();
        explorer.WriteAnimation([.. Enumerable.Range(0, steps).Select(t => ImageGrid.Draw([.. rows.Select(row => row[t])], Math.Min(6, rows.Count), new GridOptions { Captions = labels, Scale = explorer.Scale }))], framesPerSecond: 6);

        context.Say(codes.Dataset is { } set ? $"Measured on {codes.Indices.Count} pictures of {set.Name}:" : $"Measured on {codes.Indices.Count} samples of the model itself:");
        foreach (var latent in walked) context.Say($"  z{latent.Index,-4} {latent.Information,8:0.000} {unit}   {latent.Low,6:0.00} to {latent.High,5:0.00}");
        explorer.Finish(
            new { Unit = unit, Examples = codes.Indices.Count, Data = codes.Dataset?.Name, Latents = ranges.Take(walked.Count), Files = explorer.Written },
            $"imago traverse {explorer.Name} IMAGE starts from a picture of yours; imago edit {explorer.Name} finds the direction of an attribute that no latent has to itself.");
    }

    private static LatentCodes Codes(CommandContext context, Explorer explorer)
    {
        if (explorer.HasData || !explorer.Model.IsVariational) return explorer.Encode(explorer.Examples(context.Get(Examples)));
        using var generator = explorer.Random(1);
        return context.Track("Sampling", sink => explorer.Space.EncodeSamples(context.Get(Examples), generator, sink, context.Cancellation));
    }

    private static Tensor Start(CommandContext context, Explorer explorer, LatentCodes codes)
    {
        if (!explorer.HasFiles) return codes.Means.mean([0L]);
        var images = explorer.Space.Load(explorer.Pictures(1), context.Cancellation);
        if (images.shape[0] > 1) throw new ArgumentException($"A traversal starts from one image; got {images.shape[0]}.");
        return explorer.Space.Encode(images).Mean[0];
    }
}

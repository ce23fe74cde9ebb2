using System.CommandLine;
using Imago.Cli.Exploring;
using Imago.Exploration;
using Imago.Images;

namespace Imago.Cli.Commands;

/// <summary><c>imago reconstruct</c>: pictures through the encoder and the decoder.</summary>
internal static class ReconstructCommand
{
    private static readonly Option<int> Count = ExploreOptions.Number("--count", 8, 1, "Pictures of the data set.");

    internal static Command Create() => new ImagoCommand(
        "reconstruct",
        "Show pictures beside what an autoencoder makes of them.",
        "imago reconstruct runs/faces",
        "imago reconstruct taef2_encoder.pth photo.jpg --out photo-again.png")
    {
        ExploreOptions.Model, ExploreOptions.Images, ExploreOptions.Data, ExploreOptions.DataFolder, Count,
        ExploreOptions.Size, ExploreOptions.Seed, ExploreOptions.Out, SharedOptions.Json,
    }.Does(Run);

    private static void Run(CommandContext context)
    {
        using var explorer = new Explorer(context);
        var images = explorer.Space.Load(explorer.Pictures(context.Get(Count)), context.Cancellation);
        var again = context.Track("Reconstructing", sink => Reconstructions.Of(explorer.Space, images, sink, context.Cancellation));
        var decibels = Reconstructions.PeakSignalToNoise(again, images);

        var columns = Math.Min(8, decibels.Length);
        List<IReadOnlyList<PixelImage>> rows = [];
        List<string> captions = [];
        foreach (var (pictures, copies, quality) in Explorer.ToPictures(images).Chunk(columns)
            .Zip(Explorer.ToPictures(again).Chunk(columns), decibels.Chunk(columns)))
        {
            rows.AddRange([pictures, copies]);
            captions.AddRange([.. pictures.Select(_ => ""), .. quality.Select(db => $"{db:0.0} dB")]);
        }
        explorer.Write(ImageGrid.Draw(rows, new GridOptions
        {
            RowLabels = [.. rows.Select((_, row) => row % 2 == 0 ? "picture" : "again")],
            Captions = captions,
            Scale = explorer.Scale,
        }));

        context.Say($"{decibels.Length} pictures of {explorer.Space.Width}×{explorer.Space.Height} pixels through {explorer.Space.Dimensions} latents: PSNR {decibels.Average():0.0} dB on average, {decibels.Min():0.0} to {decibels.Max():0.0} dB.");
        explorer.Finish(
            new { explorer.Space.Height, explorer.Space.Width, Latents = explorer.Space.Dimensions, Psnr = decibels, MeanPsnr = decibels.Average(), Files = explorer.Written },
            $"imago traverse {explorer.Name} walks along each latent; imago interpolate {explorer.Name} A.png B.png goes from one picture to another.");
    }
}

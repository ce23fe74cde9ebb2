using System.CommandLine;
using Imago.Cli.Exploring;
using Imago.Exploration;
using Imago.Images;
using static TorchSharp.torch;

namespace Imago.Cli.Commands;

/// <summary><c>imago map</c>: a whole latent space at a glance.</summary>
internal static class MapCommand
{
    private static readonly Option<string?> Colour = new("--colour", "--color") { HelpName = "ATTRIBUTE", Description = "What colours the points: an attribute of the data set (a number in eight steps); the classes by default." };
    private static readonly Option<int> Side = ExploreOptions.Number("--side", 20, 2, "Pictures in a row of the manifold of two latents.");
    private static readonly Option<int> Examples = ExploreOptions.Number("--examples", 2000, 2, "Pictures of the data set to place on the map.");

    internal static Command Create() => new ImagoCommand(
        "map",
        "Draw the map of a latent space.",
        "imago map runs/mnist-2d",
        "imago map runs/faces --colour skin_tone")
    {
        ExploreOptions.Model, ExploreOptions.Data, ExploreOptions.DataFolder, Colour, Side, Examples,
        ExploreOptions.Size, ExploreOptions.Seed, ExploreOptions.Out, SharedOptions.Json,
    }.Explained(
        "It shows where the pictures of a data set lie, coloured by label: in the plane of the two latents, or of the first two principal components of more.",
        "A VAE with two latents has a manifold too: its pictures on a grid of equal probability.").Does(Run);

    private static void Run(CommandContext context)
    {
        using var explorer = new Explorer(context);
        var hasManifold = explorer.Space.Dimensions == 2 && explorer.Model.IsVariational;
        if (!hasManifold && !explorer.HasData)
            throw new ArgumentException($"A map of {explorer.Space.Dimensions} latents needs pictures to place on it: name a data set with --data.");
        if (hasManifold) DrawManifold(context, explorer);
        var shares = explorer.HasData ? DrawCodes(context, explorer, hasManifold ? "-codes" : "") : null;
        explorer.Finish(
            new { Latents = explorer.Space.Dimensions, VarianceShares = shares, Files = explorer.Written },
            $"--colour ATTRIBUTE shows where an attribute lies; imago edit {explorer.Name} moves pictures along it.");
    }

    private static void DrawManifold(CommandContext context, Explorer explorer)
    {
        var side = context.Get(Side);
        var pictures = Explorer.ToPictures(explorer.Decode(LatentMap.Manifold(side)));
        explorer.Write(ImageGrid.Draw(pictures, side, new GridOptions { Gap = 0 }));
        context.Say($"{side}×{side} pictures on a grid of equal probability under the prior.");
    }

    private static double[] DrawCodes(CommandContext context, Explorer explorer, string suffix)
    {
        var examples = explorer.Examples(context.Get(Examples));
        var groups = PointGroups.Parse(context.Get(Colour), examples);
        using var codes = explorer.Encode(examples);
        var (plane, shares) = LatentMap.Plane(codes);
        var xy = plane.data<double>().ToArray();
        var group = groups.Of(codes);
        var points = group.Select((g, i) => new ScatterPoint(xy[2 * i], xy[2 * i + 1], g)).ToList();
        string Axis(int i) => explorer.Space.Dimensions == 2 ? $"z{i}" : $"component {i + 1} ({shares[i]:0%} of the variance)";
        explorer.Write(ScatterPicture.Draw(points, groups.Names, $"{examples.Name}: {points.Count} codes{(groups.Title is { } title ? $" by {title}" : "")}", Axis(0), Axis(1), groups.AreOrdered), suffix);
        context.Say($"{points.Count} pictures of {examples.Name}; the plane holds {shares.Sum():0%} of the variance of their codes.");
        return shares;
    }
}

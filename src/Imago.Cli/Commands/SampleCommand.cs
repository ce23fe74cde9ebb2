using System.CommandLine;
using Imago.Cli.Exploring;
using Imago.Exploration;
using Imago.Images;
using TorchSharp;

namespace Imago.Cli.Commands;

/// <summary><c>imago sample</c>: new pictures.</summary>
internal static class SampleCommand
{
    private static readonly Option<int> Count = ExploreOptions.Number("--count", 64, 1, "New pictures.");
    private static readonly Option<string> Prior = new Option<string>("--prior")
    {
        Description = "Where latents are drawn: normal, the prior of a VAE; or gmm, a mixture of Gaussians fitted to the codes of --data, which suits a plain autoencoder too.",
        DefaultValueFactory = _ => "normal",
    }.AcceptOnlyFromAmong("normal", "gmm");

    private static readonly Option<int> Components = ExploreOptions.Number("--components", 10, 1, "Gaussians in the mixture.");
    private static readonly Option<int> Examples = ExploreOptions.Number("--examples", 2000, 2, "Pictures of --data that the mixture is fitted to.");
    private static readonly Option<double> Temperature = new("--temperature") { HelpName = "T", Description = "Standard deviation of the normal prior; less is more typical and less varied.", DefaultValueFactory = _ => 1 };

    internal static Command Create() => new ImagoCommand(
        "sample",
        "Draw new pictures from an autoencoder, a normalising flow or a GAN.",
        "imago sample runs/faces --count 100 --seed 7",
        "imago sample runs/faces-ae --prior gmm")
    {
        ExploreOptions.Model, Count, Prior, Components, Temperature, ExploreOptions.Data, ExploreOptions.DataFolder, Examples,
        ExploreOptions.Size, ExploreOptions.Seed, ExploreOptions.Out, SharedOptions.Json,
    }.Does(Run);

    private static void Run(CommandContext context)
    {
        if (SampleDrawn.Knows(context.Get(ExploreOptions.Model)!))
        {
            SampleDrawn.Run(context, context.Get(ExploreOptions.Model)!, context.Get(Count), context.Get(Temperature));
            return;
        }
        var isMixture = context.Get(Prior) == "gmm";
        using var explorer = new Explorer(context, usesData: isMixture);
        using var generator = explorer.Random(0);
        var count = context.Get(Count);
        var z = isMixture ? FromMixture(context, explorer, count, generator) : PriorSamples.Normal(explorer.Space, count, generator, context.Get(Temperature));
        if (!isMixture && !explorer.Model.IsVariational)
            context.Warn("this is a plain autoencoder: its latents follow no normal distribution, so these are not like its data; try --prior gmm --data NAME.");
        var pictures = Explorer.ToPictures(explorer.Decode(z));
        explorer.Write(ImageGrid.Draw(pictures, (int)Math.Ceiling(Math.Sqrt(count)), new GridOptions { Scale = Math.Max(1, explorer.Scale / 2) }));

        context.Say($"{count} new pictures of {explorer.Space.Width}×{explorer.Space.Height} pixels, seed {explorer.Seed}.");
        explorer.Finish(
            new { Count = count, Prior = context.Get(Prior), explorer.Seed, explorer.Space.Height, explorer.Space.Width, Files = explorer.Written },
            $"another --seed gives other pictures; imago traverse {explorer.Name} shows what each latent does.");
    }

    private static torch.Tensor FromMixture(CommandContext context, Explorer explorer, int count, torch.Generator generator)
    {
        var examples = explorer.Examples(context.Get(Examples));
        if (explorer.Space.Dimensions > 1024)
            throw new ArgumentException($"A mixture over {explorer.Space.Dimensions} latents cannot be fitted; --prior gmm takes models with at most 1024.");
        using var codes = explorer.Encode(examples);
        using var mixture = GaussianMixture.Fit(codes.Means, Math.Min(context.Get(Components), codes.Indices.Count), seed: explorer.Seed, regularisation: 1e-4, cancellation: context.Cancellation);
        return PriorSamples.Mixture(mixture, count, generator);
    }
}

using Imago.Models;
using Imago.Probability;
using Imago.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Autoencoders;

/// <summary>
/// FactorVAE (Kim and Mnih 2018): reconstruction + β·KL + γ·TC, the total correlation estimated by a discriminator that learns beside the autoencoder to tell
/// latents from latents whose entries come from different images. γ is <see cref="ObjectiveConfig.Weight"/>.
/// </summary>
/// <remarks>Unlike the objectives of <see cref="Objectives.All"/> it has a second module and a second loss, which step in turn with the first on the same batches.</remarks>
public sealed class FactorVae : IDisposable
{
    /// <summary>What a configuration calls this objective.</summary>
    public const string Name = "factor_vae";

    private readonly ObjectiveConfig _config;
    private readonly ReconstructionTerm _likelihood;

    /// <summary>Builds the discriminator.</summary>
    /// <param name="config">Likelihood, β and γ.</param>
    /// <param name="latents">Numbers in the latents of one image.</param>
    /// <param name="seed">Seed of the discriminator's weights.</param>
    /// <param name="hidden">Units of each of its hidden layers; 1000 in the paper.</param>
    public FactorVae(ObjectiveConfig config, int latents, long seed = 0, int hidden = 1000)
    {
        config.Validate();
        _config = config;
        _likelihood = Likelihoods.Create(config);
        Discriminator = Seeded.Build(seed, () => new LatentDiscriminator(latents, hidden));
    }

    /// <summary>The discriminator.</summary>
    public LatentDiscriminator Discriminator { get; }

    /// <summary>The optimiser of the discriminator in the paper: Adam with β₁ = 0.5, β₂ = 0.9 and a learning rate of 10⁻⁴.</summary>
    public static OptimizerConfig DiscriminatorOptimizer { get; } = new AdamConfig { LearningRate = 1e-4, Beta1 = 0.5, Beta2 = 0.9 };

    /// <summary>The autoencoder's loss (algorithm 2, first step).</summary>
    /// <inheritdoc cref="Objective" path="/param"/>
    public LossTerms Loss(Autoencoder model, Tensor x, ObjectiveContext at)
    {
        Objectives.RequireVariational(model, _config);
        var posterior = Objectives.Posterior(model, x, at);
        var z = posterior.Sample(Objectives.Normal(posterior.Mean.shape, x, at));
        var reconstruction = _likelihood(model, Objectives.Decode(model, z, x, at), x).mean();
        var kl = posterior.Kl().mean();
        var totalCorrelation = Regularisers.TotalCorrelationOfLogits(Discriminator.call(z.flatten(1)));
        return Objectives.Terms(
            reconstruction + Objectives.BetaAt(_config, at) * kl + _config.Weight * totalCorrelation,
            ("reconstruction", reconstruction), ("kl", kl), ("total_correlation", totalCorrelation));
    }

    /// <summary>The discriminator's loss (algorithm 2, second step): no gradient reaches the autoencoder.</summary>
    /// <inheritdoc cref="Objective" path="/param"/>
    public LossTerms DiscriminatorLoss(Autoencoder model, Tensor x, ObjectiveContext at)
    {
        Tensor z;
        using (no_grad())
        {
            var posterior = Objectives.Posterior(model, x, at);
            z = posterior.Sample(Objectives.Normal(posterior.Mean.shape, x, at)).flatten(1);
        }
        var permutations = rand([z.shape[1], z.shape[0]], generator: at.Noise).argsort(1).to(z.device);
        var loss = Regularisers.DiscriminatorLoss(Discriminator.call(z), Discriminator.call(Regularisers.PermuteLatents(z, permutations)));
        return Objectives.Terms(loss, ("cross_entropy", loss));
    }

    /// <inheritdoc/>
    public void Dispose() => Discriminator.Dispose();
}

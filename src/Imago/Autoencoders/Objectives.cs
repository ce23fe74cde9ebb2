using Imago.Probability;
using Imago.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Autoencoders;

/// <summary>What an objective knows beside the network and the batch.</summary>
/// <param name="Step">Optimiser steps done before this one.</param>
/// <param name="TotalSteps">Steps of the whole run.</param>
/// <param name="DatasetSize">Images in the training set.</param>
/// <param name="Noise">Where all noise comes from.</param>
/// <param name="Compute">The type that the network computes in; losses are computed in the type of the batch.</param>
/// <param name="IsTraining">False in an evaluation on held-out data, which is to mean the same throughout the run.</param>
public sealed record ObjectiveContext(long Step, long TotalSteps, long DatasetSize, Generator Noise, ScalarType Compute = ScalarType.Float32, bool IsTraining = true);

/// <summary>The loss of an autoencoder on a batch: nats per image, averaged over the batch.</summary>
/// <param name="model">The network.</param>
/// <param name="x">Images, [B, C, H, W] in the network's pixel range.</param>
/// <param name="at">Where in the run, and the noise.</param>
public delegate LossTerms Objective(Autoencoder model, Tensor x, ObjectiveContext at);

/// <summary>
/// The objectives by which Imago trains autoencoders. Each is a small function of reconstruction, posterior and latents; one line of
/// <see cref="All"/> makes it available everywhere.
/// </summary>
public static class Objectives
{
    /// <summary>Name → objective for a configuration.</summary>
    public static IReadOnlyDictionary<string, Func<ObjectiveConfig, Objective>> All { get; } = new SortedDictionary<string, Func<ObjectiveConfig, Objective>>(StringComparer.Ordinal)
    {
        ["ae"] = Plain,
        ["rae"] = Regularised,
        ["vae"] = Elbo,
        ["beta_vae"] = Elbo,
        ["beta_tc_vae"] = BetaTc,
        ["dip_vae"] = Dip,
        ["info_vae"] = Info,
        ["wae_mmd"] = Wasserstein,
        ["iwae"] = Iwae,
        ["miwae"] = Iwae,
        ["ciwae"] = Ciwae,
    };

    /// <summary>All names that <see cref="ObjectiveConfig.Name"/> may have: those of <see cref="All"/>, and <see cref="FactorVae"/> and <see cref="GuidedVae"/>, which train a second network.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. All.Keys.Concat([FactorVae.Name, GuidedVae.Name]).Order(StringComparer.Ordinal)];

    /// <summary>The objective that a configuration asks for; neither <see cref="FactorVae"/> nor <see cref="GuidedVae"/>.</summary>
    /// <exception cref="ArgumentException">A value is out of range; the message names it.</exception>
    public static Objective Create(ObjectiveConfig config)
    {
        config.Validate();
        return All.TryGetValue(config.Name, out var create)
            ? create(config)
            : throw new ArgumentException($"The objective {config.Name} has a loss for each of two networks; create it with new FactorVae(…) or new GuidedVae(…), or train with AutoencoderTraining.");
    }

    /// <summary>β at this step: <see cref="ObjectiveConfig.Beta"/> times warm-up or cycles.</summary>
    public static double BetaAt(ObjectiveConfig config, ObjectiveContext at) => config.Cycles > 0
        ? config.Beta * Annealing.Cyclical(at.Step, Math.Max(at.TotalSteps, 1), config.Cycles)
        : config.Beta * Annealing.Linear(at.Step, config.WarmupSteps);

    /// <summary>reconstruction alone: z is the mean.</summary>
    private static Objective Plain(ObjectiveConfig config)
    {
        var likelihood = Likelihoods.Create(config);
        return (model, x, at) =>
        {
            var reconstruction = likelihood(model, Decode(model, Posterior(model, x, at).Mean, x, at), x).mean();
            return Terms(reconstruction, ("reconstruction", reconstruction));
        };
    }

    /// <summary>reconstruction + weight·½|z|² (Ghosh et al. 2020).</summary>
    private static Objective Regularised(ObjectiveConfig config)
    {
        var likelihood = Likelihoods.Create(config);
        return (model, x, at) =>
        {
            var z = Posterior(model, x, at).Mean;
            var reconstruction = likelihood(model, Decode(model, z, x, at), x).mean();
            var embedding = Regularisers.Embedding(z);
            return Terms(reconstruction + config.Weight * embedding, ("reconstruction", reconstruction), ("embedding", embedding));
        };
    }

    /// <summary>reconstruction + β·KL, the KL with free bits or held at a capacity (Kingma and Welling 2014; Higgins et al. 2017; Burgess et al. 2018).</summary>
    private static Objective Elbo(ObjectiveConfig config) => Variational(config, (posterior, _, at) => config switch
    {
        { Capacity: { } capacity } => config.Weight * Regularisers.Capacity(posterior, Annealing.Linear(at.Step, config.CapacitySteps, to: capacity)),
        { FreeBits: > 0 } => BetaAt(config, at) * Regularisers.FreeBits(posterior, config.FreeBits, FreeBitsForm.BatchMeanPerLatent),
        _ => BetaAt(config, at) * posterior.Kl().mean(),
    });

    /// <summary>reconstruction + MI + β·TC + dimension-wise KL (Chen et al. 2018, Eq. 4 with α = γ = 1).</summary>
    private static Objective BetaTc(ObjectiveConfig config) => Variational(config, (posterior, z, at) =>
    {
        var densities = AggregatePosterior.OfBatch(Flat(posterior), z.flatten(1), at.DatasetSize, config.Estimator);
        var warmup = Annealing.Linear(at.Step, config.WarmupSteps);
        return warmup * (densities.MutualInformation + config.Beta * densities.TotalCorrelation + densities.DimensionWiseKl);
    });

    /// <summary>reconstruction + β·KL + λ_od Σ_{i≠j} C² + λ_d Σ (C_ii − 1)² (Kumar et al. 2018).</summary>
    private static Objective Dip(ObjectiveConfig config) => Variational(config, (posterior, _, at) =>
    {
        var covariance = Regularisers.LatentCovariance(Flat(posterior), config.CovarianceOfSamples);
        return BetaAt(config, at) * posterior.Kl().mean() + Regularisers.DisentangledPrior(covariance, config.Weight, config.DiagonalWeight);
    });

    /// <summary>reconstruction + β·KL + weight·MMD(q(z), p(z)) (Zhao et al. 2019, Eq. 6: β = 1 − α, weight = α + λ − 1).</summary>
    private static Objective Info(ObjectiveConfig config) => Variational(config, (posterior, z, at) =>
        BetaAt(config, at) * posterior.Kl().mean() + config.Weight * Mmd(config, z, at));

    /// <summary>reconstruction + weight·MMD(q(z), p(z)), z the mean (Tolstikhin et al. 2018, algorithm 2).</summary>
    private static Objective Wasserstein(ObjectiveConfig config)
    {
        var likelihood = Likelihoods.Create(config);
        return (model, x, at) =>
        {
            var z = Posterior(model, x, at).Mean;
            var reconstruction = likelihood(model, Decode(model, z, x, at), x).mean();
            var mmd = Mmd(config, z, at);
            return Terms(reconstruction + config.Weight * mmd, ("reconstruction", reconstruction), ("mmd", mmd));
        };
    }

    /// <summary>−mean over M bounds of log of the mean of K weights (Burda et al. 2016; Rainforth et al. 2018).</summary>
    private static Objective Iwae(ObjectiveConfig config) => Weighted(config, (logWeights, _) => ImportanceBounds.Miwae(logWeights));

    /// <summary>−(β·ELBO + (1 − β)·IWAE) (Rainforth et al. 2018).</summary>
    private static Objective Ciwae(ObjectiveConfig config) => Weighted(config, (logWeights, _) => ImportanceBounds.Ciwae(logWeights.flatten(1), config.Beta));

    /// <summary>reconstruction + a term of the posterior and a sample of it.</summary>
    private static Objective Variational(ObjectiveConfig config, Func<DiagonalGaussian, Tensor, ObjectiveContext, Tensor> regulariser)
    {
        var likelihood = Likelihoods.Create(config);
        return (model, x, at) =>
        {
            RequireVariational(model, config);
            var posterior = Posterior(model, x, at);
            var z = posterior.Sample(Normal(posterior.Mean.shape, x, at));
            var reconstruction = likelihood(model, Decode(model, z, x, at), x).mean();
            return Terms(reconstruction + regulariser(posterior, z, at), ("reconstruction", reconstruction), ("kl", posterior.Kl().mean()));
        };
    }

    /// <summary>−a bound of the importance weights [B, M, K].</summary>
    private static Objective Weighted(ObjectiveConfig config, Func<Tensor, ObjectiveContext, Tensor> bound)
    {
        var likelihood = Likelihoods.Create(config);
        return (model, x, at) =>
        {
            RequireVariational(model, config);
            var posterior = Posterior(model, x, at);
            var samples = SamplesAt(config, at);
            var z = Samples(posterior, config.Bounds * samples, at);
            var logWeights = LogWeights(model, likelihood, posterior, z, x, at, out var reconstruction);
            var value = bound(logWeights.view(x.shape[0], config.Bounds, samples), at).mean();
            return Terms(-value, ("reconstruction", reconstruction), ("kl", posterior.Kl().mean()), ("bound", value));
        };
    }

    /// <summary>K at a step: <see cref="ObjectiveConfig.FirstSamples"/> growing geometrically to <see cref="ObjectiveConfig.Samples"/> over the first half of the run; evaluations always take the latter.</summary>
    private static int SamplesAt(ObjectiveConfig config, ObjectiveContext at) => at.IsTraining && config.FirstSamples is { } first
        ? (int)Math.Round(Annealing.Geometric(at.Step, at.TotalSteps / 2, first, config.Samples))
        : config.Samples;

    /// <summary>log p(x|z) + log p(z) − log q(z|x) of every sample, [B, K], for z of [B, K, …].</summary>
    private static Tensor LogWeights(Autoencoder model, ReconstructionTerm likelihood, DiagonalGaussian posterior, Tensor z, Tensor x, ObjectiveContext at, out Tensor reconstruction)
    {
        var samples = z.shape[1];
        var repeated = x.unsqueeze(1).expand([x.shape[0], samples, .. x.shape[1..]]).flatten(0, 1);
        var terms = likelihood(model, Decode(model, z.flatten(0, 1), x, at), repeated).view(x.shape[0], samples);
        reconstruction = terms.mean();
        var wide = new DiagonalGaussian(posterior.Mean.unsqueeze(1), posterior.LogVar.unsqueeze(1));
        return -terms + (DiagonalGaussian.LogPriorPerLatent(z) - wide.LogDensityPerLatent(z)).flatten(2).sum(2);
    }

    /// <summary>K samples of every posterior, [B, K, …].</summary>
    private static Tensor Samples(DiagonalGaussian posterior, long samples, ObjectiveContext at)
    {
        var shape = posterior.Mean.shape;
        var wide = new DiagonalGaussian(posterior.Mean.unsqueeze(1), posterior.LogVar.unsqueeze(1));
        return wide.Sample(Normal([shape[0], samples, .. shape[1..]], posterior.Mean, at));
    }

    private static Tensor Mmd(ObjectiveConfig config, Tensor z, ObjectiveContext at)
    {
        var flat = z.flatten(1);
        return MaximumMeanDiscrepancy.Estimate(config.Kernel, flat, Normal(flat.shape, flat, at));
    }

    /// <summary>q(z|x), computed in the run's type, given in the batch's.</summary>
    internal static DiagonalGaussian Posterior(Autoencoder model, Tensor x, ObjectiveContext at)
    {
        if (x.dtype == at.Compute) return model.Encode(x);
        var posterior = model.Encode(x.to(at.Compute));
        return new DiagonalGaussian(posterior.Mean.to(x.dtype), posterior.LogVar.to(x.dtype));
    }

    internal static Tensor Decode(Autoencoder model, Tensor z, Tensor x, ObjectiveContext at) => model.Decode(z.to(at.Compute)).to(x.dtype);

    private static DiagonalGaussian Flat(DiagonalGaussian posterior) => new(posterior.Mean.flatten(1), posterior.LogVar.flatten(1));

    /// <summary>Standard normal noise, drawn on the CPU whatever the device: the same everywhere.</summary>
    internal static Tensor Normal(long[] shape, Tensor like, ObjectiveContext at) => randn(shape, dtype: like.dtype, generator: at.Noise).to(like.device);

    internal static LossTerms Terms(Tensor loss, params (string Name, Tensor Value)[] parts) =>
        new(loss, [.. parts.Select(part => (part.Name, part.Value.detach()))]);

    internal static void RequireVariational(Autoencoder model, ObjectiveConfig config)
    {
        if (!model.IsVariational) throw new ArgumentException($"The objective {config.Name} needs an encoder that gives a distribution: set variational to true in the network's configuration, or choose ae, rae or wae_mmd.");
    }
}

using Imago.Probability;

namespace Imago.Autoencoders;

/// <summary>What is assumed of a pixel given its latents.</summary>
public enum LikelihoodKind
{
    /// <summary>Zeros and ones, from logits. On grey pixels a cross-entropy, not a likelihood.</summary>
    Bernoulli,

    /// <summary>A density on [0, 1], from logits.</summary>
    ContinuousBernoulli,

    /// <summary>Normal with the standard deviation <see cref="ObjectiveConfig.Sigma"/>, or the network's own where it has one.</summary>
    Gaussian,

    /// <summary>Normal with the standard deviation that is best for each batch (σ-VAE): nothing to choose.</summary>
    GaussianOptimal,

    /// <summary>Laplace with the scale <see cref="ObjectiveConfig.Sigma"/>, or the network's own.</summary>
    Laplace,

    /// <summary>log cosh(r/σ)·σ, σ = <see cref="ObjectiveConfig.Sigma"/>: not a likelihood.</summary>
    LogCosh,

    /// <summary>Σ r², not a likelihood: the loss of a plain autoencoder in most libraries.</summary>
    SquaredError,

    /// <summary>8-bit levels under a logistic density of scale <see cref="ObjectiveConfig.Sigma"/>, or the network's own.</summary>
    DiscretisedLogistic,

    /// <summary>8-bit levels under a Gaussian of standard deviation <see cref="ObjectiveConfig.Sigma"/>, or the network's own.</summary>
    DiscretisedGaussian,
}

/// <summary>
/// What an autoencoder is trained for. The record is JSON (keys in snake_case). All terms are nats <b>summed</b> over pixels and latents of an image and
/// averaged over the batch, so that β = 1 is the evidence lower bound whatever the image's size; docs/loss-conventions.md converts other libraries' weights.
/// </summary>
public sealed record ObjectiveConfig
{
    /// <summary>One of <see cref="Objectives.Names"/>.</summary>
    public string Name { get; init; } = "vae";

    /// <summary>The reconstruction term.</summary>
    public LikelihoodKind Likelihood { get; init; } = LikelihoodKind.Bernoulli;

    /// <summary>Standard deviation or scale of a pixel in the units of the network's pixel range, where the likelihood has one that is not learned.</summary>
    public double Sigma { get; init; } = 1;

    /// <summary>Weight of the KL term (β-VAE), of the total correlation (β-TC-VAE) or share of the ELBO (CIWAE).</summary>
    public double Beta { get; init; } = 1;

    /// <summary>Steps over which the weight of the KL term rises from 0.</summary>
    public long WarmupSteps { get; init; }

    /// <summary>Cycles of the KL weight over the whole run (Fu et al. 2019); 0 for none.</summary>
    public int Cycles { get; init; }

    /// <summary>Capacity C in nats that the KL term is held at (Burgess et al. 2018); null for none.</summary>
    public double? Capacity { get; init; }

    /// <summary>Steps over which the capacity grows from 0 to <see cref="Capacity"/>.</summary>
    public long CapacitySteps { get; init; }

    /// <summary>Floor of the KL of each latent in nats, on the batch's mean (Kingma et al. 2016); 0 for none.</summary>
    public double FreeBits { get; init; }

    /// <summary>K, the samples of each image in the importance-weighted objectives.</summary>
    public int Samples { get; init; } = 1;

    /// <summary>
    /// K of the first step, from which it grows geometrically to <see cref="Samples"/> over the first half of the run: early steps learn as much from one sample as from many,
    /// in a fraction of the time. Null for <see cref="Samples"/> throughout.
    /// </summary>
    public int? FirstSamples { get; init; }

    /// <summary>M, the bounds that MIWAE averages.</summary>
    public int Bounds { get; init; } = 1;

    /// <summary>Weight of an objective's own term: the capacity's distance, the total correlation of FactorVAE, λ_od of DIP-VAE, the MMD, |z|² of a regularised autoencoder.</summary>
    public double Weight { get; init; } = 1;

    /// <summary>The labelled attribute that <see cref="GuidedVae"/> gives a latent of its own, written as for <see cref="Data.ExampleSelector"/>.</summary>
    public string? Attribute { get; init; }

    /// <summary>λ_d of DIP-VAE.</summary>
    public double DiagonalWeight { get; init; } = 1;

    /// <summary>Whether DIP-VAE takes the covariance of samples (II) instead of means (I).</summary>
    public bool CovarianceOfSamples { get; init; }

    /// <summary>How β-TC-VAE estimates log q(z).</summary>
    public TotalCorrelationEstimator Estimator { get; init; } = TotalCorrelationEstimator.Stratified;

    /// <summary>The kernel of an MMD.</summary>
    public MmdKernel Kernel { get; init; } = MmdKernel.InverseMultiquadratic;

    /// <summary>Reads a record from JSON; unknown keys are refused.</summary>
    /// <param name="json">The text.</param>
    /// <param name="source">The file's name, for messages.</param>
    /// <exception cref="CheckpointException">It is not such a record; the message names the source and what is wrong.</exception>
    public static ObjectiveConfig Parse(string json, string source = "objective") => ConfigJson.Read<ObjectiveConfig>(json, source);

    /// <summary>Throws when the values cannot make an objective.</summary>
    /// <exception cref="ArgumentException">The message names the value and what it must be.</exception>
    public void Validate()
    {
        Require(Objectives.Names.Contains(Name), "name", Name, $"one of {string.Join(", ", Objectives.Names)}");
        Require(Name != GuidedVae.Name || !string.IsNullOrWhiteSpace(Attribute), "attribute", Attribute, $"the class or attribute that {GuidedVae.Name} learns");
        Require(Sigma > 0 && double.IsFinite(Sigma), "sigma", Sigma, "a positive number");
        Require(Beta >= 0 && double.IsFinite(Beta), "beta", Beta, "0 or more");
        Require(WarmupSteps >= 0, "warmup_steps", WarmupSteps, "0 or more");
        Require(Cycles >= 0, "cycles", Cycles, "0 or more");
        Require(Capacity is null or >= 0, "capacity", Capacity, "0 or more nats");
        Require(CapacitySteps >= 0, "capacity_steps", CapacitySteps, "0 or more");
        Require(FreeBits >= 0, "free_bits", FreeBits, "0 or more nats");
        Require(Samples is >= 1 and <= 100_000, "samples", Samples, "between 1 and 100000");
        Require(FirstSamples is null || (FirstSamples >= 1 && FirstSamples <= Samples), "first_samples", FirstSamples, $"between 1 and samples, which is {Samples}");
        Require(Bounds is >= 1 and <= 100_000, "bounds", Bounds, "between 1 and 100000");
        Require(double.IsFinite(Weight), "weight", Weight, "a finite number");
        Require(double.IsFinite(DiagonalWeight), "diagonal_weight", DiagonalWeight, "a finite number");
    }

    private static void Require(bool holds, string key, object? got, string expected)
    {
        if (!holds) throw new ArgumentException(FormattableString.Invariant($"Objective: {key} is {got}; it must be {expected}."));
    }
}

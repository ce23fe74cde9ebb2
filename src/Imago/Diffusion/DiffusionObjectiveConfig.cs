namespace Imago.Diffusion;

/// <summary>
/// What a denoising network is trained for. The record is JSON (keys in snake_case). The loss of an image is weight × mean squared error over its numbers, averaged
/// over the batch.
/// </summary>
public sealed record DiffusionObjectiveConfig
{
    /// <summary>What the network predicts.</summary>
    public Prediction Prediction { get; init; } = Prediction.Epsilon;

    /// <summary>How much the error at each level counts.</summary>
    public LossWeighting Weighting { get; init; } = new SimpleWeighting();

    /// <summary>Which levels are trained at, and how often.</summary>
    public TimeDensity Times { get; init; } = new UniformTimes();

    /// <summary>Whether the levels of a batch are spread evenly over the density: the same mean, less variance.</summary>
    public bool IsStratified { get; init; } = true;

    /// <summary>Strength of a noise that is the same for all pixels of a channel, added to ε and part of what is predicted (Guttenberg 2023); 0 for none, usually 0.05 to 0.1.</summary>
    public double OffsetNoise { get; init; }

    /// <summary>Strength of a second noise that the network sees and is not asked for (Ning et al. 2023, Eq. 8); 0 for none, usually 0.1.</summary>
    public double InputPerturbation { get; init; }

    /// <summary>p of DREAM, λ = σᵖ (Zhou et al. 2024, Algorithm 1): the network trains on what it will make of its own errors. It costs a second evaluation; null for none.</summary>
    public double? DreamPower { get; init; }

    /// <summary>
    /// σ_data of a preconditioned network (Karras et al. 2022): its raw output is F of x̂₀ = c_skip x + c_out F(c_in x), told ¼ ln(σ/α); then <see cref="Prediction"/> is
    /// the sample. Null for a network that is taken as it is.
    /// </summary>
    public double? SigmaData { get; init; }

    /// <summary>
    /// Whether the network has twice as many channels as the image and learns the variance of the steps back too (Nichol and Dhariwal 2021, Eq. 16):
    /// T/1000 times the variational bound is added, in which the estimate of the image is a constant.
    /// </summary>
    public bool LearnsVariance { get; init; }

    /// <summary>Karras et al. 2022, Table 1: a preconditioned network, ln σ ~ N(−1.2, 1.2²), and each level counting alike at first.</summary>
    public static DiffusionObjectiveConfig Edm { get; } = new()
    {
        Prediction = Prediction.Sample,
        SigmaData = 0.5,
        Weighting = new EdmWeighting { SigmaData = 0.5 },
        Times = new LogNormalRatios(),
    };

    /// <summary>Reads a record from JSON; unknown keys are refused.</summary>
    /// <param name="json">The text.</param>
    /// <param name="source">The file's name, for messages.</param>
    /// <exception cref="CheckpointException">It is not such a record; the message names the source and what is wrong.</exception>
    public static DiffusionObjectiveConfig Parse(string json, string source = "objective") => ConfigJson.Read<DiffusionObjectiveConfig>(json, source);

    /// <summary>Throws when the values cannot make an objective.</summary>
    /// <exception cref="ArgumentException">The message names the value and what it must be.</exception>
    public void Validate()
    {
        Weighting.Validate();
        Times.Validate();
        Require(OffsetNoise >= 0, "offset_noise", OffsetNoise, "0 or more");
        Require(InputPerturbation >= 0, "input_perturbation", InputPerturbation, "0 or more");
        Require(DreamPower is null or > 0, "dream_power", DreamPower ?? 0, "positive");
        Require(SigmaData is null or > 0, "sigma_data", SigmaData ?? 0, "positive");
        Require(SigmaData is null || Prediction == Prediction.Sample, "sigma_data", SigmaData ?? 0, "null unless the prediction is the sample");
        Require(!LearnsVariance || SigmaData is null, "sigma_data", SigmaData ?? 0, "null where the variance is learned");
        Require(DreamPower is null || Prediction == Prediction.Epsilon, "dream_power", DreamPower ?? 0, "null unless the network predicts epsilon");
    }

    private static void Require(bool holds, string key, double value, string expected)
    {
        if (!holds) throw new ArgumentException($"The objective's {key} is {value}; it must be {expected}.", key);
    }
}

using System.Text.Json.Serialization;

namespace Imago.Diffusion;

/// <summary>Which training steps are visited.</summary>
public enum TimestepSpacing
{
    /// <summary>From the noisiest to the cleanest, evenly.</summary>
    Linspace,

    /// <summary>From the cleanest, at a whole distance; the noisiest is not visited.</summary>
    Leading,

    /// <summary>From the noisiest, at an even distance; the cleanest is not visited.</summary>
    Trailing,
}

/// <summary>Where the last step arrives.</summary>
public enum FinalSigma
{
    /// <summary>At no noise.</summary>
    Zero,

    /// <summary>At the least noise of training.</summary>
    SigmaMin,
}

/// <summary>The variance of ancestral noise (Ho et al. 2020, section 3.2; Nichol and Dhariwal 2021).</summary>
public enum VarianceType
{
    /// <summary>That of the posterior.</summary>
    FixedSmall,

    /// <summary>The same, given as a logarithm.</summary>
    FixedSmallLog,

    /// <summary>β.</summary>
    FixedLarge,

    /// <summary>The same, given as a logarithm.</summary>
    FixedLargeLog,

    /// <summary>The network's own.</summary>
    Learned,

    /// <summary>Between posterior and β, where the network says.</summary>
    LearnedRange,
}

/// <summary>What a solver's equations are written in, and whether it adds noise.</summary>
public enum SolverAlgorithm
{
    /// <summary>ε, deterministic.</summary>
    [JsonStringEnumMemberName("dpmsolver")] DpmSolver,

    /// <summary>x₀, deterministic.</summary>
    [JsonStringEnumMemberName("dpmsolver++")] DpmSolverPlusPlus,

    /// <summary>ε, stochastic.</summary>
    [JsonStringEnumMemberName("sde-dpmsolver")] SdeDpmSolver,

    /// <summary>x₀, stochastic.</summary>
    [JsonStringEnumMemberName("sde-dpmsolver++")] SdeDpmSolverPlusPlus,

    /// <summary>DEIS.</summary>
    [JsonStringEnumMemberName("deis")] Deis,

    /// <summary>SA-Solver on x₀.</summary>
    [JsonStringEnumMemberName("data_prediction")] DataPrediction,

    /// <summary>SA-Solver on ε.</summary>
    [JsonStringEnumMemberName("noise_prediction")] NoisePrediction,
}

/// <summary>The variant of a solver's higher orders.</summary>
public enum SolverType
{
    /// <summary>DPM-Solver, by the middle.</summary>
    Midpoint,

    /// <summary>DPM-Solver, by the end.</summary>
    Heun,

    /// <summary>DEIS, polynomials in ln ρ.</summary>
    Logrho,

    /// <summary>UniPC, B(h) = h.</summary>
    Bh1,

    /// <summary>UniPC, B(h) = e^h − 1.</summary>
    Bh2,
}

/// <summary>How σ is read between training steps.</summary>
public enum SigmaInterpolation
{
    /// <summary>Linearly in σ at the timesteps.</summary>
    Linear,

    /// <summary>Evenly in ln σ over the whole table, whatever the timesteps.</summary>
    LogLinear,
}

/// <summary>What the network is told.</summary>
public enum TimestepType
{
    /// <summary>The training step.</summary>
    Discrete,

    /// <summary>¼ ln σ, where v is predicted.</summary>
    Continuous,
}

/// <summary>Levels of the EDM classes.</summary>
public enum SigmaSchedule
{
    /// <summary><see cref="Ramps.Karras"/>.</summary>
    Karras,

    /// <summary><see cref="Ramps.Exponential"/>.</summary>
    Exponential,
}

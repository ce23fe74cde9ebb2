namespace Imago.Diffusion;

/// <summary>
/// Methods of sampling. Each works for every process: variance-preserving, variance-exploding and flow. Where a paper is written in variance-exploding units, its σ is
/// the level's σ/α and its x is x/α. A step to a clean level (σ = 0) and a step from pure noise (α = 0) are of first order in every method.
/// </summary>
public static partial class Samplers
{
    /// <summary>All methods with their default parameters.</summary>
    public static IReadOnlyList<SamplerInfo> All { get; } =
    [
        new("euler", "Euler's method for the probability-flow ODE, equal to DDIM (Song et al. 2021)", 1, 1, false, Euler()),
        new("euler_ancestral", "Euler's method with ancestral noise, equal to DDPM at η = 1 (Ho et al. 2020)", 1, 1, true, EulerAncestral()),
        new("heun", "Heun's second-order method (Karras et al. 2022)", 2, 2, false, Heun()),
        new("edm", "Heun's method with churn, Algorithm 2 with the settings for ImageNet (Karras et al. 2022)", 2, 2, true, Heun(new Churn { Amount = 40, MinRatio = 0.05, MaxRatio = 50, NoiseScale = 1.003 })),
        new("restart", "Heun's method that goes back up and down again (Xu et al. 2023)", 2, 2, true, Restart()) { Evaluations = schedule => RestartEvaluations(schedule, RestartInterval.Default) },
        new("dpm2", "Midpoint rule in ln σ (Karras et al. 2022)", 2, 2, false, Dpm2()),
        new("dpm2_ancestral", "Midpoint rule in ln σ with ancestral noise (k-diffusion)", 1, 2, true, Dpm2Ancestral()),
        new("lms", "Linear multistep method of order 4 in σ/α, started by lower orders, which limit the whole to 2 (k-diffusion)", 2, 1, false, Lms()),
        new("dpm_fast", "DPM-Solver of third order in a fixed budget of evaluations, whose last step of order 1 or 2 limits the whole to 2 (Lu et al. 2022a)", 2, 1, false, DpmFast()),
        new("dpm_adaptive", "DPM-Solver of third order with adaptive steps (Lu et al. 2022a)", 3, 3, false, DpmAdaptive()) { Evaluations = _ => null },
        new("dpmpp_2s_ancestral", "DPM-Solver++(2S) with ancestral noise (Lu et al. 2022b)", 1, 2, true, DpmPlusPlus2SAncestral()),
        new("dpmpp_sde", "DPM-Solver++ in single steps for the reverse SDE (Lu et al. 2022b)", 1, 2, true, DpmPlusPlusSde()),
        new("dpmpp_2m", "DPM-Solver++(2M), multistep of second order (Lu et al. 2022b)", 2, 1, false, DpmPlusPlus2M()),
        new("dpmpp_2m_sde", "DPM-Solver++(2M) for the reverse SDE, midpoint rule (Lu et al. 2022b)", 1, 1, true, DpmPlusPlus2MSde()),
        new("dpmpp_2m_sde_heun", "DPM-Solver++(2M) for the reverse SDE, Heun's rule (Lu et al. 2022b)", 1, 1, true, DpmPlusPlus2MSde(rule: SecondOrderRule.Heun)),
        new("dpmpp_3m_sde", "DPM-Solver++(3M) for the reverse SDE (Lu et al. 2022b; k-diffusion)", 1, 1, true, DpmPlusPlus3MSde()),
    ];

    /// <summary>The method of a name.</summary>
    /// <param name="name">As in <see cref="SamplerInfo.Name"/>; capitals do not matter.</param>
    /// <exception cref="ArgumentException">There is none; the message lists the names.</exception>
    public static SamplerInfo Find(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return All.FirstOrDefault(info => info.Name.Equals(name, StringComparison.OrdinalIgnoreCase))
            ?? throw new ArgumentException($"There is no sampler \"{name}\"; the samplers are {string.Join(", ", All.Select(info => info.Name))}.", nameof(name));
    }
}

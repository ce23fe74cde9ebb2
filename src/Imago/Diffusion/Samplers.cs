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
        new("dpm_adaptive", "DPM-Solver of third order with adaptive steps (Lu et al. 2022a)", 3, 3, false, DpmAdaptive()) { Evaluations = _ => null, IsBatchwise = true },
        new("dopri5", "Dormand and Prince's method of order 5 with adaptive steps for the probability-flow ODE (Song et al. 2021)", 5, 6, false, Dopri5()) { Evaluations = _ => null, IsBatchwise = true },
        new("dpmpp_2s_ancestral", "DPM-Solver++(2S) with ancestral noise (Lu et al. 2022b)", 1, 2, true, DpmPlusPlus2SAncestral()),
        new("dpmpp_sde", "DPM-Solver++ in single steps for the reverse SDE (Lu et al. 2022b)", 1, 2, true, DpmPlusPlusSde()),
        new("dpmpp_2m", "DPM-Solver++(2M), multistep of second order (Lu et al. 2022b)", 2, 1, false, DpmPlusPlus2M()),
        new("dpmpp_2m_sde", "DPM-Solver++(2M) for the reverse SDE, midpoint rule (Lu et al. 2022b)", 1, 1, true, DpmPlusPlus2MSde()),
        new("dpmpp_2m_sde_heun", "DPM-Solver++(2M) for the reverse SDE, Heun's rule (Lu et al. 2022b)", 1, 1, true, DpmPlusPlus2MSde(rule: SecondOrderRule.Heun)),
        new("dpmpp_3m_sde", "DPM-Solver++(3M) for the reverse SDE (Lu et al. 2022b; k-diffusion)", 1, 1, true, DpmPlusPlus3MSde()),
        new("ddpm", "Ancestral sampling with the posterior's variance (Ho et al. 2020)", 1, 1, true, Ddpm()),
        new("ddpm_large", "Ancestral sampling with the process's variance (Ho et al. 2020)", 1, 1, true, Ddpm(PosteriorVariance.Large)),
        new("ddim", "DDIM, deterministic (Song et al. 2021)", 1, 1, false, Ddim()),
        new("plms", "Pseudo linear multistep method (Liu et al. 2022)", 2, 1, false, Plms()) { Evaluations = schedule => schedule.Steps + (schedule.Steps > 1 ? 1 : 0) },
        new("pndm", "Pseudo linear multistep method with a Runge–Kutta start (Liu et al. 2022)", 2, 1, false, Pndm()) { Evaluations = schedule => schedule.Steps + 3 * Math.Min(3, schedule.Steps - 1) },
        new("ipndm", "Improved pseudo numerical method (Zhang and Chen 2023)", 2, 1, false, Ipndm()),
        new("dpmpp_3m", "DPM-Solver++(3M), multistep of third order, started by lower orders, which limit the whole to 2 (Lu et al. 2022b)", 2, 1, false, DpmMultistep(new() { Order = 3 })),
        new("dpm_2m", "DPM-Solver of ε̂, multistep of second order (Lu et al. 2022a)", 2, 1, false, DpmMultistep(new() { OfNoise = true })),
        new("dpmpp_2s", "DPM-Solver++(2S) at the schedule's levels (Lu et al. 2022b)", 2, 1, false, DpmSinglestep()),
        new("dpmpp_3s", "DPM-Solver++(3S) at the schedule's levels, whose last step of order 1 limits the whole to 2 (Lu et al. 2022b)", 2, 1, false, DpmSinglestep(new() { Order = 3, Rule = SecondOrderRule.Heun })),
        new("deis", "DEIS of third order, polynomials in ln ρ, started by lower orders, which limit the whole to 2 (Zhang and Chen 2023)", 2, 1, false, Deis()),
        new("unipc", "UniPC of third order, B(h) = eʰ − 1, ended by lower orders, which limit the whole to 2 (Zhao et al. 2023)", 2, 1, false, UniPc()),
        new("unipc_bh1", "UniPC of third order, B(h) = h, ended by lower orders, which limit the whole to 2 (Zhao et al. 2023)", 2, 1, false, UniPc(new() { Variant = UniPcVariant.Bh1 })),
        new("sa_solver", "SA-Solver, stochastic Adams predictor and corrector (Xue et al. 2023)", 1, 1, true, SaSolver()),
        new("lcm", "Multistep consistency sampling (Song et al. 2023; Luo et al. 2023), for distilled networks", 1, 1, true, Consistency()) { IsForDistilled = true },
        new("tcd", "Strategic stochastic sampling (Zheng et al. 2024), for distilled networks", 1, 1, true, Tcd()) { IsForDistilled = true },
        new("predictor_corrector", "Langevin corrector and reverse diffusion (Song et al. 2021)", 1, 2, true, PredictorCorrector()) { Evaluations = schedule => schedule.Take(schedule.Steps).Sum(level => level.Alpha == 0 ? 1 : 2), IsBatchwise = true },
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

using System.Text.Json.Serialization;

namespace Imago.Diffusion;

/// <summary>The scheduler classes of diffusers that a <c>scheduler_config.json</c> may name.</summary>
public enum SchedulerKind
{
    /// <summary>Ancestral sampling (Ho et al. 2020).</summary>
    [JsonStringEnumMemberName("DDPMScheduler")] Ddpm,

    /// <summary>Song et al. 2021.</summary>
    [JsonStringEnumMemberName("DDIMScheduler")] Ddim,

    /// <summary>DDIM from image to noise.</summary>
    [JsonStringEnumMemberName("DDIMInverseScheduler")] DdimInverse,

    /// <summary>Liu et al. 2022: PLMS, with or without a Runge–Kutta start.</summary>
    [JsonStringEnumMemberName("PNDMScheduler")] Pndm,

    /// <summary>Linear multistep (k-diffusion).</summary>
    [JsonStringEnumMemberName("LMSDiscreteScheduler")] Lms,

    /// <summary>Euler with churn (Karras et al. 2022).</summary>
    [JsonStringEnumMemberName("EulerDiscreteScheduler")] Euler,

    /// <summary>Euler with ancestral noise (k-diffusion).</summary>
    [JsonStringEnumMemberName("EulerAncestralDiscreteScheduler")] EulerAncestral,

    /// <summary>Heun's second-order method (Karras et al. 2022).</summary>
    [JsonStringEnumMemberName("HeunDiscreteScheduler")] Heun,

    /// <summary>The second-order method of DPM-Solver in σ (k-diffusion).</summary>
    [JsonStringEnumMemberName("KDPM2DiscreteScheduler")] Kdpm2,

    /// <summary>The same with ancestral noise.</summary>
    [JsonStringEnumMemberName("KDPM2AncestralDiscreteScheduler")] Kdpm2Ancestral,

    /// <summary>DPM-Solver++ as a stochastic differential equation (k-diffusion's dpmpp_sde).</summary>
    [JsonStringEnumMemberName("DPMSolverSDEScheduler")] DpmSolverSde,

    /// <summary>DPM-Solver and DPM-Solver++, multistep (Lu et al. 2022).</summary>
    [JsonStringEnumMemberName("DPMSolverMultistepScheduler")] DpmSolverMultistep,

    /// <summary>The same from image to noise.</summary>
    [JsonStringEnumMemberName("DPMSolverMultistepInverseScheduler")] DpmSolverMultistepInverse,

    /// <summary>DPM-Solver and DPM-Solver++, singlestep.</summary>
    [JsonStringEnumMemberName("DPMSolverSinglestepScheduler")] DpmSolverSinglestep,

    /// <summary>DEIS (Zhang and Chen 2023).</summary>
    [JsonStringEnumMemberName("DEISMultistepScheduler")] Deis,

    /// <summary>UniPC (Zhao et al. 2023).</summary>
    [JsonStringEnumMemberName("UniPCMultistepScheduler")] UniPc,

    /// <summary>SA-Solver (Xue et al. 2023).</summary>
    [JsonStringEnumMemberName("SASolverScheduler")] SaSolver,

    /// <summary>Euler under EDM's preconditioning.</summary>
    [JsonStringEnumMemberName("EDMEulerScheduler")] EdmEuler,

    /// <summary>DPM-Solver++ under EDM's preconditioning.</summary>
    [JsonStringEnumMemberName("EDMDPMSolverMultistepScheduler")] EdmDpmSolverMultistep,

    /// <summary>DPM-Solver++ with the cosine time of Stable Audio.</summary>
    [JsonStringEnumMemberName("CosineDPMSolverMultistepScheduler")] CosineDpmSolverMultistep,

    /// <summary>Improved pseudo numerical methods.</summary>
    [JsonStringEnumMemberName("IPNDMScheduler")] Ipndm,

    /// <summary>Latent consistency models (Luo et al. 2023).</summary>
    [JsonStringEnumMemberName("LCMScheduler")] Lcm,

    /// <summary>Trajectory consistency distillation (Zheng et al. 2024).</summary>
    [JsonStringEnumMemberName("TCDScheduler")] Tcd,

    /// <summary>Consistency models (Song et al. 2023).</summary>
    [JsonStringEnumMemberName("CMStochasticIterativeScheduler")] ConsistencyModel,

    /// <summary>Euler on a rectified flow (Esser et al. 2024).</summary>
    [JsonStringEnumMemberName("FlowMatchEulerDiscreteScheduler")] FlowMatchEuler,

    /// <summary>Heun on a rectified flow.</summary>
    [JsonStringEnumMemberName("FlowMatchHeunDiscreteScheduler")] FlowMatchHeun,

    /// <summary>Consistency sampling of a rectified flow.</summary>
    [JsonStringEnumMemberName("FlowMatchLCMScheduler")] FlowMatchLcm,

    /// <summary>Predictor and corrector on the variance-exploding equation (Song et al. 2021).</summary>
    [JsonStringEnumMemberName("ScoreSdeVeScheduler")] ScoreSdeVe,

    /// <summary>Inpainting by resampling (Lugmayr et al. 2022).</summary>
    [JsonStringEnumMemberName("RePaintScheduler")] RePaint,
}

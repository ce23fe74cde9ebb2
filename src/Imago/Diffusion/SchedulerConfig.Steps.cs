namespace Imago.Diffusion;

public sealed partial record SchedulerConfig
{
    /// <summary>The timesteps and sigmas of a number of steps, exactly as the class has them.</summary>
    /// <param name="steps">How many steps.</param>
    /// <exception cref="ArgumentException">The class does not do so many steps.</exception>
    public SchedulerSteps StepsFor(int steps) => StepsFor(new SchedulerRequest { Steps = steps });

    /// <summary>The timesteps and sigmas of a request, exactly as the class has them.</summary>
    /// <param name="request">How many steps, or which.</param>
    /// <exception cref="ArgumentException">The class does not do what is asked.</exception>
    public SchedulerSteps StepsFor(SchedulerRequest request) => Kind switch
    {
        SchedulerKind.Ddpm or SchedulerKind.Ddim or SchedulerKind.DdimInverse or SchedulerKind.Pndm => AncestralSteps.Of(this, request),
        SchedulerKind.Lcm or SchedulerKind.Tcd => ConsistencySteps.Latent(this, request),
        SchedulerKind.ConsistencyModel => ConsistencySteps.Pixel(this, request),
        SchedulerKind.RePaint => ConsistencySteps.RePaint(this, request),
        SchedulerKind.Euler or SchedulerKind.EulerAncestral or SchedulerKind.Lms or SchedulerKind.Heun => SigmaSpaceSteps.Of(this, request),
        SchedulerKind.Kdpm2 or SchedulerKind.Kdpm2Ancestral or SchedulerKind.DpmSolverSde => SigmaSpaceSteps.WithMiddles(this, request),
        SchedulerKind.DpmSolverMultistep or SchedulerKind.DpmSolverMultistepInverse or SchedulerKind.DpmSolverSinglestep or SchedulerKind.Deis
            or SchedulerKind.UniPc or SchedulerKind.SaSolver => SolverSteps.Of(this, request),
        SchedulerKind.EdmEuler or SchedulerKind.EdmDpmSolverMultistep or SchedulerKind.CosineDpmSolverMultistep => ContinuousSteps.Edm(this, request),
        SchedulerKind.ScoreSdeVe => ContinuousSteps.ScoreSde(this, request),
        SchedulerKind.Ipndm => ContinuousSteps.Ipndm(request),
        SchedulerKind.FlowMatchEuler or SchedulerKind.FlowMatchHeun or SchedulerKind.FlowMatchLcm => FlowSteps.Of(this, request),
        _ => throw new InvalidOperationException($"There is no scheduler class {Kind}."),
    };
}

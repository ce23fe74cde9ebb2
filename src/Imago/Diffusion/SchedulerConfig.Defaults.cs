namespace Imago.Diffusion;

public sealed partial record SchedulerConfig
{
    /// <summary>The configuration that diffusers' class has when it is given nothing.</summary>
    /// <param name="kind">The class.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no such class.</exception>
    public static SchedulerConfig Default(SchedulerKind kind) => Defaults(kind) with { Kind = kind };

    private static SchedulerConfig Defaults(SchedulerKind kind) => kind switch
    {
        SchedulerKind.Ddpm => new() { ClipSample = true, TimestepSpacing = TimestepSpacing.Leading, VarianceType = Diffusion.VarianceType.FixedSmall },
        SchedulerKind.Ddim or SchedulerKind.DdimInverse => new() { ClipSample = true, TimestepSpacing = TimestepSpacing.Leading },
        SchedulerKind.RePaint => new() { ClipSample = true },
        SchedulerKind.Pndm => new() { SetAlphaToOne = false, TimestepSpacing = TimestepSpacing.Leading },
        SchedulerKind.Heun or SchedulerKind.Kdpm2 or SchedulerKind.Kdpm2Ancestral or SchedulerKind.DpmSolverSde => new() { BetaStart = 0.00085, BetaEnd = 0.012 },
        SchedulerKind.Lcm or SchedulerKind.Tcd => new()
        {
            BetaStart = 0.00085,
            BetaEnd = 0.012,
            BetaSchedule = BetaSchedule.ScaledLinear,
            TimestepSpacing = TimestepSpacing.Leading,
        },
        SchedulerKind.DpmSolverSinglestep => new() { LowerOrderFinal = false },
        SchedulerKind.Deis => new() { AlgorithmType = SolverAlgorithm.Deis, SolverType = SolverType.Logrho },
        SchedulerKind.UniPc => new() { SolverType = SolverType.Bh2 },
        SchedulerKind.SaSolver => new() { AlgorithmType = SolverAlgorithm.DataPrediction },
        SchedulerKind.EdmEuler or SchedulerKind.EdmDpmSolverMultistep => new() { SigmaMin = 0.002, SigmaMax = 80 },
        SchedulerKind.CosineDpmSolverMultistep => new()
        {
            SigmaMin = 0.3,
            SigmaMax = 500,
            SigmaData = 1,
            SigmaSchedule = SigmaSchedule.Exponential,
            PredictionType = Prediction.Velocity,
            AlgorithmType = SolverAlgorithm.SdeDpmSolverPlusPlus,
        },
        SchedulerKind.ConsistencyModel => new() { NumTrainTimesteps = 40, SigmaMin = 0.002, SigmaMax = 80 },
        SchedulerKind.ScoreSdeVe => new() { NumTrainTimesteps = 2000, SigmaMin = 0.01, SigmaMax = 1348 },
        SchedulerKind.FlowMatchEuler or SchedulerKind.FlowMatchHeun or SchedulerKind.FlowMatchLcm => new() { PredictionType = Prediction.Flow },
        SchedulerKind.Lms or SchedulerKind.Euler or SchedulerKind.EulerAncestral or SchedulerKind.DpmSolverMultistep
            or SchedulerKind.DpmSolverMultistepInverse or SchedulerKind.Ipndm => new(),
        _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "There is no such scheduler class."),
    };
}

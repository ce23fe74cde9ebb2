namespace Imago.Diffusion;

public sealed partial record SchedulerConfig
{
    private const int MostTrainingSteps = 1_000_000;

    /// <summary>Refuses what the class refuses, and what would end in numbers that are none.</summary>
    private SchedulerConfig Validated(string source)
    {
        void Require(bool holds, string message)
        {
            if (!holds) throw new CheckpointException($"{source}: {message}");
        }

        Require(NumTrainTimesteps is > 0 and <= MostTrainingSteps, $"num_train_timesteps is {NumTrainTimesteps}; it lies in [1, {MostTrainingSteps}].");
        Require(TrainedBetas is null || TrainedBetas.Count == NumTrainTimesteps, $"trained_betas holds {TrainedBetas?.Count} variances for {NumTrainTimesteps} training steps; give as many as steps.");
        Require(TrainedBetas is null || TrainedBetas.All(beta => beta is >= 0 and <= 1), "trained_betas holds a variance outside [0, 1].");
        Require(BetaStart is >= 0 and <= 1 && BetaEnd is >= 0 and <= 1, $"beta_start is {BetaStart} and beta_end {BetaEnd}; variances lie in [0, 1].");
        Require(DynamicThresholdingRatio is >= 0 and <= 1, $"dynamic_thresholding_ratio is {DynamicThresholdingRatio}; a quantile lies in [0, 1].");
        Require(ClipSampleRange > 0, $"clip_sample_range is {ClipSampleRange}; it is positive.");
        Require(SampleMaxValue >= 1 || !Thresholding, $"sample_max_value is {SampleMaxValue}; it is at least 1.");
        Require(SolverOrder is >= 1 and <= 10, $"solver_order is {SolverOrder}; it lies in [1, 10].");
        Require(Shift > 0 && FlowShift > 0, $"shift is {Shift} and flow_shift {FlowShift}; shifts are positive.");
        Require(Rho > 0, $"rho is {Rho}; it is positive.");
        Require(SigmaMin is null or > 0 && SigmaMax is null or > 0, $"sigma_min is {SigmaMin} and sigma_max {SigmaMax}; noise is positive.");
        Require(StepsOffset >= 0, $"steps_offset is {StepsOffset}; it is not negative.");
        var conversions = new[] { (UseKarrasSigmas, "use_karras_sigmas"), (UseExponentialSigmas, "use_exponential_sigmas"), (UseBetaSigmas, "use_beta_sigmas") };
        var chosen = conversions.Where(conversion => conversion.Item1).Select(conversion => conversion.Item2).ToList();
        Require(chosen.Count <= 1, $"{string.Join(" and ", chosen)} exclude each other; keep one.");
        Require(!(FinalSigmasType == FinalSigma.Zero && AlgorithmType is SolverAlgorithm.DpmSolver or SolverAlgorithm.SdeDpmSolver
                && Kind is SchedulerKind.DpmSolverMultistep or SchedulerKind.DpmSolverSinglestep or SchedulerKind.EdmDpmSolverMultistep),
            "algorithm_type dpmsolver works on ε, which is unbounded at no noise; set final_sigmas_type to sigma_min or algorithm_type to dpmsolver++.");
        return this;
    }
}

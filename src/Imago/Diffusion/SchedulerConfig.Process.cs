namespace Imago.Diffusion;

public sealed partial record SchedulerConfig
{
    /// <summary>The process that the network was trained on.</summary>
    /// <param name="precision">How its table is computed, where it has one.</param>
    public NoiseProcess Process(TablePrecision precision = TablePrecision.AsPublished)
    {
        if (IsFlowMatching) return new RectifiedFlow(UseDynamicShifting ? 1 : Shift, NumTrainTimesteps);
        if (HasFlowLevels) return new RectifiedFlow(FlowShift, NumTrainTimesteps);
        return Kind switch
        {
            SchedulerKind.EdmEuler or SchedulerKind.EdmDpmSolverMultistep or SchedulerKind.CosineDpmSolverMultistep or SchedulerKind.ConsistencyModel
                or SchedulerKind.ScoreSdeVe => new VarianceExploding(SigmaMin ?? 0.002, SigmaMax ?? 80),
            SchedulerKind.Ipndm => throw new NotSupportedException("IPNDM's configuration does not say on which process its network was trained."),
            _ => new VariancePreserving(SchedulerTables.Of(this, precision, lifted: false).AlphaBars),
        };
    }

    /// <summary>The denoiser with the bound that the configuration puts on estimates of x₀, if it puts one: thresholding before clipping.</summary>
    /// <param name="denoise">The denoiser.</param>
    public Denoiser Bounded(Denoiser denoise) => (Thresholding, ClipSample) switch
    {
        (true, _) => denoise.Thresholded(DynamicThresholdingRatio, SampleMaxValue),
        (_, true) => denoise.Clipped(ClipSampleRange),
        _ => denoise,
    };
}

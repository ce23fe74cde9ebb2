namespace Imago.Diffusion;

/// <summary>The methods that the classes are.</summary>
public sealed partial class HubSampler
{
    private const int RungeKuttaEvaluations = 12;

    /// <summary>From so many steps on, the solvers keep their order to the end.</summary>
    private const int ManySteps = 15;

    private Sampler Method(NoiseSchedule whole) => config.Kind switch
    {
        SchedulerKind.Ddpm => Samplers.Ddpm(Variance, noisyEnd: steps.Timesteps[^1] > 0),
        SchedulerKind.Ddim or SchedulerKind.DdimInverse => Samplers.Ddim(arguments.Eta ?? 0, BoundsInMethod ? Bound : null, config.Prediction),
        SchedulerKind.Pndm => Samplers.Pndm(new()
        {
            RungeKuttaSteps = config.SkipPrkSteps ? 0 : RungeKuttaEvaluations / 4, Extrapolated = config.Prediction, IsRepeated = true, SecondStart = level => At(level.Time + Distance),
        }),
        SchedulerKind.Lms => Samplers.Lms(arguments.LmsOrder, [.. whole.Take(arguments.Begin).Reverse()]),
        SchedulerKind.Euler or SchedulerKind.EdmEuler => Euler(whole),
        SchedulerKind.EulerAncestral => Samplers.EulerAncestral(),
        SchedulerKind.Heun => Samplers.Heun(),
        SchedulerKind.Kdpm2 => Samplers.Dpm2(),
        SchedulerKind.Kdpm2Ancestral => Samplers.Dpm2Ancestral(split: SinglePrecisionSplit),
        SchedulerKind.DpmSolverSde => Samplers.DpmPlusPlusSde(noiseScale: arguments.NoiseScale),
        SchedulerKind.DpmSolverMultistep or SchedulerKind.DpmSolverMultistepInverse or SchedulerKind.EdmDpmSolverMultistep or SchedulerKind.CosineDpmSolverMultistep
            => Samplers.DpmMultistep(DpmOptions),
        SchedulerKind.DpmSolverSinglestep => Samplers.DpmSinglestep(DpmOptions, [.. config.SinglestepOrders(steps.Timesteps.Count).Skip(arguments.Begin)]),
        SchedulerKind.Deis => Samplers.Deis(config.SolverOrder, LowersOrderAtEnd),
        SchedulerKind.UniPc => Samplers.UniPc(new()
        {
            Order = config.SolverOrder,
            OfNoise = !config.PredictX0,
            Variant = config.SolverType == SolverType.Bh1 ? UniPcVariant.Bh1 : UniPcVariant.Bh2,
            LowersOrderAtEnd = config.LowerOrderFinal,
            Uncorrected = [.. config.DisableCorrector.Select(step => step - arguments.Begin)],
        }),
        SchedulerKind.SaSolver => Samplers.SaSolver(new()
        {
            PredictorOrder = config.PredictorOrder,
            CorrectorOrder = config.CorrectorOrder,
            OfNoise = config.AlgorithmType == SolverAlgorithm.NoisePrediction,
            LowersOrderAtEnd = config.LowerOrderFinal,
            Tau = level => arguments.Tau ?? (level.Time is >= 200 and <= 800 ? 1 : 0),
        }),
        SchedulerKind.Ipndm => Samplers.Ipndm(dropsFirstEstimate: true),
        SchedulerKind.Lcm or SchedulerKind.FlowMatchLcm => Samplers.Consistency(),
        SchedulerKind.Tcd => Samplers.Tcd(Gamma, to => At(Math.Floor((1 - Gamma) * to.Time))),
        SchedulerKind.ConsistencyModel => Samplers.Consistency(whole.Steps == 1 ? whole[1].Ratio : config.SigmaMin ?? 0, config.SNoise),
        SchedulerKind.FlowMatchEuler => config.StochasticSampling ? Samplers.Consistency() : Samplers.Euler(),
        SchedulerKind.FlowMatchHeun => Samplers.FlowHeun(ChurnOf(whole)),
        SchedulerKind.ScoreSdeVe => Samplers.PredictorCorrector(config.Snr, config.CorrectSteps, noisyEnd: true),
        SchedulerKind.RePaint => arguments is { Image: { } image, Mask: { } mask }
            ? Samplers.RePaint(image, mask, arguments.Eta ?? config.Eta, Bound)
            : throw new ArgumentException($"RePaint needs a picture and a mask; set {nameof(HubArguments)}.{nameof(HubArguments.Image)} and .{nameof(HubArguments.Mask)}."),
        _ => throw new InvalidOperationException($"There is no scheduler class {config.Kind}."),
    };

    /// <summary>The class tabulates its splits in single precision; the lower level is off by up to 2e-4 from cancellation, which pictures equal to its own need too.</summary>
    private (NoiseLevel Down, double Up) SinglePrecisionSplit(NoiseLevel from, NoiseLevel to)
    {
        if (tables!.Precision != TablePrecision.AsPublished) return Samplers.Split(from, to, eta: 1);
        var (s, next) = ((float)from.Ratio, (float)to.Ratio);
        var up = MathF.Sqrt(next * next * (s * s - next * next) / (s * s));
        var down = MathF.Sqrt(next * next - up * up);
        return (new(to.Alpha, to.Alpha * down, to.Time), to.Alpha * up);
    }

    private double Gamma => arguments.Eta ?? 0.3;

    private PosteriorVariance Variance => config.VarianceType switch
    {
        null or VarianceType.FixedSmall or VarianceType.FixedSmallLog => PosteriorVariance.Small,
        VarianceType.FixedLarge => PosteriorVariance.Large,
        VarianceType.Learned => PosteriorVariance.Learned,
        VarianceType.LearnedRange => PosteriorVariance.LearnedRange,
        _ => throw new ArgumentException($"variance_type is {config.VarianceType}: the published scheduler takes the root of a logarithm there and ends in NaN; set it to fixed_large."),
    };

    private bool LowersOrderAtEnd => config.LowerOrderFinal && steps.Timesteps.Count < ManySteps;

    private DpmSolverOptions DpmOptions => new()
    {
        Order = config.SolverOrder,
        OfNoise = config.AlgorithmType is SolverAlgorithm.DpmSolver or SolverAlgorithm.SdeDpmSolver,
        Eta = config.AlgorithmType is SolverAlgorithm.SdeDpmSolver or SolverAlgorithm.SdeDpmSolverPlusPlus ? 1 : 0,
        Rule = config.SolverType == SolverType.Heun ? SecondOrderRule.Heun : SecondOrderRule.Midpoint,
        LowersOrderAtEnd = LowersOrderAtEnd,
        FirstOrderAtEnd = config.EulerAtFinal || (config.FinalSigmasType == FinalSigma.Zero && config.Kind != SchedulerKind.DpmSolverMultistepInverse),
        ReleasedCurvature = true,
    };

    /// <summary>The part of the churn that falls to this run: the published schedulers divide it by all steps, whether they are run or not.</summary>
    private Churn? ChurnOf(NoiseSchedule whole) => arguments.Churn is { Amount: > 0 } churn
        ? churn with { Amount = churn.Amount * Schedule.Steps / (config.Kind == SchedulerKind.FlowMatchHeun ? steps.Sigmas.Count - 1 : Math.Max(whole.Steps, steps.Sigmas.Count - 1)) }
        : null;

    private Sampler Euler(NoiseSchedule whole)
    {
        if (ChurnOf(whole) is not { } churn) return Samplers.Euler();
        return Samplers.LateChurnedEuler(churn, (before, after, x0, level, hat) =>
        {
            if (config.IsEdm)
            {
                var (c, cHat) = (EdmFactors(level.Sigma), EdmFactors(hat));
                return cHat.Skip * after + cHat.Out / c.Out * (x0 - c.Skip * before);
            }
            return config.Prediction switch
            {
                Prediction.Sample => x0,
                Prediction.Velocity => x0 + (after - before) * (level.Alpha * level.Alpha),             // read at the old level
                _ => after - hat / level.Ratio * (before - x0),                                         // the same ε̂ at the new one
            };
        });
    }
}

using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace Imago.Diffusion;

/// <summary>
/// A hub's <c>scheduler_config.json</c>: the record is the file, its keys in snake_case, each with the default of its class. Keys that a class does not have are
/// kept for the classes that do, as when a pipeline's scheduler is swapped.
/// </summary>
/// <remarks>Read with <see cref="Parse"/>, or start from <see cref="Default"/> and change with <c>with</c>.</remarks>
public sealed partial record SchedulerConfig
{
    [JsonConstructor]
    private SchedulerConfig()
    {
    }

    /// <summary>The class.</summary>
    [JsonIgnore]
    public SchedulerKind Kind { get; private init; }

    /// <summary>T: how many training steps there are.</summary>
    public int NumTrainTimesteps { get; init; } = 1000;

    /// <summary>β₁.</summary>
    public double BetaStart { get; init; } = 1e-4;

    /// <summary>β_T.</summary>
    public double BetaEnd { get; init; } = 0.02;

    /// <summary>How β grows.</summary>
    public BetaSchedule BetaSchedule { get; init; } = BetaSchedule.Linear;

    /// <summary>The variances themselves; null to make them by <see cref="BetaSchedule"/>.</summary>
    public IReadOnlyList<double>? TrainedBetas { get; init; }

    /// <summary>Whether the noisiest level is moved to pure noise.</summary>
    public bool RescaleBetasZeroSnr { get; init; }

    /// <summary>What the file says that the network predicts; <see cref="Prediction"/> is what it does.</summary>
    public Prediction PredictionType { get; init; } = Prediction.Epsilon;

    /// <summary>Whether estimates of x₀ are clipped.</summary>
    public bool ClipSample { get; init; }

    /// <summary>Where.</summary>
    public double ClipSampleRange { get; init; } = 1;

    /// <summary>Whether estimates of x₀ are thresholded dynamically.</summary>
    public bool Thresholding { get; init; }

    /// <summary>At which quantile.</summary>
    public double DynamicThresholdingRatio { get; init; } = 0.995;

    /// <summary>At most where.</summary>
    public double SampleMaxValue { get; init; } = 1;

    /// <summary>Which training steps are visited.</summary>
    public TimestepSpacing TimestepSpacing { get; init; } = TimestepSpacing.Linspace;

    /// <summary>Added to the steps of leading spacing.</summary>
    public int StepsOffset { get; init; }

    /// <summary>Whether the level after the last step is clean (or the cleanest of training).</summary>
    public bool SetAlphaToOne { get; init; } = true;

    /// <summary>Whether PNDM starts without Runge–Kutta steps.</summary>
    public bool SkipPrkSteps { get; init; }

    /// <summary>The variance of ancestral noise; null where the class learns none.</summary>
    public VarianceType? VarianceType { get; init; }

    /// <summary>How σ is read between training steps.</summary>
    public SigmaInterpolation InterpolationType { get; init; }

    /// <summary>What the network is told.</summary>
    public TimestepType TimestepType { get; init; }

    /// <summary>Levels by <see cref="Ramps.Karras"/>.</summary>
    public bool UseKarrasSigmas { get; init; }

    /// <summary>Levels by <see cref="Ramps.Exponential"/>.</summary>
    public bool UseExponentialSigmas { get; init; }

    /// <summary>Levels by <see cref="Ramps.Beta"/>.</summary>
    public bool UseBetaSigmas { get; init; }

    /// <summary>Levels evenly in λ (Lu et al. 2022).</summary>
    public bool UseLuLambdas { get; init; }

    /// <summary>Levels of a rectified flow.</summary>
    public bool UseFlowSigmas { get; init; }

    /// <summary>Their shift.</summary>
    public double FlowShift { get; init; } = 1;

    /// <summary>Where the last step arrives.</summary>
    public FinalSigma FinalSigmasType { get; init; }

    /// <summary>The least σ, where the class or the file has one.</summary>
    public double? SigmaMin { get; init; }

    /// <summary>The largest σ, where the class or the file has one.</summary>
    public double? SigmaMax { get; init; }

    /// <summary>The data's standard deviation in the EDM classes.</summary>
    public double SigmaData { get; init; } = 0.5;

    /// <summary>Levels of the EDM classes.</summary>
    public SigmaSchedule SigmaSchedule { get; init; }

    /// <summary>ρ of their Karras levels.</summary>
    public double Rho { get; init; } = 7;

    /// <summary>Training steps with a smaller λ are left out.</summary>
    public double LambdaMinClipped { get; init; } = double.NegativeInfinity;

    /// <summary>The solver's order.</summary>
    public int SolverOrder { get; init; } = 2;

    /// <summary>What the solver's equations are written in.</summary>
    public SolverAlgorithm AlgorithmType { get; init; } = SolverAlgorithm.DpmSolverPlusPlus;

    /// <summary>The variant of its higher orders.</summary>
    public SolverType SolverType { get; init; }

    /// <summary>Whether the last steps are of lower order.</summary>
    public bool LowerOrderFinal { get; init; } = true;

    /// <summary>Whether the last step is of the first.</summary>
    public bool EulerAtFinal { get; init; }

    /// <summary>Whether UniPC works on x₀ (or ε).</summary>
    public bool PredictX0 { get; init; } = true;

    /// <summary>Steps that UniPC does not correct.</summary>
    public IReadOnlyList<int> DisableCorrector { get; init; } = [];

    /// <summary>SA-Solver's predictor order.</summary>
    public int PredictorOrder { get; init; } = 2;

    /// <summary>SA-Solver's corrector order.</summary>
    public int CorrectorOrder { get; init; } = 2;

    /// <summary>Steps of the teacher that LCM and TCD were distilled from.</summary>
    public int OriginalInferenceSteps { get; init; } = 50;

    /// <summary>s of LCM's boundary scalings.</summary>
    public double TimestepScaling { get; init; } = 10;

    /// <summary>Noise scale of consistency models.</summary>
    public double SNoise { get; init; } = 1;

    /// <summary>Whether consistency models clip.</summary>
    public bool ClipDenoised { get; init; } = true;

    /// <summary>Shift of a rectified flow.</summary>
    public double Shift { get; init; } = 1;

    /// <summary>Whether the shift depends on the picture's size.</summary>
    public bool UseDynamicShifting { get; init; }

    /// <summary>μ at <see cref="BaseImageSeqLen"/> tokens.</summary>
    public double? BaseShift { get; init; } = 0.5;

    /// <summary>μ at <see cref="MaxImageSeqLen"/> tokens.</summary>
    public double? MaxShift { get; init; } = 1.15;

    /// <summary>Tokens of the smallest picture.</summary>
    public int? BaseImageSeqLen { get; init; } = 256;

    /// <summary>Tokens of the largest.</summary>
    public int? MaxImageSeqLen { get; init; } = 4096;

    /// <summary>Whether σ runs from clean to noisy.</summary>
    public bool InvertSigmas { get; init; }

    /// <summary>What the last σ of a flow is stretched to.</summary>
    public double? ShiftTerminal { get; init; }

    /// <summary>How μ becomes a shift.</summary>
    public TimeShiftKind TimeShiftType { get; init; }

    /// <summary>Whether each step of a flow draws fresh noise.</summary>
    public bool StochasticSampling { get; init; }

    /// <summary>Signal-to-noise ratio of the corrector's steps.</summary>
    public double Snr { get; init; } = 0.15;

    /// <summary>The cleanest time of the variance-exploding equation.</summary>
    public double SamplingEps { get; init; } = 1e-5;

    /// <summary>Corrector steps for each predictor step.</summary>
    public int CorrectSteps { get; init; } = 1;

    /// <summary>η of RePaint.</summary>
    public double Eta { get; init; }

    /// <summary>Seed of the Brownian tree; null to choose one.</summary>
    public long? NoiseSamplerSeed { get; init; }

    /// <summary>The keys that the file gave, as it gave them.</summary>
    [JsonIgnore]
    internal JsonObject Given { get; private init; } = [];

    /// <summary>Whether the class works on a rectified flow by its nature.</summary>
    [JsonIgnore]
    public bool IsFlowMatching => Kind is SchedulerKind.FlowMatchEuler or SchedulerKind.FlowMatchHeun or SchedulerKind.FlowMatchLcm;

    /// <summary>Whether the levels are those of a rectified flow.</summary>
    [JsonIgnore]
    public bool HasFlowLevels => IsFlowMatching || (UseFlowSigmas && Kind is SchedulerKind.DpmSolverMultistep or SchedulerKind.DpmSolverMultistepInverse
        or SchedulerKind.DpmSolverSinglestep or SchedulerKind.Deis or SchedulerKind.UniPc or SchedulerKind.SaSolver);

    /// <summary>Whether the sample is kept in the scale x₀ + σ ε.</summary>
    [JsonIgnore]
    public bool IsExploding => Kind is SchedulerKind.Euler or SchedulerKind.EulerAncestral or SchedulerKind.Heun or SchedulerKind.Lms or SchedulerKind.Kdpm2
        or SchedulerKind.Kdpm2Ancestral or SchedulerKind.DpmSolverSde || IsEdm || Kind is SchedulerKind.ConsistencyModel or SchedulerKind.ScoreSdeVe;

    /// <summary>Whether the network stands under EDM's preconditioning.</summary>
    [JsonIgnore]
    public bool IsEdm => Kind is SchedulerKind.EdmEuler or SchedulerKind.EdmDpmSolverMultistep or SchedulerKind.CosineDpmSolverMultistep;

    /// <summary>What the network predicts.</summary>
    [JsonIgnore]
    public Prediction Prediction => IsFlowMatching ? Prediction.Flow : PredictionType;
}

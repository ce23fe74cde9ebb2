using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Diffusion;

/// <summary>
/// A hub's own scheduler as Imago's parts: the levels it visits, the method it is, and how a network's output becomes an estimate of x₀ under it. Run together they give the
/// numbers of diffusers, its peculiarities included; each is a named option where it stands.
/// </summary>
/// <remarks>
/// Samples are in the scale of the process the network was trained on, where diffusers' sigma-space classes keep x/α. Noise is drawn only where it counts.
/// </remarks>
public sealed partial class HubSampler
{
    private readonly SchedulerConfig config;
    private readonly SchedulerSteps steps;
    private readonly SchedulerTables? tables;
    private readonly HubArguments arguments;
    private readonly int requested;

    private HubSampler(SchedulerConfig config, SchedulerSteps steps, SchedulerTables? tables, HubArguments arguments, int requested)
    {
        (this.config, this.steps, this.tables, this.arguments, this.requested) = (config, steps, tables, arguments, requested);
        var whole = Levels();
        Schedule = arguments.Begin == 0 ? whole : whole.StartingAfter(StepOf(arguments.Begin));
        InitialScale = IsScaled ? steps.InitNoiseSigma * whole[0].Alpha : steps.InitNoiseSigma;
        NoisedLevel = config.Kind == SchedulerKind.SaSolver ? At(steps.Timesteps[arguments.Begin]) : Schedule[0];
        Sampler = Method(whole);
    }

    /// <summary>The scheduler of a configuration.</summary>
    /// <param name="config">The hub's <c>scheduler_config.json</c>.</param>
    /// <param name="steps">How many steps.</param>
    /// <exception cref="ArgumentException">The class does not do so many steps.</exception>
    public static HubSampler From(SchedulerConfig config, int steps) => From(config, new SchedulerRequest { Steps = steps });

    /// <summary>The scheduler of a configuration.</summary>
    /// <param name="config">The hub's <c>scheduler_config.json</c>.</param>
    /// <param name="request">How many steps, or which.</param>
    /// <param name="arguments">What is given at the call.</param>
    /// <exception cref="ArgumentException">The class does not do what is asked.</exception>
    public static HubSampler From(SchedulerConfig config, SchedulerRequest request, HubArguments? arguments = null)
    {
        var steps = config.StepsFor(request);
        return From(config, steps, HasTable(config.Kind) ? SchedulerTables.Of(config, request.Precision) : null, request.Steps ?? steps.Timesteps.Count, arguments);
    }

    /// <summary>The scheduler of a configuration at timesteps and levels that are known already.</summary>
    /// <param name="config">The hub's <c>scheduler_config.json</c>.</param>
    /// <param name="steps">What the class visits.</param>
    /// <param name="tables">Its tables; null for a class that has none.</param>
    /// <param name="requested">For how many steps it was asked, which some classes' distances depend on.</param>
    /// <param name="arguments">What is given at the call.</param>
    public static HubSampler From(SchedulerConfig config, SchedulerSteps steps, SchedulerTables? tables, int requested, HubArguments? arguments = null) =>
        new(config, steps, HasTable(config.Kind) ? tables ?? SchedulerTables.Of(config) : null, arguments ?? new(), requested);

    /// <summary>The levels to visit.</summary>
    public NoiseSchedule Schedule { get; }

    /// <summary>The method.</summary>
    public Sampler Sampler { get; }

    /// <summary>What unit noise is multiplied with to be the sample at the first level.</summary>
    public double InitialScale { get; }

    /// <summary>The level to which a picture is noised for a run that starts from it.</summary>
    public NoiseLevel NoisedLevel { get; }

    /// <summary>
    /// The denoiser that the scheduler makes of a network: its input scaled, its output read as the configuration says, clipped or thresholded. For
    /// <see cref="PosteriorVariance.Learned"/> variances it gives [B, 2C, H, W].
    /// </summary>
    /// <param name="network">
    /// Noisy images [B, C, H, W] in the scale that the network expects, and the timestep → its output, [B, C, H, W] or [B, 2C, H, W] with a learned variance. It may compute
    /// in a type of its own: a sample in float64 costs nothing beside the network, and where there is little noise ε̂ = (x − α x̂₀)/σ keeps the digits that float32 loses.
    /// </param>
    public Denoiser Denoiser(Func<Tensor, double, Tensor> network) => Bounded(Unbounded(network));

    /// <summary>As <see cref="Denoiser"/>, before the estimates are clipped or thresholded: guidance combines these, and <see cref="Bounded"/> comes after it.</summary>
    /// <param name="network">As for <see cref="Denoiser"/>.</param>
    public Denoiser Unbounded(Func<Tensor, double, Tensor> network) => (x, level) =>
    {
        var output = network(InputScale(level) is var scale && scale == 1 ? x : x * scale, level.Time).to(x.dtype);
        var x0 = Read(output.narrow(1, 0, x.shape[1]), x, level);
        return IsVarianceLearned ? cat([x0, output.narrow(1, x.shape[1], x.shape[1])], 1) : x0;
    };

    /// <summary>What the scheduler does to estimates before it steps: clipping, thresholding, the boundary of latent consistency models.</summary>
    /// <param name="denoise">Gives estimates as <see cref="Unbounded"/> does.</param>
    public Denoiser Bounded(Denoiser denoise) => (x, level) =>
    {
        var estimate = denoise(x, level);
        var x0 = estimate.narrow(1, 0, x.shape[1]);
        if (!BoundsInMethod && Bound is { } bound) x0 = bound(x0);
        if (config.Kind == SchedulerKind.Lcm) x0 = Boundary(x0, x, level);
        return IsVarianceLearned ? cat([x0, estimate.narrow(1, x.shape[1], x.shape[1])], 1) : x0;
    };

    /// <summary>By what the sample is multiplied for the network.</summary>
    public double InputScale(NoiseLevel level)
    {
        if (!config.IsEdm && config.Kind != SchedulerKind.ConsistencyModel) return 1;
        return 1 / Math.Sqrt(level.Sigma * level.Sigma + config.SigmaData * config.SigmaData);
    }

    /// <summary>What the published scheduler returns as its estimate: x̂₀ as it enters the step.</summary>
    internal Tensor Reported(Tensor x0) => BoundsInMethod && Bound is { } bound ? bound(x0) : x0;

    private Tensor Read(Tensor output, Tensor x, NoiseLevel level)
    {
        if (config.IsEdm)
        {
            var c = EdmFactors(level.Sigma);
            return c.Skip * x + c.Out * output;
        }
        return config.Kind switch
        {
            SchedulerKind.ConsistencyModel => ConsistencyModel(output, x, level.Sigma),
            SchedulerKind.ScoreSdeVe => x + level.Sigma * level.Sigma * output,                         // Tweedie's formula
            _ when NetworkPrediction == Prediction.Velocity => level.Alpha * x - level.Sigma * output,      // as if α² + σ² = 1, on a flow's levels too
            _ when NetworkPrediction == Prediction.Flow && !config.HasFlowLevels => x - level.Ratio * output,             // with σ/α in the place of a flow's σ
            _ => NetworkPrediction.ToX0(IsTurned ? -output : output, x, level),
        };
    }

    private Preconditioning EdmFactors(double sigma) =>
        config.PredictionType == Prediction.Velocity ? Preconditioning.EdmVelocity(sigma, config.SigmaData) : Preconditioning.Edm(sigma, config.SigmaData);

    /// <summary>c_out y + c_skip x, which is x at σ_min (Song et al. 2023, appendix C).</summary>
    private Tensor ConsistencyModel(Tensor output, Tensor x, double sigma)
    {
        var (data, above) = (config.SigmaData, sigma - (config.SigmaMin ?? 0));
        return above * data / Math.Sqrt(sigma * sigma + data * data) * output + data * data / (above * above + data * data) * x;
    }

    /// <summary>c_out x̂₀ + c_skip x with a boundary at timestep 0 (Luo et al. 2023, section 4.2).</summary>
    private Tensor Boundary(Tensor x0, Tensor x, NoiseLevel level)
    {
        const double Data = 0.5;
        var s = level.Time * config.TimestepScaling;
        return s / Math.Sqrt(s * s + Data * Data) * x0 + Data * Data / (s * s + Data * Data) * x;
    }

    /// <summary>IPNDM calls its network's output ε but reads it as v.</summary>
    private Prediction NetworkPrediction => config.Kind == SchedulerKind.Ipndm ? Prediction.Velocity : config.Prediction;

    /// <summary>What keeps x̂₀ in range, if anything.</summary>
    private Func<Tensor, Tensor>? Bound
    {
        get
        {
            if (config.Thresholding && config.Kind is SchedulerKind.Ddpm or SchedulerKind.Ddim or SchedulerKind.DpmSolverMultistep or SchedulerKind.DpmSolverMultistepInverse
                or SchedulerKind.DpmSolverSinglestep or SchedulerKind.Deis or SchedulerKind.UniPc or SchedulerKind.SaSolver or SchedulerKind.EdmDpmSolverMultistep or SchedulerKind.Lcm)
                return x0 => Thresholding.Dynamic(x0, config.DynamicThresholdingRatio, config.SampleMaxValue);
            if (config is { Kind: SchedulerKind.ConsistencyModel, ClipDenoised: true }) return x0 => x0.clamp(-1, 1);
            if (config.ClipSample && config.Kind is SchedulerKind.Ddpm or SchedulerKind.Ddim or SchedulerKind.DdimInverse or SchedulerKind.Heun or SchedulerKind.Lcm or SchedulerKind.RePaint)
                return x0 => x0.clamp(-config.ClipSampleRange, config.ClipSampleRange);
            return null;
        }
    }

    /// <summary>Whether ε̂ stays as it was when x̂₀ is bounded, so that the method must do it.</summary>
    private bool BoundsInMethod => config.Kind is SchedulerKind.DdimInverse or SchedulerKind.RePaint || (config.Kind == SchedulerKind.Ddim && !arguments.UsesClippedOutput);

    private bool IsVarianceLearned => config.Kind == SchedulerKind.Ddpm && config.VarianceType is VarianceType.Learned or VarianceType.LearnedRange;

    /// <summary>Whether σ counts from noise to image, and the network's flow with it.</summary>
    private bool IsTurned => config is { InvertSigmas: true, Kind: SchedulerKind.FlowMatchEuler, StochasticSampling: false };

    /// <summary>Whether the class keeps x/α, of a process with α below 1.</summary>
    private bool IsScaled => config.IsExploding && tables is not null;

    private static bool HasTable(SchedulerKind kind) => kind is not (SchedulerKind.EdmEuler or SchedulerKind.EdmDpmSolverMultistep or SchedulerKind.CosineDpmSolverMultistep
        or SchedulerKind.ScoreSdeVe or SchedulerKind.ConsistencyModel or SchedulerKind.Ipndm or SchedulerKind.FlowMatchEuler or SchedulerKind.FlowMatchHeun or SchedulerKind.FlowMatchLcm);
}

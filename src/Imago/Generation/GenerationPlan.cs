using Imago.Diffusion;
using Imago.Generation.Pipelines;
using Imago.Models;
using TorchSharp;

namespace Imago.Generation;

/// <summary>A request with the model's defaults filled in: what the loop needs.</summary>
internal sealed record GenerationPlan
{
    /// <summary>The name of the sampler that stands for the scheduler that the model was published with.</summary>
    internal const string OwnScheduler = "scheduler";

    private const string UsualSampler = "dpmpp_2m", UndoneSampler = "euler";

    /// <summary>Methods whose steps depend on the whole batch: with them pictures are drawn one by one, so that each depends on its seed alone.</summary>
    private static readonly string[] CoupledMethods = ["dpm_adaptive", "predictor_corrector"];

    /// <summary>The method.</summary>
    internal required Sampler Sampler { get; init; }

    /// <summary>The levels to visit.</summary>
    internal required NoiseSchedule Schedule { get; init; }

    /// <summary>How it is guided.</summary>
    internal required GuidanceConfig Guidance { get; init; }

    /// <summary>Rows and columns of the pictures.</summary>
    internal required (int Height, int Width) Size { get; init; }

    /// <summary>What unit noise is multiplied with to be the sample at the first level.</summary>
    internal required double InitialScale { get; init; }

    /// <summary>The level to which a picture is noised.</summary>
    internal required NoiseLevel NoisedLevel { get; init; }

    /// <summary>Whether the method draws noise.</summary>
    internal bool IsStochastic { get; init; }

    /// <summary>Whether pictures must be drawn one by one.</summary>
    internal bool IsCoupled { get; init; }

    /// <summary>The scheduler in diffusers' manner, if that is the method.</summary>
    internal HubSampler? Hub { get; init; }

    /// <summary>The guidance scale as an input of the network, where it is one.</summary>
    internal double? EmbeddedGuidance { get; init; }

    /// <summary>What a picture is of that is drawn from its own noise; null for fresh noise.</summary>
    internal Condition? Inverted { get; init; }

    /// <summary>Steps of a batch: those up to the noise of a picture, and those down.</summary>
    internal int Steps => (Inverted is null ? 1 : 2) * Schedule.Steps;

    /// <summary>What a network's answers say of x₀.</summary>
    /// <param name="model">The network's model.</param>
    /// <param name="answers">The network's own answers.</param>
    internal Denoiser Read(DiffusionModel model, Denoiser answers) => Hub is { } hub
        ? (x, level) => hub.Denoiser((input, _) => answers(input, level))(x, level)
        : (x, level) => Denoisers.FromNetwork((input, _) => answers(input, model.Process.AtRatio(level.Ratio) is var own && double.IsNaN(level.Time) ? own : level), model.Config.Prediction, model.Process)(x, level);

    /// <summary>The level to which the part of a picture that stays is noised after a step.</summary>
    internal NoiseLevel LevelAfter(int step, NoiseLevel reached) => Hub is null ? reached : step + 1 < Schedule.Steps ? Schedule[step + 1] : new NoiseLevel(1, 0, 0);

    internal static GenerationPlan Of(DiffusionModel model, GenerationRequest request)
    {
        Check(request);
        var size = SizeOf(model, request);
        var embeds = model.Network.Config is UNet2DConditionConfig { TimeCondProjDim: not null };
        var scale = GuidanceOf(model, request);
        var guidance = new GuidanceConfig
        {
            Rule = embeds ? null : new ClassifierFreeRule { Scale = scale },
            Interval = request.GuidanceInterval,
            Rescale = request.Rescale,
            Perturbations = [.. request.Perturbations.Select(perturbation => perturbation.Guidance)],
        };
        guidance.Validate();
        var plan = SchedulerOf(model, request) is { } scheduler ? OfScheduler(model, request, scheduler, guidance, size) : OfSampler(model, request, guidance, size);
        return plan with { EmbeddedGuidance = embeds ? scale : null };
    }

    private static void Check(GenerationRequest request)
    {
        if (request.Pictures.Count == 0) throw new ArgumentException("No picture is asked for.", nameof(request));
        if (request.Start is { Strength: not (> 0 and <= 1) } start) throw new ArgumentOutOfRangeException(nameof(request), start.Strength, "The strength lies above 0 and up to 1.");
        if (request.Batch is < 1) throw new ArgumentOutOfRangeException(nameof(request), request.Batch, "A batch holds at least one picture.");
        foreach (var (name, share) in new[] { (nameof(request.DenoisingEnd), request.DenoisingEnd), (nameof(request.DenoisingStart), request.DenoisingStart) })
        {
            if (share is not (null or (> 0 and < 1))) throw new ArgumentOutOfRangeException(nameof(request), share, $"{name} is a share of the noise between 0 and 1.");
        }
        if (request.Start?.Inverted is not null && request.Scheduler is not null) throw new ArgumentException("An inverted picture is drawn by a method, not by a scheduler; leave the scheduler out.", nameof(request));
        if (request.DenoisingStart >= request.DenoisingEnd) throw new ArgumentException($"{nameof(request.DenoisingStart)} is {request.DenoisingStart}, which is not before {nameof(request.DenoisingEnd)}, {request.DenoisingEnd}.", nameof(request));
        if (request.DenoisingStart is not null && request.Start?.Latents is null) throw new ArgumentException($"{nameof(request.DenoisingStart)} says that another model has begun; give its latents as {nameof(request.Start)}.", nameof(request));
    }

    /// <summary>Scales up to 1 are no guidance for the published pipelines.</summary>
    private static double GuidanceOf(DiffusionModel model, GenerationRequest request)
    {
        var isOfSomething = request.Pictures.Any(wish => IsOfSomething(wish.Condition) || (wish.Towards is { } towards && IsOfSomething(towards.Condition)));
        var scale = request.Guidance ?? (isOfSomething ? model.Config.Defaults.Guidance : 1);
        return model.IsPublished ? Math.Max(1, scale) : scale;
    }

    private static bool IsOfSomething(Condition condition) => condition.ClassName is not null || condition.ClassNumber is not null || condition.Attributes.Count > 0 || condition.Encoded is not null
        || !string.IsNullOrWhiteSpace(condition.Caption) || !string.IsNullOrWhiteSpace(condition.SecondCaption) || !string.IsNullOrWhiteSpace(condition.ThirdCaption);

    /// <summary>The scheduler asked for; else the model's own, unless a method or a spacing is asked for.</summary>
    private static SchedulerConfig? SchedulerOf(DiffusionModel model, GenerationRequest request)
    {
        if (request.Scheduler is { } asked) return asked;
        var name = request.Sampler ?? (request.Spacing is null && request.Start?.Inverted is null ? model.Config.Defaults.Sampler : UsualSampler);
        if (name != OwnScheduler) return null;
        return model.Scheduler ?? throw new ArgumentException($"This model was published without a scheduler; choose one of {string.Join(", ", Samplers.All.Select(sampler => sampler.Name))}.", nameof(request));
    }

    private static GenerationPlan OfSampler(DiffusionModel model, GenerationRequest request, GuidanceConfig guidance, (int, int) size)
    {
        if ((request.Timesteps ?? request.Sigmas) is not null || request.Eta is not null || request.DenoisingEnd is not null || request.DenoisingStart is not null)
            throw new ArgumentException("Lists of timesteps or sigmas, η and a hand-over to another model belong to the schedulers of published pipelines; leave sampler and spacing out, or choose a scheduler.", nameof(request));
        var defaults = model.Config.Defaults;
        var whole = Spacings.Find(request.Spacing ?? defaults.Spacing).Run(model.Process, request.Steps ?? defaults.Steps);
        var steps = request.Start is { } image ? Math.Max(1, (int)Math.Round(image.Strength * whole.Steps)) : whole.Steps;
        var inverted = request.Start?.Inverted;
        var info = Samplers.Find(request.Sampler ?? (inverted is not null ? UndoneSampler : defaults.Sampler == OwnScheduler ? UsualSampler : defaults.Sampler));
        if (inverted is not null && info.IsStochastic) throw new ArgumentException($"{info.Name} adds fresh noise, so nothing would be left of an inverted picture; take a sampler without, such as {UndoneSampler}.", nameof(request));
        var schedule = new NoiseSchedule(whole.Skip(whole.Steps - steps), model.Process);
        return new() { Sampler = info.Run, Schedule = schedule, Guidance = guidance, Size = size, InitialScale = schedule[0].Sigma, NoisedLevel = schedule[0], IsStochastic = info.IsStochastic, IsCoupled = CoupledMethods.Contains(info.Name), Inverted = inverted };
    }

    private static GenerationPlan OfScheduler(DiffusionModel model, GenerationRequest request, SchedulerConfig scheduler, GuidanceConfig guidance, (int, int) size)
    {
        if (scheduler.HasFlowLevels != (model.Config.Prediction == Prediction.Flow))
            throw new ArgumentException($"The scheduler {scheduler.Kind} is {(scheduler.HasFlowLevels ? "" : "not ")}of a rectified flow, and the model is {(scheduler.HasFlowLevels ? "not " : "")}one; choose another.", nameof(request));
        var listed = request.Timesteps ?? request.Sigmas;
        var asked = new SchedulerRequest { Steps = listed is null ? request.Steps ?? model.Config.Defaults.Steps : null, Timesteps = request.Timesteps, Sigmas = request.Sigmas, Mu = scheduler.UseDynamicShifting ? MuOf(model, scheduler, size) : null };
        var timesteps = scheduler.StepsFor(asked).Timesteps;
        var begin = BeginOf(model, request, scheduler, asked.Steps ?? listed!.Count, timesteps);
        var hub = HubSampler.From(scheduler, asked, new HubArguments { Begin = begin, Eta = request.Eta });
        var schedule = request.DenoisingEnd is { } end ? hub.Schedule.EndingAfter(StepsUntil(end, scheduler, [.. timesteps.Skip(begin)])) : hub.Schedule;
        return new() { Sampler = hub.Sampler, Schedule = schedule, Guidance = guidance, Size = size, InitialScale = hub.InitialScale, NoisedLevel = hub.NoisedLevel, IsStochastic = true, Hub = hub };
    }

    /// <summary>μ of a shift that depends on how many tokens the picture is.</summary>
    private static double MuOf(DiffusionModel model, SchedulerConfig scheduler, (int Height, int Width) size)
    {
        var (shape, patch) = (model.Codec.Shape(size.Height, size.Width), model.Network.Config is MMDiTConfig mmdit ? mmdit.PatchSize : 1);
        return TimeShift.Mu((double)(shape[1] / patch) * (shape[2] / patch), scheduler.BaseImageSeqLen ?? 256, scheduler.MaxImageSeqLen ?? 4096, scheduler.BaseShift ?? 0.5, scheduler.MaxShift ?? 1.15);
    }

    /// <summary>The first of the scheduler's timesteps that is visited.</summary>
    private static int BeginOf(DiffusionModel model, GenerationRequest request, SchedulerConfig scheduler, int steps, IReadOnlyList<double> timesteps)
    {
        var each = HubSampler.EvaluationsPerStep(scheduler.Kind);
        if (request.DenoisingStart is { } share) return PartialRuns.StartAfter(timesteps, share, each, scheduler.NumTrainTimesteps);
        if (request.Start is not { } start) return 0;
        var first = model.Network.Config is MMDiTConfig ? PartialRuns.StartOfFlow(steps, start.Strength) : PartialRuns.Start(steps, start.Strength);
        return first < steps ? first * each : throw new ArgumentException(FormattableString.Invariant($"Of {steps} steps a strength of {start.Strength} leaves none; take more steps or more strength."), nameof(request));
    }

    private static int StepsUntil(double end, SchedulerConfig scheduler, IReadOnlyList<double> timesteps)
    {
        var each = HubSampler.EvaluationsPerStep(scheduler.Kind);
        var steps = PartialRuns.EvaluationsBefore(timesteps, end, scheduler.NumTrainTimesteps) / each;        // whole steps, where diffusers breaks off one of two evaluations
        return steps > 0 ? steps : throw new ArgumentException(FormattableString.Invariant($"Up to {end} of the noise no step is made; take more steps."));
    }

    private static (int Height, int Width) SizeOf(DiffusionModel model, GenerationRequest request)
    {
        var (height, width) = (request.Height, request.Width);
        if (!model.IsPublished)
        {
            if ((height ?? model.Config.Height) != model.Config.Height || (width ?? model.Config.Width) != model.Config.Width)
                throw new ArgumentException($"The model draws {model.Config.Width}×{model.Config.Height} pixels, not {width ?? model.Config.Width}×{height ?? model.Config.Height}.", nameof(request));
            return (model.Config.Height, model.Config.Width);
        }
        var codec = (LatentCodec)model.Codec;
        var multiple = codec.Factor * (model.Network.Config is MMDiTConfig mmdit ? mmdit.PatchSize : 1);
        var (rows, columns) = StartSize(request.Start, codec.Factor);
        var size = (height ?? rows / multiple * multiple ?? model.Config.Height, width ?? columns / multiple * multiple ?? model.Config.Width);
        CheckSide(size.Item1, multiple, "height");
        CheckSide(size.Item2, multiple, "width");
        if (request.Start?.Latents is { } latents && (latents.shape[^2] * codec.Factor, latents.shape[^1] * codec.Factor) != size)
            throw new ArgumentException($"The latents to start from are of {latents.shape[^1] * codec.Factor}×{latents.shape[^2] * codec.Factor} pixels, and {size.Item2}×{size.Item1} are asked for.", nameof(request));
        return size;
    }

    private static (int? Rows, int? Columns) StartSize(StartImage? start, int factor) => start switch
    {
        { Latents: { } latents } => ((int)latents.shape[^2] * factor, (int)latents.shape[^1] * factor),
        { Pixels: { } pixels } => ((int)pixels.shape[^2], (int)pixels.shape[^1]),
        { Picture: { } picture, MaskPadding: null } => (picture.Height, picture.Width),
        _ => (null, null),
    };

    private static void CheckSide(int side, int multiple, string name)
    {
        const int Largest = 16384;
        if (side < multiple || side % multiple != 0 || side > Largest)
            throw new ArgumentException($"The {name} is {side} pixels; it must be a multiple of {multiple} up to {Largest}, such as {Math.Max(multiple, side / multiple * multiple)} or {Math.Max(multiple, side / multiple * multiple) + multiple}.");
    }
}

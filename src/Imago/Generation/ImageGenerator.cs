using Imago.Diffusion;
using Imago.Images;
using Imago.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Generation;

/// <summary>Draws pictures with a diffusion model. There is this one way: samples during training, grids, strips and edits all take it.</summary>
public static class ImageGenerator
{
    private const int NumbersAtOnce = 1 << 18, MostAtOnce = 64;

    /// <summary>Draws what is asked for.</summary>
    /// <param name="model">The model; left in evaluation mode.</param>
    /// <param name="request">What, and how.</param>
    /// <param name="progress">Told after every step of every batch.</param>
    /// <param name="cancellationToken">Stops between two evaluations of the network.</param>
    /// <returns>The pictures, in the order of the wishes.</returns>
    /// <exception cref="ArgumentException">The model cannot be asked for that; the message says what it knows.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static IReadOnlyList<GeneratedPicture> Generate(DiffusionModel model, GenerationRequest request, IProgress<WorkProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(request);
        using var noGrad = no_grad();
        model.Trained.eval();
        var plan = GenerationPlan.Of(model, request);
        var pictures = new List<GeneratedPicture>();
        // Where the steps of a method depend on the whole batch, pictures are drawn one by one, so that each depends on its seed alone.
        var batches = request.Pictures.Chunk(plan.Sampler.IsBatchwise ? 1 : request.Batch ?? BatchOf(model)).ToList();
        foreach (var (number, batch) in batches.Index())
        {
            using var scope = NewDisposeScope();
            var steps = plan.Steps;
            var count = new Countdown(progress, number * steps, batches.Count * steps);
            using var run = new GenerationRun(model, request, plan, batch);
            pictures.AddRange(run.Draw(count, cancellationToken));
        }
        return pictures;
    }

    private static int BatchOf(DiffusionModel model) => (int)Math.Clamp(NumbersAtOnce / model.Shape.Aggregate(1L, (product, size) => product * size), 1, MostAtOnce);
}

/// <summary>Tells of the steps of one batch among those of all.</summary>
internal sealed record Countdown(IProgress<WorkProgress>? Progress, long Before, long Total)
{
    internal void Done(int steps) => Progress?.Report(new WorkProgress(Before + steps, Total));
}

/// <summary>A request with the model's defaults filled in.</summary>
internal sealed record GenerationPlan(SamplerInfo Sampler, NoiseSchedule Schedule, GuidanceConfig Guidance, Condition? Inverted)
{
    /// <summary>Steps of a batch: those up to the noise of a picture, and those down.</summary>
    internal int Steps => (Inverted is null ? 1 : 2) * Schedule.Steps;

    private const string UndoneSampler = "euler";

    internal static GenerationPlan Of(DiffusionModel model, GenerationRequest request)
    {
        var defaults = model.Config.Defaults;
        if (request.Pictures.Count == 0) throw new ArgumentException("No picture is asked for.", nameof(request));
        if (request.Start is { Strength: not (> 0 and <= 1) } start) throw new ArgumentOutOfRangeException(nameof(request), start.Strength, "The strength lies above 0 and up to 1.");
        if (request.Batch is < 1) throw new ArgumentOutOfRangeException(nameof(request), request.Batch, "A batch holds at least one picture.");
        var whole = Spacings.Find(request.Spacing ?? defaults.Spacing).Run(model.Process, request.Steps ?? defaults.Steps);
        var steps = request.Start is { } image ? Math.Max(1, (int)Math.Round(image.Strength * whole.Steps)) : whole.Steps;
        var isOfSomething = request.Pictures.Any(wish => IsOfSomething(wish.Condition) || (wish.Towards is { } towards && IsOfSomething(towards.Condition)));
        var guidance = new GuidanceConfig
        {
            Rule = new ClassifierFreeRule { Scale = request.Guidance ?? (isOfSomething ? defaults.Guidance : 1) },
            Interval = request.GuidanceInterval,
            Rescale = request.Rescale,
        };
        var inverted = request.Start?.Inverted;
        var sampler = Samplers.Find(request.Sampler ?? (inverted is null ? defaults.Sampler : UndoneSampler));
        if (inverted is not null && sampler.IsStochastic) throw new ArgumentException($"{sampler.Name} adds fresh noise, so nothing would be left of an inverted picture; take a sampler without, such as {UndoneSampler}.", nameof(request));
        return new(sampler, new NoiseSchedule(whole.Skip(whole.Steps - steps), model.Process), guidance, inverted);
    }

    private static bool IsOfSomething(Condition condition) =>
        condition.ClassName is not null || condition.ClassNumber is not null || condition.Attributes.Count > 0 || !string.IsNullOrWhiteSpace(condition.Caption);
}

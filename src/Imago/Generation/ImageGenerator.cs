using Imago.Diffusion;
using Imago.Images;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Generation;

/// <summary>Draws pictures with a diffusion model. There is this one way: samples during training, grids, strips, edits and published pipelines all take it.</summary>
public static class ImageGenerator
{
    private const int NumbersAtOnce = 1 << 18, MostAtOnce = 64, PublishedAtOnce = 4;

    /// <summary>Draws what is asked for.</summary>
    /// <param name="model">The model; left in evaluation mode.</param>
    /// <param name="request">What, and how.</param>
    /// <param name="progress">Told after every step of every batch.</param>
    /// <param name="cancellationToken">Stops between two evaluations of the network; the model can be used again.</param>
    /// <returns>The pictures, in the order of the wishes.</returns>
    /// <exception cref="ArgumentException">The model cannot be asked for that; the message says what it knows.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static IReadOnlyList<GeneratedPicture> Generate(DiffusionModel model, GenerationRequest request, IProgress<WorkProgress>? progress = null, CancellationToken cancellationToken = default) =>
        [.. Batches(model, request, (run, drawn) => run.Finish(drawn), progress, cancellationToken).SelectMany(pictures => pictures)];

    /// <summary>Draws what is asked for without making pictures of it: for another model to go on from (<see cref="StartImage.Latents"/>).</summary>
    /// <inheritdoc cref="Generate"/>
    /// <returns>What was drawn, [B, …], on the CPU; the caller owns it.</returns>
    public static Tensor GenerateLatents(DiffusionModel model, GenerationRequest request, IProgress<WorkProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        var parts = Batches(model, request, (_, drawn) => drawn.cpu().clone().DetachFromDisposeScope(), progress, cancellationToken);
        var all = cat(parts);
        foreach (var part in parts) part.Dispose();
        return all;
    }

    private static List<T> Batches<T>(DiffusionModel model, GenerationRequest request, Func<GenerationRun, Tensor, T> finish, IProgress<WorkProgress>? progress, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(request);
        using var noGrad = no_grad();
        model.Trained.eval();
        var plan = GenerationPlan.Of(model, request);
        using var kept = NewDisposeScope();
        var conditions = new EncodedConditions(model, request, plan);
        var results = new List<T>();
        var batches = request.Pictures.Chunk(plan.IsCoupled ? 1 : request.Batch ?? BatchOf(model, plan)).ToList();
        foreach (var (number, batch) in batches.Index())
        {
            cancellationToken.ThrowIfCancellationRequested();
            using var scope = NewDisposeScope();
            var steps = plan.Steps;
            var count = new Countdown(progress, number * steps, batches.Count * steps);
            using var run = new GenerationRun(model, request, plan, conditions, batch);
            results.Add(finish(run, run.Draw(count, cancellationToken)));
        }
        return results;
    }

    /// <summary>Small pictures are drawn many at once; of the large networks of published pipelines a few fill the processor already.</summary>
    private static int BatchOf(DiffusionModel model, GenerationPlan plan) =>
        (int)Math.Clamp(NumbersAtOnce / model.Codec.Shape(plan.Size.Height, plan.Size.Width).Aggregate(1L, (product, size) => product * size), 1, model.IsPublished ? PublishedAtOnce : MostAtOnce);
}

/// <summary>Tells of the steps of one batch among those of all.</summary>
internal sealed record Countdown(IProgress<WorkProgress>? Progress, long Before, long Total)
{
    internal void Done(int steps) => Progress?.Report(new WorkProgress(Before + steps, Total));
}

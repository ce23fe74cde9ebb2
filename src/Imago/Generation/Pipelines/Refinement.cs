using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Generation.Pipelines;

/// <summary>Pictures that one model begins and another ends: SDXL's base and refiner (Podell et al. 2023, section 2.5).</summary>
public static class Refinement
{
    private const int PicturesAtOnce = 4;

    /// <summary>Draws.</summary>
    /// <param name="model">Begins.</param>
    /// <param name="refiner">Ends; its latents must be of the same autoencoder.</param>
    /// <param name="request">What, and how; both models are asked for the same.</param>
    /// <param name="share">The share of the noise that is gone when the refiner takes over, between 0 and 1; 0.8 is usual.</param>
    /// <param name="progress">Told after every step.</param>
    /// <param name="cancellationToken">Stops between two evaluations of a network.</param>
    /// <returns>The pictures, in the order of the wishes.</returns>
    /// <exception cref="ArgumentException">A model cannot be asked for that.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static IReadOnlyList<GeneratedPicture> Generate(
        DiffusionModel model, DiffusionModel refiner, GenerationRequest request, double share = 0.8, IProgress<WorkProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        var pictures = new List<GeneratedPicture>();
        foreach (var wishes in request.Pictures.Chunk(request.Batch ?? PicturesAtOnce))
        {
            using var scope = NewDisposeScope();
            var begun = request with { Pictures = wishes, Batch = wishes.Length };
            var latents = ImageGenerator.GenerateLatents(model, begun with { DenoisingEnd = share }, progress, cancellationToken);
            var ended = begun with { DenoisingStart = share, DenoisingEnd = null, Height = null, Width = null, Perturbations = [], Start = new StartImage(null) { Latents = latents } };
            pictures.AddRange(ImageGenerator.Generate(refiner, ended, progress, cancellationToken));
        }
        return pictures;
    }
}

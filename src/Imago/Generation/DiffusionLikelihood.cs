using Imago.Diffusion;
using Imago.Images;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Generation;

/// <summary>How likely a model of pixels finds pictures: the variational bound in bits per dimension (Ho et al. 2020, Eq. 5), without conditions.</summary>
public static class DiffusionLikelihood
{
    /// <summary>Evaluates the bound along all training steps of the model's process.</summary>
    /// <param name="model">A model that draws pixels or patches of them; left in evaluation mode.</param>
    /// <param name="batches">uint8 [B, C, H, W]; each is disposed by whoever made it.</param>
    /// <param name="options">All steps or some, seed.</param>
    /// <param name="progress">Told the pictures done.</param>
    /// <param name="cancellationToken">Stops before the next step of a batch.</param>
    /// <exception cref="ArgumentException">The model draws latents, whose density is not that of pictures.</exception>
    public static BoundReport Evaluate(DiffusionModel model, IEnumerable<Tensor> batches, BoundOptions options, IProgress<WorkProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        if (model.Codec is not PixelCodec) throw new ArgumentException($"The model draws an autoencoder's latents, not pixels; {nameof(LatentLikelihood)} scores the two together.", nameof(model));
        model.Trained.eval();
        return VariationalBoundEvaluation.Evaluate(new VariationalBound(ChainOf(model.Process)), Estimate, Drawn(), options, progress, cancellationToken);

        (Tensor, Tensor?) Estimate(Tensor x, NoiseLevel level)
        {
            var nothing = model.Conditioner.Null((int)x.shape[0], model.ComputeType);
            return (model.Denoise(nothing)(x, level).clamp(-1, 1), null);
        }

        IEnumerable<Tensor> Drawn()
        {
            foreach (var bytes in batches)
            {
                using var x = WrappedTensorDisposeScope(() => model.Codec.Encode(Pictures.ToFloat(bytes, PixelRange.MinusOneToOne).to(model.Device)).contiguous());
                yield return x;
            }
        }
    }

    /// <summary>All training steps of a process, and the clean image.</summary>
    private static NoiseSchedule ChainOf(NoiseProcess process) =>
        new([.. Enumerable.Range(0, process.TrainingSteps).Select(k => process.AtShare(1 - (double)k / process.TrainingSteps)), process.AtRatio(0)], process);
}

using Imago.Diffusion;
using Imago.Metrics;
using TorchSharp;

namespace Imago.Generation;

/// <summary>Leads what a model draws to a class by a classifier of noisy pictures, whether the model knows classes or not.</summary>
public static class ClassifierGuidance
{
    /// <summary>Pixels lie in [−1, 1], so no two expectations of them differ by more.</summary>
    private const double MostShift = 2;

    /// <summary>The guidance, for <see cref="GenerationRequest.Around"/>.</summary>
    /// <param name="model">A model of pixels that Imago trained.</param>
    /// <param name="classifier">A classifier of such pictures; it must stay until they are drawn.</param>
    /// <param name="number">The class.</param>
    /// <param name="scale">s of ∇ log p(x) + s ∇ log p(y|x): 1 is Bayes' theorem, more is purer.</param>
    /// <exception cref="ArgumentException">The two do not fit together; the message says why.</exception>
    public static Func<Denoiser, Denoiser> Towards(DiffusionModel model, NoisyClassifier classifier, int number, double scale)
    {
        Check(model, classifier);
        ArgumentOutOfRangeException.ThrowIfNegative(number);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(number, classifier.Config.Classes.Count);
        return denoise => Guidance.ByClassifier(denoise, LogProbability, scale, MostShift);

        torch.Tensor LogProbability(torch.Tensor x, NoiseLevel level) => classifier.LogProbabilities(model.Codec.Decode(x), NoiseLevels.Same(level, x.shape[0])).select(1, number);
    }

    private static void Check(DiffusionModel model, NoisyClassifier classifier)
    {
        if (model.Codec is not PixelCodec) throw new ArgumentException("The model draws an autoencoder's latents, and classifiers are trained on noisy pixels; take a model of pixels (imago train diffusion without --autoencoder).", nameof(model));
        var (channels, side) = (classifier.Channels, classifier.Config.Network.Size);
        if ((model.Config.Channels, model.Config.Height, model.Config.Width) != (channels, side, side))
            throw new ArgumentException($"The classifier {classifier.Config.Name} looks at pictures of {side}×{side} pixels in {channels} channels, and the model draws {model.Config.Width}×{model.Config.Height} in {model.Config.Channels}; train it with --size {model.Config.Width} --channels {model.Config.Channels}.", nameof(classifier));
    }
}

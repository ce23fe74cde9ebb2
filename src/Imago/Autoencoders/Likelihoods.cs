using Imago.Images;
using Imago.Probability;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Autoencoders;

/// <summary>−log p(x|z) from a decoder's raw output.</summary>
/// <param name="model">Whose output it is; says what the numbers mean.</param>
/// <param name="output">What <see cref="Autoencoder.Decode"/> gave, [B, C, H, W].</param>
/// <param name="x">The images, [B, C, H, W] in <see cref="Autoencoder.Pixels"/>.</param>
/// <returns>[B], nats summed over channels and pixels.</returns>
public delegate Tensor ReconstructionTerm(Autoencoder model, Tensor output, Tensor x);

/// <summary>Likelihoods as functions of a network's output.</summary>
public static class Likelihoods
{
    /// <summary>The reconstruction term that a configuration asks for.</summary>
    public static ReconstructionTerm Create(ObjectiveConfig config)
    {
        var logSigma = Math.Log(config.Sigma);
        return config.Likelihood switch
        {
            LikelihoodKind.Bernoulli => (model, output, x) => Reconstruction.Bernoulli(Logits(model, output), x),
            LikelihoodKind.ContinuousBernoulli => (model, output, x) => Reconstruction.ContinuousBernoulli(Logits(model, output), x),
            LikelihoodKind.Gaussian => (model, output, x) => model.LogSigma is { } learned
                ? Reconstruction.Gaussian(model.ToPixels(output), x, Reconstruction.SoftClip(learned))
                : Reconstruction.Gaussian(model.ToPixels(output), x, config.Sigma),
            LikelihoodKind.GaussianOptimal => (model, output, x) => Reconstruction.GaussianOptimal(model.ToPixels(output), x, softClip: true),
            LikelihoodKind.Laplace => (model, output, x) => model.LogSigma is { } learned
                ? Reconstruction.Laplace(model.ToPixels(output), x, Reconstruction.SoftClip(learned))
                : Reconstruction.Laplace(model.ToPixels(output), x, config.Sigma),
            LikelihoodKind.LogCosh => (model, output, x) => Reconstruction.LogCosh(model.ToPixels(output), x, 1 / config.Sigma),
            LikelihoodKind.SquaredError => (model, output, x) => Reconstruction.SquaredError(model.ToPixels(output), x),
            LikelihoodKind.DiscretisedLogistic => (model, output, x) =>
                Reconstruction.DiscretisedLogistic(Symmetric(model, model.ToPixels(output)), SymmetricLogScale(model, logSigma, x), Symmetric(model, x)),
            LikelihoodKind.DiscretisedGaussian => (model, output, x) =>
                Reconstruction.DiscretisedGaussian(Symmetric(model, model.ToPixels(output)), SymmetricLogScale(model, logSigma, x), Symmetric(model, x)),
            var other => throw new ArgumentException($"There is no likelihood {other}."),
        };
    }

    /// <summary>Whether the values are −log p(x|z) of one model of p, so that bounds of log p(x) may be computed from them.</summary>
    public static bool IsNormalised(LikelihoodKind kind) =>
        kind is not (LikelihoodKind.LogCosh or LikelihoodKind.SquaredError or LikelihoodKind.GaussianOptimal);

    private static Tensor Logits(Autoencoder model, Tensor output) => model.Output == DecoderOutput.Logits
        ? output
        : throw new ArgumentException("A Bernoulli likelihood needs a network whose output is logits; this one gives pixels. Choose gaussian_optimal (on the command line GaussianOptimal), gaussian or laplace, or set output to logits in the network's configuration.");

    /// <summary>Pixels in [−1, 1].</summary>
    private static Tensor Symmetric(Autoencoder model, Tensor pixels) => model.Pixels == PixelRange.MinusOneToOne ? pixels : 2 * pixels - 1;

    /// <summary>A scale in the units of [−1, 1].</summary>
    private static Tensor SymmetricLogScale(Autoencoder model, double logSigma, Tensor x)
    {
        var logScale = model.LogSigma is { } learned ? Reconstruction.SoftClip(learned) : full(1, logSigma, dtype: x.dtype, device: x.device);
        return model.Pixels == PixelRange.MinusOneToOne ? logScale : logScale + Math.Log(2);
    }
}

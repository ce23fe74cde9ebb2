using Imago.Autoencoders;
using Imago.Diffusion;
using Imago.Images;
using Imago.Probability;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Generation;

/// <summary>What a model of latents and its autoencoder together achieve on a set of images. Nats are per image, averaged over the set.</summary>
public sealed record LatentBoundReport
{
    /// <summary>Images scored.</summary>
    public required int Images { get; init; }

    /// <summary>
    /// The variational bound of E_q[−log p(z)], where p is what the diffusion model draws: nats, of a density in the autoencoder's own latents, so that it may be negative.
    /// It says nothing of pictures, and compares with nothing but other models of the same latents.
    /// </summary>
    public required double Latent { get; init; }

    /// <summary>Its standard error.</summary>
    public required double LatentError { get; init; }

    /// <summary>The rate, E_q[log q(z|x)] + <see cref="Latent"/>: a bound of KL(q(z|x) ‖ p(z)), nats; null for a plain autoencoder, whose latents are points.</summary>
    public double? Rate { get; init; }

    /// <summary>KL(q(z|x) ‖ N(0, I)), nats: the rate of the autoencoder's own prior, which the diffusion model replaces; null for a plain autoencoder.</summary>
    public double? Kl { get; init; }

    /// <summary>E_q[−log p(x|z)], nats; null where the likelihood is none (<see cref="Likelihoods.IsNormalised"/>).</summary>
    public double? Reconstruction { get; init; }

    /// <summary>(<see cref="Rate"/> + <see cref="Reconstruction"/>) / (numbers of an image · ln 2): a bound of −log₂ p(x) of the two together; null where one of them is.</summary>
    public double? BitsPerDimension { get; init; }

    /// <summary>What its standard error is at most: those of the two terms, added up.</summary>
    public double? BitsPerDimensionError { get; init; }
}

/// <summary>
/// How likely a model of latents finds pictures (Vahdat et al. 2021, Eq. 3): −log p(x) ≤ E_q[−log p(x|z)] − H[q(z|x)] + E_q[−log p(z)], the last term by the variational
/// bound of the diffusion model (Ho et al. 2020, Eq. 5) with a density for its last step. Without conditions. The chain has levels evenly spread in ln(σ/α) between the ends of
/// the model's process, and the steps back have the variance of standard normal data, which latents resemble: were they just that, the bound would be exact.
/// </summary>
public static class LatentLikelihood
{
    /// <summary>Evaluates the bound with one latent of each image.</summary>
    /// <param name="model">A model of latents; left in evaluation mode.</param>
    /// <param name="batches">uint8 [B, C, H, W]; each is disposed by whoever made it.</param>
    /// <param name="likelihood">How the autoencoder's decoder scores a pixel.</param>
    /// <param name="levels">Noisy levels of the chain, at least 4. More of them make the bound of a perfect network tighter.</param>
    /// <param name="seed">Of the latents and the noise.</param>
    /// <param name="progress">Told the pictures done.</param>
    /// <param name="cancellationToken">Stops before the next step of a batch.</param>
    /// <exception cref="ArgumentException">The model draws pixels, or its decoder and the likelihood do not fit.</exception>
    public static LatentBoundReport Evaluate(
        DiffusionModel model, IEnumerable<Tensor> batches, ObjectiveConfig likelihood, int levels = 100, long seed = 0, IProgress<WorkProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(likelihood);
        ArgumentOutOfRangeException.ThrowIfLessThan(levels, 4);
        likelihood.Validate();
        var codec = model.Codec as LatentCodec ?? throw new ArgumentException($"The model draws pixels, not an autoencoder's latents; {nameof(DiffusionLikelihood)} scores it.", nameof(model));
        model.Trained.eval();
        using var noGrad = no_grad();
        using var noise = new Generator((ulong)seed);
        var totals = new Totals(codec.Autoencoder, Likelihoods.IsNormalised(likelihood.Likelihood) ? Likelihoods.Create(likelihood) : null, noise);
        var bound = new VariationalBound(ChainOf(model.Process, levels), ReverseVariance.StandardNormal, isDensity: true);
        return totals.Report(VariationalBoundEvaluation.Evaluate(bound, Estimate, Drawn(), new BoundOptions { Seed = seed }, progress, cancellationToken), model.Shape, codec.Scale);

        (Tensor, Tensor?) Estimate(Tensor x, NoiseLevel level) => (model.Denoise(model.Conditioner.Null((int)x.shape[0], model.ComputeType))(x, level), null);

        IEnumerable<Tensor> Drawn()
        {
            foreach (var bytes in batches)
            {
                using var x0 = WrappedTensorDisposeScope(() => codec.Scale.Normalise(totals.Add(Pictures.ToFloat(bytes, PixelRange.MinusOneToOne).to(model.Device))));
                yield return x0;
            }
        }
    }

    /// <summary>From the noisiest level of a process to its cleanest one and the clean image, evenly in ln(σ/α) where that is finite.</summary>
    internal static NoiseSchedule ChainOf(NoiseProcess process, int levels)
    {
        var step = 1.0 / process.TrainingSteps;
        NoiseLevel[] pure = process.AtShare(1).Alpha == 0 ? [process.AtShare(1)] : [];
        var (most, least, count) = (process.AtShare(1 - pure.Length * step).Ratio, process.AtShare(step).Ratio, levels - pure.Length);
        return new([.. pure, .. Enumerable.Range(0, count).Select(i => process.AtRatio(most * Math.Pow(least / most, i / (count - 1.0)))), process.AtRatio(0)], process);
    }

    /// <summary>Sums over the images so far, but for those of the diffusion model.</summary>
    private sealed class Totals(Autoencoder autoencoder, ReconstructionTerm? likelihood, Generator noise)
    {
        private readonly List<double> _entropy = [], _kl = [], _reconstruction = [];
        private long _numbers;

        /// <summary>One latent of each image, as maps.</summary>
        internal Tensor Add(Tensor pixels)
        {
            _numbers = pixels.numel() / pixels.shape[0];
            var posterior = LatentCodec.Posterior(autoencoder, pixels);
            var z = autoencoder.IsVariational ? posterior.Sample(randn(posterior.Mean.shape, generator: noise).to(pixels.device)) : posterior.Mean;
            if (autoencoder.IsVariational)
            {
                Keep(_entropy, posterior.Entropy());
                Keep(_kl, posterior.Kl());
            }
            if (likelihood is null) return z;
            var x = autoencoder.Pixels == PixelRange.ZeroToOne ? (pixels + 1) / 2 : pixels;
            var shape = autoencoder.LatentShape((int)pixels.shape[2], (int)pixels.shape[3]);
            Keep(_reconstruction, likelihood(autoencoder, autoencoder.Decode(z.reshape([z.shape[0], .. shape])), x));
            return z;
        }

        internal LatentBoundReport Report(BoundReport bound, long[] shape, LatentScale scale)
        {
            // The bound is of u = (z − mean) / deviation: −log p(z) = −log p(u) + Σ log deviation.
            var (nats, positions) = (shape[0] * shape[1] * shape[2] * Math.Log(2), shape[1] * shape[2]);
            var latent = nats * bound.BitsPerDimension + positions * scale.Deviation.Sum(Math.Log);
            double? rate = _entropy.Count > 0 ? latent - _entropy.Average() : null;
            double? reconstruction = _reconstruction.Count > 0 ? _reconstruction.Average() : null;
            var bits = 1 / (_numbers * Math.Log(2));
            return new LatentBoundReport
            {
                Images = bound.Images, Latent = latent, LatentError = nats * bound.StandardError, Rate = rate, Kl = _kl.Count > 0 ? _kl.Average() : null, Reconstruction = reconstruction,
                BitsPerDimension = bits * (rate + reconstruction), BitsPerDimensionError = rate + reconstruction is null ? null : bits * (nats * bound.StandardError + ErrorOf(_entropy) + ErrorOf(_reconstruction)),
            };
        }

        private static void Keep(List<double> values, Tensor perImage) => values.AddRange(perImage.to(float64).cpu().data<double>().ToArray());

        private static double ErrorOf(List<double> values)
        {
            var mean = values.Average();
            return Math.Sqrt(values.Sum(value => (value - mean) * (value - mean)) / (values.Count - 1.0) / values.Count);
        }
    }
}

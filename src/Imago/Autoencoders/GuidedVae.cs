using Imago.Images;
using Imago.Models;
using Imago.Probability;
using Imago.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Autoencoders;

/// <summary>
/// A VAE whose first latent carries a labelled attribute, so that moving along it changes that attribute and little else. Three terms beside the VAE's own:
/// the prior of the first latent is N(±m, 1), its sign the label (the conditional prior of Kingma et al. 2014, M2, without a classifier's marginal);
/// the encoder's mean is drawn to ±m; and a judge, a classifier that learns from the real images beside the autoencoder, must find the label in what is decoded,
/// and the opposite label where the first latent is moved to the other side (the attribute constraint of He et al. 2019, AttGAN, section 3.2).
/// </summary>
/// <remarks>
/// Like <see cref="FactorVae"/> it has a second module and a second loss, which step in turn with the first on the same batches. The judge sees images blurred, shifted and
/// with noise at random, so that only a change that a person would see too convinces it. Images whose label is unknown contribute the VAE's terms alone.
/// </remarks>
public sealed class GuidedVae : IDisposable
{
    /// <summary>What a configuration calls this objective.</summary>
    public const string Name = "guided_vae";

    /// <summary>m: half the distance between the two sides of the first latent, in standard deviations of the prior.</summary>
    public const double Margin = 2;

    private const double EncoderWeight = 300, JudgeWeight = 100, BlurNoise = 0.1;
    private const int LargestShift = 4;

    private readonly ObjectiveConfig _config;
    private readonly ReconstructionTerm _likelihood;

    /// <summary>Builds the judge.</summary>
    /// <param name="config">Likelihood and β.</param>
    /// <param name="model">The autoencoder, with latents [D].</param>
    /// <param name="seed">Seed of the judge's weights.</param>
    /// <exception cref="ArgumentException">The autoencoder has latent maps, no posterior, or images that are not square.</exception>
    public GuidedVae(ObjectiveConfig config, Autoencoder model, long seed = 0)
    {
        config.Validate();
        Objectives.RequireVariational(model, config);
        var (height, width) = model.ImageSize;
        if (model.LatentShape(height, width).Length != 1) throw new ArgumentException($"The objective {Name} needs latents that are one vector for an image; use the network conv or mlp.", nameof(model));
        if (height != width) throw new ArgumentException($"The objective {Name} needs square images; these are {width}×{height}.", nameof(model));
        (_config, _likelihood) = (config, Likelihoods.Create(config));
        int[] widths = [32, 48, 96, 96];
        var halvings = Enumerable.Range(0, widths.Length + 1).Last(n => height % (1 << n) == 0 && height >> n >= 4);
        Judge = new ImageClassifierConfig { Channels = model.Channels, Size = height, Outputs = 1, Widths = widths[..halvings] }.Create(seed);
    }

    /// <summary>The classifier of the attribute.</summary>
    public ImageClassifier Judge { get; }

    /// <summary>How the judge learns.</summary>
    public static OptimizerConfig JudgeOptimizer { get; } = new AdamWConfig { LearningRate = 1e-3, WeightDecay = 0.05 };

    /// <summary>The autoencoder's loss.</summary>
    /// <param name="model">The network.</param>
    /// <param name="x">Images, [B, C, H, W] in the network's pixel range.</param>
    /// <param name="labels">Who has the attribute: 1, 0 or NaN, float32 [B].</param>
    /// <param name="at">Where in the run, and the noise.</param>
    public LossTerms Loss(Autoencoder model, Tensor x, Tensor labels, ObjectiveContext at)
    {
        var known = 1 - labels.isnan().to(float32);
        var y = labels.nan_to_num(0.5);
        var side = Margin * (2 * y - 1);                                                                    // ±m; 0 where unknown

        var posterior = Objectives.Posterior(model, x, at);
        var z = posterior.Sample(Objectives.Normal(posterior.Mean.shape, x, at));
        var towards = First(z) * (0.4 + 0.5 * rand([z.shape[0], 1], generator: at.Noise).to(z.device));     // as far as the means of the classes lie apart, which is less than 2m
        var flipped = z - 2 * side.unsqueeze(1) * towards;

        var output = Objectives.Decode(model, z, x, at);
        var reconstruction = _likelihood(model, output, x).mean();
        var kl = new DiagonalGaussian(posterior.Mean - side.unsqueeze(1) * First(z), posterior.LogVar).Kl().mean();      // KL(q ‖ N(±m e₁, I))
        var encoder = (known * 0.5 * (posterior.Mean.select(1, 0) - side).square()).mean();
        var kept = CrossEntropy(model, output, y, known, at);
        var changed = CrossEntropy(model, Objectives.Decode(model, flipped, x, at), 1 - y, known, at);
        return Objectives.Terms(
            reconstruction + Objectives.BetaAt(_config, at) * kl + EncoderWeight * encoder + JudgeWeight * (kept + changed),
            ("reconstruction", reconstruction), ("kl", kl), ("attribute", encoder), ("judged", kept), ("judged_flipped", changed));
    }

    /// <summary>The judge's loss: the cross-entropy of the labels of real images.</summary>
    /// <inheritdoc cref="Loss" path="/param"/>
    public LossTerms JudgeLoss(Autoencoder model, Tensor x, Tensor labels, ObjectiveContext at)
    {
        var loss = CrossEntropy(Pictures.ZeroToOne(x, model.Pixels), labels.nan_to_num(0.5), 1 - labels.isnan().to(float32), at);
        return Objectives.Terms(loss, ("cross_entropy", loss));
    }

    /// <inheritdoc/>
    public void Dispose() => Judge.Dispose();

    private Tensor CrossEntropy(Autoencoder model, Tensor output, Tensor y, Tensor known, ObjectiveContext at) =>
        CrossEntropy(Pictures.ZeroToOne(model.ToPixels(output), model.Pixels), y, known, at);

    private Tensor CrossEntropy(Tensor pixels, Tensor y, Tensor known, ObjectiveContext at) =>
        nn.functional.binary_cross_entropy_with_logits(Judge.call(Disturbed(pixels, at.Noise).to(at.Compute)).squeeze(1), y, weight: known);

    /// <summary>e₁ for every latent, [1, D].</summary>
    private static Tensor First(Tensor z) => arange(z.shape[1], device: z.device).eq(0).to(z.dtype).unsqueeze(0);

    private static Tensor Disturbed(Tensor x, Generator generator)
    {
        var share = rand([x.shape[0], 1, 1, 1], generator: generator).to(x.device);
        var blurred = nn.functional.avg_pool2d(x, 3, stride: 1, padding: 1, count_include_pad: false);
        var noise = BlurNoise * randn(x.shape, generator: generator).to(x.device);
        var shift = randint(-LargestShift, LargestShift + 1, [2], generator: generator).data<long>().ToArray();
        return (share * x + (1 - share) * blurred + noise).roll(shift, new long[] { 2, 3 });
    }
}

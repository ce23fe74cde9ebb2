using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Imago.Probability;

/// <summary>
/// Reconstruction terms −log p(x|z) of an autoencoder, one function for each likelihood. Every function gives nats <b>summed</b> over channels and
/// pixels, one number an image, [B]; a training loss is their mean over the batch. Constants are included, so that the numbers are likelihoods.
/// </summary>
public static class Reconstruction
{
    /// <summary>Half the width of one of 256 grey levels in [−1, 1].</summary>
    private const double HalfBin = 1.0 / 255;

    /// <summary>The smallest probability mass of a bin: Ho et al. 2020, their code.</summary>
    private const double SmallestMass = 1e-12;

    /// <summary>Cross-entropy of Bernoulli pixels whose logits the decoder gives (Kingma and Welling 2014, appendix C.1).</summary>
    /// <param name="logits">[B, C, H, W], unbounded.</param>
    /// <param name="x">[B, C, H, W] in [0, 1]. It is a likelihood where x is 0 or 1; on grey pixels it is a cross-entropy, never below <see cref="BernoulliEntropy"/>.</param>
    /// <returns>[B], nats.</returns>
    public static Tensor Bernoulli(Tensor logits, Tensor x) =>
        PerImage(binary_cross_entropy_with_logits(logits, x, reduction: nn.Reduction.None));

    /// <summary>The same from probabilities. Logarithms stop at −100, as in PyTorch; prefer <see cref="Bernoulli"/>, which does not need that.</summary>
    /// <param name="probabilities">[B, C, H, W] in [0, 1].</param>
    /// <param name="x">[B, C, H, W] in [0, 1].</param>
    /// <returns>[B], nats.</returns>
    public static Tensor BernoulliOfProbabilities(Tensor probabilities, Tensor x) =>
        PerImage(binary_cross_entropy(probabilities, x, reduction: nn.Reduction.None));

    /// <summary>
    /// The entropy of Bernoulli pixels with probabilities x: the value of <see cref="Bernoulli"/> on a perfect reconstruction. On grey pixels it is far from 0
    /// (45.5 nats for an MNIST digit), so subtract it before comparing.
    /// </summary>
    /// <param name="x">[B, C, H, W] in [0, 1]; clipped to [10⁻⁶, 1 − 10⁻⁶] as in disentanglement_lib.</param>
    /// <returns>[B], nats.</returns>
    public static Tensor BernoulliEntropy(Tensor x)
    {
        var p = x.clamp(1e-6, 1 - 1e-6);
        return PerImage(-(p * p.log() + (1 - p) * (1 - p).log()));
    }

    /// <summary>
    /// The continuous Bernoulli, a proper density on grey pixels (Loaiza-Ganem and Cunningham 2019): the cross-entropy minus the logarithm of the normaliser
    /// C = l / tanh(l/2), l the logit; near l = 0 by its series, log C = log 2 + l²/12 − 7 l⁴/1440.
    /// </summary>
    /// <param name="logits">[B, C, H, W], unbounded.</param>
    /// <param name="x">[B, C, H, W] in [0, 1].</param>
    /// <returns>[B], nats; may be negative, for it is a density.</returns>
    public static Tensor ContinuousBernoulli(Tensor logits, Tensor x)
    {
        var small = logits.abs() < 0.02;
        var l = where(small, ones_like(logits), logits);
        var series = Math.Log(2) + logits.square() / 12 - 7 * logits.pow(4) / 1440;
        var logC = where(small, series, (l / (l / 2).tanh()).log());
        return PerImage(binary_cross_entropy_with_logits(logits, x, reduction: nn.Reduction.None) - logC);
    }

    /// <summary>A Gaussian of known width: ½ log 2π + log σ + (x − mean)²/(2σ²), summed.</summary>
    /// <param name="mean">[B, C, H, W], in the range of x.</param>
    /// <param name="x">[B, C, H, W].</param>
    /// <param name="sigma">Standard deviation of a pixel, in the units of x. With 1, the loss is half the squared error plus a constant.</param>
    /// <returns>[B], nats.</returns>
    public static Tensor Gaussian(Tensor mean, Tensor x, double sigma) =>
        PerImage(0.5 * Math.Log(2 * Math.PI) + Math.Log(sigma) + 0.5 * ((x - mean) / sigma).square());

    /// <summary>A Gaussian of learned width (Rybkin, Daniilidis and Levine 2021, σ-VAE).</summary>
    /// <param name="mean">[B, C, H, W], in the range of x.</param>
    /// <param name="x">[B, C, H, W].</param>
    /// <param name="logSigma">log σ: [1], [C, 1, 1] or [B, C, H, W], whatever broadcasts over x.</param>
    /// <returns>[B], nats.</returns>
    public static Tensor Gaussian(Tensor mean, Tensor x, Tensor logSigma) =>
        PerImage(0.5 * Math.Log(2 * Math.PI) + logSigma + 0.5 * ((x - mean) * (-logSigma).exp()).square());

    /// <summary>
    /// A Gaussian whose one width is the best for this batch, σ² = mean squared error (Rybkin et al. 2021, Eq. 7): the reconstruction term weighs itself.
    /// The gradient flows through σ.
    /// </summary>
    /// <param name="mean">[B, C, H, W], in the range of x.</param>
    /// <param name="x">[B, C, H, W].</param>
    /// <param name="softClip">Passes log σ through <see cref="SoftClip"/>, as the authors' code does.</param>
    /// <returns>[B], nats.</returns>
    public static Tensor GaussianOptimal(Tensor mean, Tensor x, bool softClip = false)
    {
        var logSigma = OptimalLogSigma(mean, x);
        return Gaussian(mean, x, softClip ? SoftClip(logSigma) : logSigma);
    }

    /// <summary>log σ* = ½ log MSE over the whole batch, a scalar.</summary>
    public static Tensor OptimalLogSigma(Tensor mean, Tensor x) => 0.5 * (x - mean).square().mean().log();

    /// <summary>A lower bound that keeps a gradient: min + softplus(log σ − min) (Rybkin et al. 2021).</summary>
    /// <param name="logSigma">log σ.</param>
    /// <param name="minimum">The bound.</param>
    public static Tensor SoftClip(Tensor logSigma, double minimum = -6) => minimum + softplus(logSigma - minimum);

    /// <summary>A Laplace density of known width: log 2b + |x − mean|/b, summed.</summary>
    /// <param name="mean">[B, C, H, W], in the range of x.</param>
    /// <param name="x">[B, C, H, W].</param>
    /// <param name="b">The scale, in the units of x.</param>
    /// <returns>[B], nats.</returns>
    public static Tensor Laplace(Tensor mean, Tensor x, double b) => PerImage(Math.Log(2 * b) + (x - mean).abs() / b);

    /// <summary>A Laplace density of learned width.</summary>
    /// <param name="mean">[B, C, H, W], in the range of x.</param>
    /// <param name="x">[B, C, H, W].</param>
    /// <param name="logB">log b: whatever broadcasts over x.</param>
    /// <returns>[B], nats.</returns>
    public static Tensor Laplace(Tensor mean, Tensor x, Tensor logB) => PerImage(Math.Log(2) + logB + (x - mean).abs() * (-logB).exp());

    /// <summary>log cosh(α r)/α, r = x − mean: quadratic near 0, absolute far away (Chen et al. 2019). Not a normalised density.</summary>
    /// <param name="mean">[B, C, H, W], in the range of x.</param>
    /// <param name="x">[B, C, H, W].</param>
    /// <param name="alpha">Where it turns: at |r| ≈ 1/α.</param>
    /// <returns>[B].</returns>
    public static Tensor LogCosh(Tensor mean, Tensor x, double alpha)
    {
        var r = (alpha * (x - mean)).abs();
        return PerImage((r + softplus(-2 * r) - Math.Log(2)) / alpha);
    }

    /// <summary>Σ(x − mean)², without the ½ of a Gaussian: the loss of a plain autoencoder.</summary>
    /// <returns>[B], squared units of x.</returns>
    public static Tensor SquaredError(Tensor mean, Tensor x) => PerImage((x - mean).square());

    /// <summary>
    /// The mass that a logistic density puts on each 8-bit level (Salimans et al. 2017, Eq. 2, one component):
    /// log σ(p) + log σ(−m) + log(1 − e^(m − p)), p and m the standardised upper and lower edge of the bin, which never cancels. The first and the last
    /// bin reach to infinity.
    /// </summary>
    /// <param name="mean">[B, C, H, W] in [−1, 1].</param>
    /// <param name="logScale">log s, whatever broadcasts over x, in the units of x.</param>
    /// <param name="x">[B, C, H, W]: levels k/127.5 − 1, k = 0 … 255.</param>
    /// <returns>[B], nats: divide by the number of pixels times log 2 for bits per dimension.</returns>
    public static Tensor DiscretisedLogistic(Tensor mean, Tensor logScale, Tensor x)
    {
        var (p, m) = Edges(mean, logScale, x);
        var inside = logsigmoid(p) + logsigmoid(-m) + (-(m - p).expm1()).log();
        return PerImage(-OpenEnds(x, logsigmoid(p), inside, logsigmoid(-m)));
    }

    /// <summary>The same by the formula of the PixelCNN++ code: a difference of distribution functions, replaced by the density at the centre below 10⁻⁵. Per pixel, [B, C, H, W].</summary>
    /// <inheritdoc cref="DiscretisedLogistic"/>
    /// <returns>−log p of every pixel, [B, C, H, W], nats.</returns>
    public static Tensor DiscretisedLogisticOfPixelCnn(Tensor mean, Tensor logScale, Tensor x)
    {
        var (p, m) = Edges(mean, logScale, x);
        var mass = p.sigmoid() - m.sigmoid();
        var middle = (x - mean) * (-logScale).exp();
        var density = middle - logScale - 2 * softplus(middle) - Math.Log(127.5);
        var inside = where(mass > 1e-5, mass.clamp_min(SmallestMass).log(), density);
        return -OpenEnds(x, p - softplus(p), inside, -softplus(m));
    }

    /// <summary>The mass that a Gaussian puts on each 8-bit level, at least 10⁻¹² (Ho, Jain and Abbeel 2020, Eq. 13). The first and the last bin reach to infinity.</summary>
    /// <param name="mean">[B, C, H, W] in [−1, 1].</param>
    /// <param name="logSigma">log σ, whatever broadcasts over x, in the units of x.</param>
    /// <param name="x">[B, C, H, W]: levels k/127.5 − 1, k = 0 … 255.</param>
    /// <param name="approximate">Uses tanh for the normal distribution function, as the code of DDPM does.</param>
    /// <returns>[B], nats: divide by the number of pixels times log 2 for bits per dimension.</returns>
    public static Tensor DiscretisedGaussian(Tensor mean, Tensor logSigma, Tensor x, bool approximate = false)
    {
        Tensor Phi(Tensor t) => approximate
            ? 0.5 * (1 + (Math.Sqrt(2 / Math.PI) * (t + 0.044715 * t.pow(3))).tanh())
            : 0.5 * (1 + (t / Math.Sqrt(2)).erf());
        Tensor Log(Tensor mass) => mass.clamp_min(SmallestMass).log();
        var (p, m) = Edges(mean, logSigma, x);
        return PerImage(-OpenEnds(x, Log(Phi(p)), Log(Phi(p) - Phi(m)), Log(1 - Phi(m))));
    }

    /// <summary>Sum over all axes but the first.</summary>
    internal static Tensor PerImage(Tensor t) => t.flatten(1).sum(1);

    /// <summary>The edges of the bin of x, standardised: (x ± 1/255 − mean)/s.</summary>
    private static (Tensor Upper, Tensor Lower) Edges(Tensor mean, Tensor logScale, Tensor x)
    {
        var inverse = (-logScale).exp();
        return ((x - mean + HalfBin) * inverse, (x - mean - HalfBin) * inverse);
    }

    private static Tensor OpenEnds(Tensor x, Tensor first, Tensor inside, Tensor last) => where(x < -0.999, first, where(x > 0.999, last, inside));
}

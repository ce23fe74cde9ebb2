using Imago.Images;
using Imago.Metrics;
using Imago.Probability;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Autoencoders;

/// <summary>How an autoencoder is scored.</summary>
public sealed record LikelihoodOptions
{
    /// <summary>What is assumed of a pixel: <see cref="ObjectiveConfig.Likelihood"/> and <see cref="ObjectiveConfig.Sigma"/> count, nothing else.</summary>
    public ObjectiveConfig Objective { get; init; } = new();

    /// <summary>K, the samples of q(z|x) of each image. Published figures use 5000.</summary>
    public int Samples { get; init; } = 100;

    /// <summary>Pixels that are decoded at once; bounds the memory, and changes no result but by rounding and the order of the noise.</summary>
    public long PixelsAtOnce { get; init; } = 4_000_000;

    /// <summary>Images among which mutual information is estimated: the first so many. Its cost grows with their square.</summary>
    public int AggregateImages { get; init; } = 2000;

    /// <summary>Seed of the noise.</summary>
    public long Seed { get; init; }
}

/// <summary>What an autoencoder achieves on a set of images. Nats are per image, averaged over the set; a quantity that has no meaning for the network is null.</summary>
public sealed record LikelihoodReport
{
    /// <summary>Images scored.</summary>
    public required int Images { get; init; }

    /// <summary>K.</summary>
    public required int Samples { get; init; }

    /// <summary>E_q[−log p(x|z)]: from K samples, or at the point for a plain autoencoder. Nats.</summary>
    public required double Reconstruction { get; init; }

    /// <summary>KL(q(z|x) ‖ p(z)) in closed form, nats.</summary>
    public double? Kl { get; init; }

    /// <summary>−(<see cref="Reconstruction"/> + <see cref="Kl"/>), nats.</summary>
    public double? Elbo { get; init; }

    /// <summary>The K-sample bound of log p(x) (Burda et al. 2016, Eq. 8), nats.</summary>
    public double? LogLikelihood { get; init; }

    /// <summary>Standard error of <see cref="LogLikelihood"/> over the images, nats.</summary>
    public double? LogLikelihoodError { get; init; }

    /// <summary>
    /// −log₂ of the likelihood bound for each number of an image. For a density of continuous pixels it is measured in the units of the pixels, and may be negative;
    /// it compares with published figures for discretised likelihoods and binary pixels alone.
    /// </summary>
    public double? BitsPerDimension { get; init; }

    /// <summary>What no model can get below with a Bernoulli likelihood on these pixels (0 where they are black and white), nats; null for other likelihoods.</summary>
    public double? EntropyFloor { get; init; }

    /// <summary>Mean KL of each latent, nats, in the network's order.</summary>
    public IReadOnlyList<double>? KlPerLatent { get; init; }

    /// <summary>Latents whose mean varies over the images by more than 0.01 (Burda et al. 2016).</summary>
    public int? ActiveUnits { get; init; }

    /// <summary>E[log q(z|x) − log q(z)] among <see cref="AggregateImages"/>, nats; never above the logarithm of their number.</summary>
    public double? MutualInformation { get; init; }

    /// <summary>KL(q(z) ‖ p(z)) among <see cref="AggregateImages"/>, nats.</summary>
    public double? MarginalKl { get; init; }

    /// <summary>Images that the two figures above come from.</summary>
    public int? AggregateImages { get; init; }

    /// <summary>Mean over the images of the PSNR of the reconstruction from the posterior's mean, decibels.</summary>
    public required double Psnr { get; init; }

    /// <summary>Mean SSIM of those reconstructions; null where a side is shorter than its window of 11 pixels.</summary>
    public double? Ssim { get; init; }
}

/// <summary>Scores autoencoders: exactly over all images given, in memory that grows neither with the samples nor, but for the posteriors, with the images.</summary>
public static class LikelihoodEvaluation
{
    /// <summary>Scores a network.</summary>
    /// <param name="model">The network, in evaluation mode.</param>
    /// <param name="batches">Images, uint8 [B, C, H, W]; each batch is disposed by whoever made it.</param>
    /// <param name="options">Likelihood and samples.</param>
    /// <param name="device">Where the network lives; null for the CPU.</param>
    /// <param name="progress">Told the images done; the total is not known here and given as 0.</param>
    /// <param name="cancellationToken">Stops after the batch at hand.</param>
    /// <exception cref="ArgumentException">There is no image, an option is out of range, or network and likelihood do not fit.</exception>
    public static LikelihoodReport Evaluate(
        Autoencoder model, IEnumerable<Tensor> batches, LikelihoodOptions options, Device? device = null, IProgress<WorkProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        options.Objective.Validate();
        ArgumentOutOfRangeException.ThrowIfLessThan(options.Samples, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.PixelsAtOnce, 1);
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        using var noise = new Generator((ulong)options.Seed, device ?? CPU);
        using var totals = new Totals(model, options, noise);
        foreach (var bytes in batches)
        {
            cancellationToken.ThrowIfCancellationRequested();
            using var step = NewDisposeScope();
            totals.Add(Pictures.ToFloat(device is null ? bytes : bytes.to(device), model.Pixels), cancellationToken);
            progress?.Report(new WorkProgress(totals.Images, 0));
        }
        return totals.Images > 0 ? totals.Report() : throw new ArgumentException("There are no images to score.", nameof(batches));
    }

    /// <summary>Sums over the images so far.</summary>
    private sealed class Totals(Autoencoder model, LikelihoodOptions options, Generator noise) : IDisposable
    {
        private readonly ReconstructionTerm _likelihood = Likelihoods.Create(options.Objective);
        private readonly List<Tensor> _means = [], _logVars = [], _samples = [];
        private readonly List<double> _bounds = [];
        private double _reconstruction, _kl, _psnr, _ssim, _floor;
        private long _numbers;
        private bool _hasSsim = true;

        internal int Images { get; private set; }

        internal void Add(Tensor x, CancellationToken cancellationToken)
        {
            Images += (int)x.shape[0];
            _numbers = x.numel() / x.shape[0];
            var posterior = model.Encode(x);
            AddQuality(x, posterior);
            if (options.Objective.Likelihood == LikelihoodKind.Bernoulli) _floor += Sum(-(x.xlogy(x) + (1 - x).xlogy(1 - x)));
            if (!model.IsVariational)
            {
                _reconstruction += Sum(_likelihood(model, model.Decode(posterior.Mean), x));
                return;
            }
            _kl += Sum(posterior.Kl());
            Keep(_means, posterior.Mean);
            Keep(_logVars, posterior.LogVar);
            AddSamples(x, posterior, cancellationToken);
        }

        /// <summary>The bound of every image from K samples, some at a time.</summary>
        private void AddSamples(Tensor x, DiagonalGaussian posterior, CancellationToken cancellationToken)
        {
            using var bound = new StreamingLogMeanExp();
            var at = Math.Max(1, options.PixelsAtOnce / x.numel());
            double reconstruction = 0;
            for (long begin = 0; begin < options.Samples; begin += at)
            {
                cancellationToken.ThrowIfCancellationRequested();
                using var scope = NewDisposeScope();
                var k = Math.Min(at, options.Samples - begin);
                var z = posterior.Sample(randn([k, .. posterior.Mean.shape], dtype: x.dtype, device: x.device, generator: noise));     // [k, B, …]
                var terms = _likelihood(model, model.Decode(z.flatten(0, 1)), x.unsqueeze(0).expand([k, .. x.shape]).flatten(0, 1)).view(k, x.shape[0]);
                var toPrior = (posterior.LogDensityPerLatent(z) - DiagonalGaussian.LogPriorPerLatent(z)).flatten(2).sum(2);
                bound.Add((-terms - toPrior).t());
                reconstruction += Sum(terms);
                if (begin == 0) Keep(_samples, z[0]);
            }
            _reconstruction += reconstruction / options.Samples;
            _bounds.AddRange(bound.Result().cpu().data<double>());
        }

        private void AddQuality(Tensor x, DiagonalGaussian posterior)
        {
            var range = model.Pixels == PixelRange.MinusOneToOne ? 2 : 1;
            var low = model.Pixels == PixelRange.MinusOneToOne ? -1 : 0;
            var picture = model.ToPixels(model.Decode(posterior.Mean)).clamp(low, 1);
            _psnr += Sum(ImageQuality.Psnr(picture, x, range));
            _hasSsim = Math.Min(x.shape[2], x.shape[3]) >= 11;
            if (_hasSsim) _ssim += Sum(ImageQuality.Ssim(picture, x, range));
        }

        internal LikelihoodReport Report()
        {
            var report = new LikelihoodReport
            {
                Images = Images,
                Samples = model.IsVariational ? options.Samples : 0,
                Reconstruction = _reconstruction / Images,
                EntropyFloor = options.Objective.Likelihood == LikelihoodKind.Bernoulli ? _floor / Images : null,
                Psnr = _psnr / Images,
                Ssim = _hasSsim ? _ssim / Images : null,
            };
            return model.IsVariational ? WithPosterior(report) : report;
        }

        private LikelihoodReport WithPosterior(LikelihoodReport report)
        {
            var posterior = new DiagonalGaussian(cat(_means), cat(_logVars));
            var summary = LatentSummary.Of(posterior);
            var first = Math.Min(Images, options.AggregateImages);
            var part = new DiagonalGaussian(posterior.Mean.narrow(0, 0, first).flatten(1), posterior.LogVar.narrow(0, 0, first).flatten(1));
            var densities = first > 1 ? AggregatePosterior.OfDataset(part, cat(_samples).narrow(0, 0, first).flatten(1)) : null;
            var isBound = Likelihoods.IsNormalised(options.Objective.Likelihood);
            var mean = _bounds.Average();
            return report with
            {
                Kl = _kl / Images,
                Elbo = isBound ? -(_reconstruction + _kl) / Images : null,
                LogLikelihood = isBound ? mean : null,
                LogLikelihoodError = isBound && Images > 1 ? Math.Sqrt(_bounds.Sum(b => (b - mean) * (b - mean)) / (Images - 1) / Images) : null,
                BitsPerDimension = isBound ? -mean / (_numbers * Math.Log(2)) : null,
                KlPerLatent = summary.KlPerLatent,
                ActiveUnits = summary.ActiveUnits,
                MutualInformation = densities?.MutualInformation.item<float>(),
                MarginalKl = densities?.MarginalKl.item<float>(),
                AggregateImages = densities is null ? null : first,
            };
        }

        private static double Sum(Tensor values) => values.to(float64).sum().item<double>();

        /// <summary>Posteriors are small: D numbers an image.</summary>
        private static void Keep(List<Tensor> list, Tensor value) => list.Add(value.detach().clone().DetachFromDisposeScope());

        public void Dispose()
        {
            foreach (var tensor in _means.Concat(_logVars).Concat(_samples)) tensor.Dispose();
        }
    }
}

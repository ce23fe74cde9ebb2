using System.Text.Json;
using Imago.Autoencoders;
using Imago.Metrics;
using Imago.Models;
using Imago.Probability;
using Imago.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Golden.Sets;

/// <summary>
/// The group <c>objectives</c>: formulas on stored tensors, in float64 from the fp32 inputs. A case is known by the kind its name begins with and by its
/// configuration.
/// </summary>
internal sealed partial class VaeSet
{
    /// <summary>Where float64 agrees with the stored numbers, whatever tolerance fp32 needs: 1e-6 for tensors (stored as fp32), 1e-9 for scalars.</summary>
    private const double SharpTensor = 1e-6, SharpScalar = 1e-9;

    private static void RunObjectives(GoldenCase golden, Checks check)
    {
        var kind = golden.Name.Split('/')[^1];
        if (kind.StartsWith("annealing", StringComparison.Ordinal)) CheckAnnealing(golden, check);
        else new ObjectiveCase(golden, check).Run(kind);
    }

    private static void CheckAnnealing(GoldenCase golden, Checks check)
    {
        var tolerance = golden.Entry.GetProperty("tolerance").GetDouble();
        foreach (var (name, curve) in golden.Json(golden.Entry.GetProperty("config").GetString()!).EnumerateObject().Select(entry => (entry.Name, entry.Value)))
        {
            double Get(string key) => curve.GetProperty(key).GetDouble();
            var want = curve.GetProperty("values").EnumerateArray().Select(value => value.GetDouble()).ToArray();
            double[] Times(string key) => [.. curve.GetProperty(key).EnumerateArray().Select(value => value.GetDouble())];
            var got = name switch
            {
                "linear" => [.. Times("t").Select(t => Annealing.Linear(t, Get("steps"), Get("init"), Get("final")))],
                "capacity_disentanglement_lib" => [.. Times("t").Select(t => Annealing.Linear(t, Get("iteration_threshold"), to: Get("c_max")))],
                "capacity_pythae" => [.. Times("epoch").Select(epoch => Annealing.Linear(epoch, Get("warmup_epoch") + 1, to: Get("C")))],
                "cyclical_closed_form" => [.. want.Select((_, t) => Annealing.Cyclical(t, Get("T"), (int)Get("M"), Get("R")))],
                _ when name.StartsWith("cyclical_fu_", StringComparison.Ordinal) =>
                    Annealing.CyclicalOfPublishedCode((int)Get("T"), (int)Get("M"), Get("R"), Enum.Parse<RampShape>(name.Split('_')[2], ignoreCase: true)),
                _ => throw new NotImplementedHereException($"the schedule {name}"),
            };
            check.Tensor(name, tensor(got, dtype: float64), tensor(want, dtype: float64), tolerance);
        }
    }

    private sealed class ObjectiveCase(GoldenCase golden, Checks check)
    {
        private readonly Dictionary<string, Tensor> _inputs = ReadInputs(golden);
        private readonly Dictionary<string, Tensor> _stored = ReadOutputs(golden);
        private readonly JsonElement _config = golden.Json(golden.Entry.GetProperty("config").GetString()!).GetProperty("config");
        private readonly JsonElement _scalars = golden.Json(golden.Entry.GetProperty("scalars").GetString()!);

        private Tensor this[string name] => _inputs[name];

        private DiagonalGaussian Posterior => new(this["mu"], this["logvar"]);

        internal void Run(string kind)
        {
            var family = Families.FirstOrDefault(entry => kind.StartsWith(entry.Prefix, StringComparison.Ordinal));
            if (family.Check is null) throw new NotImplementedHereException($"the objective {kind}");
            family.Check(this);
        }

        private static readonly (string Prefix, Action<ObjectiveCase> Check)[] Families =
        [
            ("kl-standard", c => c.KlStandard()), ("kl-pair", c => c.KlPair()), ("log-density", c => c.LogDensity()), ("reparameterise", c => c.Reparameterise()),
            ("bernoulli-probabilities", c => c.Likelihood(Reconstruction.BernoulliOfProbabilities(c.Decoder("prob"), c.Pixels))),
            ("bernoulli-entropy-floor", c => c.EntropyFloor()),
            ("bernoulli-logits", c => c.Likelihood(Reconstruction.Bernoulli(c["out"], c.Pixels))),
            ("continuous-bernoulli", c => c.Likelihood(Reconstruction.ContinuousBernoulli(c["out"], c.Pixels))),
            ("gaussian", c => c.Gaussian()), ("laplace", c => c.Laplace()), ("discretised", c => c.Discretised()),
            ("squared-error", c => c.SquaredError()), ("log-cosh", c => c.LogCosh()),
            ("elbo", c => c.Elbo()), ("beta-vae", c => c.Elbo()), ("capacity", c => c.Capacity()), ("beta-tc-disentanglement-lib", c => c.BetaTcAnalytic()),
            ("beta-tc", c => c.BetaTc()), ("factor-vae-autoencoder", c => c.FactorAutoencoder()), ("factor-vae-discriminator", c => c.FactorDiscriminator()),
            ("dip-vae", c => c.Dip()), ("wae-mmd", c => c.WaeMmd()), ("info-vae", c => c.InfoVae()), ("rae-l2", c => c.Rae()), ("free-bits", c => c.FreeBits()),
            ("iwae", c => c.Iwae()), ("miwae", c => c.Miwae()), ("ciwae", c => c.Ciwae()), ("piwae", c => c.Piwae()),
            ("vamp-prior", c => c.Vamp()), ("mixture-prior", c => c.Mixture()), ("vq-ema", c => c.VqEma()), ("vq", c => c.Vq()),
            ("moments-image", c => c.Moments()), ("aggregate-posterior", c => c.Aggregate()), ("nll", c => c.Nll()),
        ];

        // ---- closed forms ----

        private void KlStandard() => Compare(
            Posterior.Kl().mean(),
            ("per_image", Posterior.Kl()), ("per_latent", Posterior.KlPerLatent()), ("mean_per_latent", Posterior.KlPerLatent().mean([0])));

        private void KlPair()
        {
            var other = new DiagonalGaussian(this["mu2"], this["logvar2"]);
            Compare(Posterior.Kl(other).mean(),
                ("per_image", Posterior.Kl(other)), ("per_latent", Posterior.KlPerLatent(other)), ("reverse_per_image", other.Kl(Posterior)));
        }

        private void LogDensity() => Compare(
            -Posterior.LogDensity(this["z"]).mean(),
            ("log_prob", Like("log_prob", Posterior.LogDensityPerLatent(this["z"]), Posterior.LogDensity(this["z"]))),
            ("log_prob_standard", Like("log_prob_standard", new DiagonalGaussian(zeros_like(this["z"]), zeros_like(this["z"])).LogDensityPerLatent(this["z"]), DiagonalGaussian.LogPrior(this["z"]))),
            ("entropy", Like("entropy", Posterior.EntropyPerLatent(), Posterior.Entropy())),
            ("entropy_per_image", Posterior.Entropy()));

        private void Reparameterise()
        {
            var z = Posterior.Sample(this["eps"]);
            Compare(z.square().sum(1).mean(), ("z", z), ("std", Posterior.StandardDeviation), ("var", Posterior.LogVar.exp()));
        }

        // ---- reconstruction ----

        /// <summary>The pixels of the case, among its inputs.</summary>
        private Tensor Pixels => Find("x_binary") ?? Find("x01") ?? this["x11"];

        private Tensor Decoder(string prefix) => _inputs.First(input => input.Key.StartsWith(prefix, StringComparison.Ordinal)).Value;

        private void Likelihood(Tensor perImage, params (string Name, Tensor Value)[] more) => Compare(perImage.mean(), [("per_image", perImage), .. more]);

        private void EntropyFloor()
        {
            var floor = Reconstruction.BernoulliEntropy(Pixels);
            var reconstruction = Find("out") is { } logits ? Reconstruction.Bernoulli(logits, Pixels).mean() : null;
            check.Tensor("floor_per_image", floor, _stored["floor_per_image"], SharpTensor);
            var loss = _scalars.GetProperty("loss").Number();
            var candidates = new[] { floor.mean().item<double>(), reconstruction is null ? double.NaN : (reconstruction - floor.mean()).item<double>() };
            check.Scalar("loss", candidates.MinBy(value => Math.Abs(value - loss)), loss, SharpScalar);
        }

        private void Gaussian()
        {
            var (mean, x) = (Decoder("mean"), Pixels);
            if (_config.TryGetProperty("sigma", out var sigma)) Likelihood(Reconstruction.Gaussian(mean, x, sigma.GetDouble()));
            else if (_config.TryGetProperty("softclip", out var clip))
            {
                var logSigma = Reconstruction.OptimalLogSigma(mean, x);
                CheckScalar("log_sigma", clip.GetBoolean() ? Reconstruction.SoftClip(logSigma) : logSigma);
                Likelihood(Reconstruction.GaussianOptimal(mean, x, clip.GetBoolean()));
            }
            else if (_config.TryGetProperty("minimum", out var minimum))
            {
                var clipped = Reconstruction.SoftClip(LogScale(x), minimum.GetDouble());
                Likelihood(Reconstruction.Gaussian(mean, x, clipped), ("softclipped", clipped));
            }
            else Likelihood(Reconstruction.Gaussian(mean, x, LogScale(x)));
        }

        private void Laplace()
        {
            if (_config.TryGetProperty("b", out var b)) Likelihood(Reconstruction.Laplace(Decoder("mean"), Pixels, b.GetDouble()));
            else Likelihood(Reconstruction.Laplace(Decoder("mean"), Pixels, LogScale(Pixels)));
        }

        private void Discretised()
        {
            var (mean, scale, x) = (Decoder("mean"), LogScale(Pixels), Pixels);
            var method = _config.TryGetProperty("method", out var name) ? name.GetString() : null;
            if (golden.Name.Contains("gaussian", StringComparison.Ordinal))
            {
                if (_config.TryGetProperty("log_sigma", out var shift)) scale = scale + ShiftOf(shift.GetString()!);
                Likelihood(Reconstruction.DiscretisedGaussian(mean, scale, x, approximate: method == "tanh"));
            }
            else if (method == "pixelcnn") Likelihood(Reconstruction.PerImage(Reconstruction.DiscretisedLogisticOfPixelCnn(mean, scale, x)));
            else
            {
                var perPixel = Reconstruction.DiscretisedLogisticOfPixelCnn(mean, scale, x);
                Likelihood(Reconstruction.DiscretisedLogistic(mean, scale, x), ("per_pixel_pixelcnn", perPixel));
            }
        }

        private void SquaredError()
        {
            var (mean, x) = (Decoder("mean"), Pixels);
            var error = Reconstruction.SquaredError(mean, x);
            var pixels = x.numel() / x.shape[0];
            CheckScalar("pythae_vae", 0.5 * error.mean());
            CheckScalar("pythae_ae", error.mean());
            CheckScalar("disentangling_vae_gaussian", 0.5 * error.mean() / LossConventions.DisentanglingVaeGaussianBeta(1));
            CheckScalar("disentangling_vae_laplace", 3 * (x - mean).abs().flatten(1).sum(1).mean());
            CheckScalar("antixk_mse", error.mean() / pixels);
            CheckScalar("psnr_of_the_batch", ImageQuality.PsnrOfError((mean - x).square().mean()));
            Compare(0.5 * error.mean(), ("squared_error_per_image", error), ("mean_over_pixels_per_image", error / pixels), ("psnr_per_image", ImageQuality.Psnr(mean, x)));
        }

        private void LogCosh()
        {
            var perImage = Reconstruction.LogCosh(Decoder("mean"), Pixels, _config.GetProperty("alpha").GetDouble());
            CheckScalar("pytorch_vae_mean", perImage.mean() * Pixels.shape[0] / Pixels.numel());
            Likelihood(perImage);
        }

        /// <summary>The case's log σ or log b, with axes that broadcast over the pixels.</summary>
        private Tensor LogScale(Tensor x)
        {
            var scale = Decoder("log_s");
            return scale.dim() == 1 && scale.shape[0] == x.shape[1] ? scale.view(-1, 1, 1) : scale;
        }

        /// <summary>The constant of an expression such as "log_sigma_pixel - 0.5".</summary>
        private static double ShiftOf(string expression) => expression.Split(' ') is [_, var sign, var number]
            ? (sign == "-" ? -1 : 1) * double.Parse(number, System.Globalization.CultureInfo.InvariantCulture)
            : 0;

        // ---- objectives ----

        private Tensor Cross => Reconstruction.Bernoulli(this["out"], Pixels);

        private void Elbo()
        {
            var beta = _config.GetProperty("beta").GetDouble();
            var (reconstruction, kl) = (Cross, Posterior.Kl());
            var pixels = Pixels.numel() / Pixels.shape[0];
            CheckScalar("reconstruction", reconstruction.mean());
            CheckScalar("kl", kl.mean());
            CheckScalar("bits_per_dimension", (reconstruction + kl).mean() / (pixels * Math.Log(2)));
            check.Scalar("beta_normalised", LossConventions.NormalisedBeta(beta, (int)Posterior.Mean.shape[1], (int)pixels), _scalars.GetProperty("beta_normalised").GetDouble(), SharpScalar);
            Compare(reconstruction.mean() + beta * kl.mean(), ("elbo_per_image", -(reconstruction + kl)));
        }

        private void Capacity()
        {
            var gap = Regularisers.Capacity(Posterior, _config.GetProperty("C").GetDouble(), perImage: _config.GetProperty("absolute").GetString() == "per-image");
            CheckScalar("gap", gap);
            Compare(Cross.mean() + _config.GetProperty("gamma").GetDouble() * gap);
        }

        private static TotalCorrelationEstimator Estimator(string name) => name switch
        {
            "mss-paper" => TotalCorrelationEstimator.Stratified,
            "mss-code" => TotalCorrelationEstimator.StratifiedPublishedCode,
            "mss-weight-per-dimension" => TotalCorrelationEstimator.StratifiedPerLatent,
            "mws" => TotalCorrelationEstimator.Weighted,
            "mws-no-constant" => TotalCorrelationEstimator.WeightedNoConstant,
            _ => throw new NotImplementedHereException($"the estimator {name}"),
        };

        private void BetaTc()
        {
            var densities = AggregatePosterior.OfBatch(Posterior, this["z"], _config.GetProperty("dataset_size").GetInt64(), Estimator(_config.GetProperty("estimator").GetString()!));
            CheckScalar("mutual_information", densities.MutualInformation);
            CheckScalar("total_correlation", densities.TotalCorrelation);
            CheckScalar("dimension_wise_kl", densities.DimensionWiseKl);
            double Weight(string name) => _config.GetProperty(name).GetDouble();
            var loss = Cross.mean() + Weight("alpha") * densities.MutualInformation + Weight("beta") * densities.TotalCorrelation + Weight("gamma") * densities.DimensionWiseKl;
            Compare(loss, ("log_q_z_given_x", densities.LogPosterior), ("log_q_z", densities.LogAggregate), ("log_prod_q_z", densities.LogMarginals), ("log_p_z", densities.LogPrior));
        }

        private void BetaTcAnalytic()
        {
            var densities = AggregatePosterior.OfBatch(Posterior, this["z"], 1, TotalCorrelationEstimator.WeightedNoConstant);
            var kl = Posterior.Kl().mean();
            CheckScalar("total_correlation", densities.TotalCorrelation);
            CheckScalar("kl", kl);
            Compare(Cross.mean() + (_config.GetProperty("beta").GetDouble() - 1) * densities.TotalCorrelation + kl);
        }

        private LatentDiscriminator Discriminator()
        {
            var module = new LatentDiscriminator((int)Decoder("z").shape[1], _config.GetProperty("hidden").GetInt32());
            module.to(float64);
            using var noGrad = no_grad();
            foreach (var (name, parameter) in module.named_parameters()) parameter.copy_(this[$"disc.{name}"]);
            return module;
        }

        private void FactorAutoencoder()
        {
            var logits = Discriminator().call(this["z"]);
            var totalCorrelation = Regularisers.TotalCorrelationOfLogits(logits);
            CheckScalar("total_correlation", totalCorrelation);
            Compare(Cross.mean() + Posterior.Kl().mean() + _config.GetProperty("gamma").GetDouble() * totalCorrelation, ("logits", logits));
        }

        private void FactorDiscriminator()
        {
            var discriminator = Discriminator();
            var permuted = Regularisers.PermuteLatents(this["z_other"].detach(), this["permutation"]);
            var logits = discriminator.call(permuted);
            foreach (var (name, parameter) in discriminator.named_parameters()) _inputs[$"disc.{name}"] = parameter;
            Compare(Regularisers.DiscriminatorLoss(discriminator.call(this["z"].detach()), logits), ("z_permuted", permuted), ("logits_permuted", logits));
        }

        private void Dip()
        {
            var covariance = Regularisers.LatentCovariance(Posterior, ofSamples: _config.GetProperty("type").GetString() == "II");
            var regulariser = Regularisers.DisentangledPrior(covariance, _config.GetProperty("lambda_od").GetDouble(), _config.GetProperty("lambda_d").GetDouble());
            CheckScalar("regulariser", regulariser);
            Compare(Cross.mean() + Posterior.Kl().mean() + regulariser, ("covariance", covariance));
        }

        private (MmdKernel Kernel, double Bandwidth, double[]? Scales) Kernel => (
            _config.GetProperty("kernel").GetString() == "rbf" ? MmdKernel.Gaussian : MmdKernel.InverseMultiquadratic,
            _config.GetProperty("bandwidth").GetDouble(),
            _config.TryGetProperty("scales", out var scales) ? [.. scales.EnumerateArray().Select(s => s.GetDouble())] : null);

        private Tensor Mmd()
        {
            var (kernel, bandwidth, scales) = Kernel;
            var mmd = MaximumMeanDiscrepancy.Estimate(kernel, this["z"], this["z_prior"], bandwidth, scales);
            CheckScalar("mmd", mmd);
            return mmd;
        }

        private void WaeMmd()
        {
            var (kernel, bandwidth, scales) = Kernel;
            Compare(Reconstruction.SquaredError(Decoder("mean"), Pixels).mean() + _config.GetProperty("weight").GetDouble() * Mmd(),
                ("kernel_zz", MaximumMeanDiscrepancy.Kernel(kernel, this["z"], this["z"], bandwidth, scales)),
                ("kernel_cross", MaximumMeanDiscrepancy.Kernel(kernel, this["z"], this["z_prior"], bandwidth, scales)));
        }

        private void InfoVae()
        {
            var (alpha, lambda) = (_config.GetProperty("alpha").GetDouble(), _config.GetProperty("lambda").GetDouble());
            Compare(0.5 * Reconstruction.SquaredError(Decoder("mean"), Pixels).mean() + (1 - alpha) * Posterior.Kl().mean() + (alpha + lambda - 1) * Mmd());
        }

        private void Rae()
        {
            var (reconstruction, embedding) = (Reconstruction.SquaredError(Decoder("mean"), Pixels).mean(), Regularisers.Embedding(this["z"]));
            CheckScalar("reconstruction", reconstruction);
            CheckScalar("embedding", embedding);
            Compare(reconstruction + _config.GetProperty("embedding_weight").GetDouble() * embedding);
        }

        private void FreeBits()
        {
            var form = _config.GetProperty("form").GetString() switch
            {
                "batch-mean-per-latent" => FreeBitsForm.BatchMeanPerLatent,
                "per-image-per-latent" => FreeBitsForm.PerImagePerLatent,
                "per-image" => FreeBitsForm.PerImage,
                var other => throw new NotImplementedHereException($"free bits of the form {other}"),
            };
            var regulariser = Regularisers.FreeBits(Posterior, _config.GetProperty("lambda").GetDouble(), form);
            CheckScalar("regulariser", regulariser);
            Compare(Cross.mean() + regulariser);
        }

        // ---- importance weights ----

        /// <summary>log w and its parts, [B, …samples], for eps of [B, …samples, D]; the parameters of q may be given apart.</summary>
        private (Tensor LogLikelihood, Tensor LogPrior, Tensor LogPosterior, Tensor Weights) LogWeights(Tensor eps, DiagonalGaussian? density = null)
        {
            DiagonalGaussian Wide(DiagonalGaussian q)
            {
                var shape = new[] { eps.shape[0] }.Concat(Enumerable.Repeat(1L, (int)eps.dim() - 2)).Append(eps.shape[^1]).ToArray();
                return new DiagonalGaussian(q.Mean.view(shape), q.LogVar.view(shape));
            }
            var z = Wide(Posterior).Sample(eps);
            var logits = z.matmul(this["A"].t()) + this["c"];
            var x = this["x_flat"].view([eps.shape[0], .. Enumerable.Repeat(1L, (int)eps.dim() - 2), this["x_flat"].shape[1]]).expand_as(logits);
            var logLikelihood = -nn.functional.binary_cross_entropy_with_logits(logits, x, reduction: nn.Reduction.None).sum(-1);
            var logPrior = new DiagonalGaussian(zeros_like(z), zeros_like(z)).LogDensityPerLatent(z).sum(-1);
            var logPosterior = Wide(density ?? Posterior).LogDensityPerLatent(z).sum(-1);
            return (logLikelihood, logPrior, logPosterior, logLikelihood + logPrior - logPosterior);
        }

        private void Iwae()
        {
            var (likelihood, prior, posterior, weights) = LogWeights(this["eps_k"]);
            var normalised = ImportanceBounds.NormalisedWeights(weights);
            CheckScalar("pythae_loss", -(normalised * weights).sum(-1).mean());
            CheckScalar("elbo_of_the_same_samples", ImportanceBounds.Elbo(weights).mean());
            var fixedDensity = new DiagonalGaussian(this["mu"].detach(), this["logvar"].detach());
            var surrogate = -ImportanceBounds.DoublyReparameterised(LogWeights(this["eps_k"], fixedDensity).Weights).mean();
            var dreg = autograd.grad([surrogate], [this["mu"], this["logvar"]], retain_graph: true);
            var bound = ImportanceBounds.Iwae(weights);
            Compare(-bound.mean(),
                ("log_p_x_given_z", likelihood), ("log_p_z", prior), ("log_q_z_given_x", posterior), ("log_w", weights), ("weights", normalised), ("bound_per_image", bound),
                ("effective_sample_size", ImportanceBounds.EffectiveSampleSize(weights)), ("dreg.mu", dreg[0]), ("dreg.logvar", dreg[1]));
        }

        private void Miwae()
        {
            var weights = LogWeights(this["eps_mk"]).Weights;
            var bound = ImportanceBounds.Miwae(weights);
            Compare(-bound.mean(), ("log_w", weights), ("bound_per_image", bound), ("bound_with_axes_swapped_per_image", ImportanceBounds.Miwae(weights.transpose(1, 2))));
        }

        private void Ciwae() => Compare(-ImportanceBounds.Ciwae(LogWeights(this["eps_k"]).Weights, _config.GetProperty("beta").GetDouble()).mean());

        private void Piwae()
        {
            var weights = LogWeights(this["eps_mk"]).Weights;
            var encoder = -ImportanceBounds.Miwae(weights).mean();
            var decoder = -ImportanceBounds.Iwae(weights.flatten(1)).mean();
            CheckScalar("encoder_loss", encoder);
            CheckScalar("decoder_loss", decoder);
            foreach (var (loss, prefix) in new[] { (encoder, "encoder_grad."), (decoder, "decoder_grad.") }) CheckGradients(loss, prefix);
            Compare(encoder + decoder);
        }

        private void Nll()
        {
            var samples = _config.GetProperty("K").GetInt64();
            using var noGrad = no_grad();
            using var whole = new StreamingLogMeanExp();
            using var firstOnes = new StreamingLogMeanExp();
            var weights = LogWeights(this["eps"]).Weights;
            for (long begin = 0; begin < samples; begin += 123) whole.Add(weights.narrow(1, begin, Math.Min(123, samples - begin)));
            firstOnes.Add(weights.narrow(1, 0, Math.Min(64, samples)));
            var bound = whole.Result();
            CheckList("log_likelihood_per_image", bound);
            CheckList("bound_of_the_first_64_samples", firstOnes.Result());
            CheckList("elbo_of_the_same_samples", ImportanceBounds.Elbo(weights));
            CheckScalar("nll", -bound.mean());
            if (samples % 500 == 0) CheckList("wrong_mean_of_chunks_of_500", ImportanceBounds.Miwae(weights.view(weights.shape[0], -1, 500)));
        }

        // ---- priors, quantisation, data sets ----

        private DiagonalGaussian Components => new(this["pseudo_mu"], this["pseudo_logvar"]);

        private void Vamp()
        {
            var prior = new MixturePrior(Components);
            var estimate = Posterior.LogDensity(this["z"]) - prior.LogDensity(this["z"]);
            Compare(estimate.mean(), ("log_p_z", prior.LogDensity(this["z"])), ("kl_estimate_per_image", estimate), ("responsibilities", prior.Responsibilities(this["z"])));
        }

        private void Mixture()
        {
            var logDensity = new MixturePrior(Components, this["mixture_logits"]).LogDensity(this["z"]);
            Compare(-logDensity.mean(), ("log_p_z", logDensity));
        }

        private void Vq()
        {
            var z = VectorQuantization.ToVectors(this["z_e"]);
            var nearest = VectorQuantization.Nearest(z, this["codebook"]);
            var (commitment, codebook) = (VectorQuantization.Commitment(z, nearest.Codes), VectorQuantization.CodebookLoss(z, nearest.Codes));
            var beta = _config.GetProperty("beta").GetDouble();
            CheckScalar("commitment", commitment);
            CheckScalar("codebook_loss", codebook);
            CheckScalar("taming_legacy_loss", commitment + beta * codebook);
            CheckScalar("perplexity", VectorQuantization.Perplexity(nearest.Indices, this["codebook"].shape[0]));
            check.Exact("indices", nearest.Indices.view(_stored["indices"].shape), _stored["indices"]);
            var loss = codebook + beta * commitment;
            var straight = VectorQuantization.ToMap(VectorQuantization.StraightThrough(z, nearest.Codes), this["z_e"]);
            CheckGradients(loss + (this["vq_upstream"].detach() * straight).sum(), "grad_with_straight_through.");
            Compare(loss, ("distances", nearest.Distances), ("quantised", VectorQuantization.ToMap(nearest.Codes, this["z_e"])));
        }

        private void VqEma()
        {
            var z = VectorQuantization.ToVectors(this["z_e"]);
            var (decay, epsilon) = (_config.GetProperty("decay").GetDouble(), _config.GetProperty("epsilon").GetDouble());
            var nearest = VectorQuantization.Nearest(z, this["codebook"]);
            var after = VectorQuantization.Average(new CodebookAverages(this["ema_cluster_size"], this["ema_sum"], this["codebook"]), z, nearest.Indices, decay, epsilon);
            CompareTensors(("counts", VectorQuantization.Counts(nearest.Indices, this["codebook"].shape[0], float64)), ("cluster_size", after.ClusterSize), ("sum", after.Sum),
                ("cluster_size_smoothed", VectorQuantization.SmoothedSize(after.ClusterSize, epsilon)), ("codebook", after.Codebook));
        }

        private void Moments()
        {
            var (first, second, extreme) = (KlAutoencoder.Posterior(this["moments"]), KlAutoencoder.Posterior(this["moments2"]), KlAutoencoder.Posterior(this["moments_extreme"]));
            Compare(first.Kl().mean(),
                ("kl_per_image", first.Kl()), ("kl_to_second_per_image", first.Kl(second)), ("nll_per_image", -first.LogDensity(this["moments_sample"])), ("mode", first.Mean),
                ("std", first.StandardDeviation), ("var", first.LogVar.exp()), ("extreme_logvar", extreme.LogVar), ("extreme_std", extreme.StandardDeviation));
        }

        private void Aggregate()
        {
            var posterior = new DiagonalGaussian(this["data_mu"], this["data_logvar"]);
            var threshold = _config.GetProperty("threshold").GetDouble();
            var summary = LatentSummary.Of(posterior, threshold);
            var densities = AggregatePosterior.OfDataset(posterior, this["data_z"]);
            CheckScalar("mean_kl", posterior.Kl().mean());
            check.Scalar("active_units", summary.ActiveUnits, _scalars.GetProperty("active_units").GetDouble(), 0);
            check.Scalar("kl_over_threshold", summary.KlPerLatent.Count(kl => kl > threshold), _scalars.GetProperty("kl_over_threshold").GetDouble(), 0);
            CheckScalar("mutual_information", densities.MutualInformation);
            CheckScalar("marginal_kl", densities.MarginalKl);
            CheckScalar("total_correlation", densities.TotalCorrelation);
            CheckScalar("dimension_wise_kl", densities.DimensionWiseKl);
            CompareTensors(("mean_kl_per_latent", tensor([.. summary.KlPerLatent], dtype: float64)), ("variance_of_means", tensor([.. summary.VarianceOfMeans], dtype: float64)), ("log_q_z", densities.LogAggregate));
        }

        // ---- comparison ----

        private Tensor? Find(string name) => _inputs.GetValueOrDefault(name);

        /// <summary>Whichever has the stored shape: some tensors are stored per latent, some per image.</summary>
        private Tensor Like(string name, Tensor perLatent, Tensor perImage) => _stored.TryGetValue(name, out var want) && want.dim() == 1 ? perImage : perLatent;

        private void Compare(Tensor loss, params (string Name, Tensor Value)[] outputs)
        {
            CompareTensors(outputs);
            CheckScalar("loss", loss);
            CheckGradients(loss, "grad.");
            foreach (var name in _stored.Keys.Where(name => !name.Contains("grad", StringComparison.Ordinal) && name != "indices" && outputs.All(output => output.Name != name)))
                check.True(name, false, "is stored and was not compared");
        }

        private void CompareTensors(params (string Name, Tensor Value)[] outputs)
        {
            foreach (var (name, value) in outputs)
                if (_stored.TryGetValue(name, out var want)) check.Tensor(name, value, want, SharpTensor);
        }

        private void CheckGradients(Tensor loss, string prefix)
        {
            var names = _stored.Keys.Where(name => name.StartsWith(prefix, StringComparison.Ordinal)).ToList();
            if (names.Count == 0) return;
            var gradients = autograd.grad([loss], [.. names.Select(name => this[name[prefix.Length..]])], retain_graph: true);
            foreach (var (name, gradient) in names.Zip(gradients)) check.Tensor(name, gradient, _stored[name], SharpTensor);
        }

        private void CheckScalar(string name, Tensor value)
        {
            if (_scalars.TryGetProperty(name, out var want)) check.Scalar(name, value.item<double>(), want.Number(), SharpScalar);
        }

        private void CheckList(string name, Tensor values)
        {
            if (_scalars.TryGetProperty(name, out var want))
                check.Tensor(name, values, tensor(want.EnumerateArray().Select(value => value.Number()).ToArray(), dtype: float64), SharpScalar);
        }
    }

    /// <summary>The case's input tensors: numbers in float64 that carry gradients, indices as they are.</summary>
    private static Dictionary<string, Tensor> ReadInputs(GoldenCase golden)
    {
        var inputs = new Dictionary<string, Tensor>();
        foreach (var (name, value) in ReadTensors(golden, "inputs"))
            inputs[name] = value.is_floating_point() ? value.to(float64).requires_grad_() : value;
        return inputs;
    }

    private static Dictionary<string, Tensor> ReadOutputs(GoldenCase golden) => ReadTensors(golden, "outputs").ToDictionary(entry => entry.Name, entry => entry.Value);

    /// <summary>The tensors that a case lists; those of several files together.</summary>
    private static IEnumerable<(string Name, Tensor Value)> ReadTensors(GoldenCase golden, string list)
    {
        foreach (var source in golden.Entry.GetProperty(list).EnumerateArray())
        {
            if (!source.TryGetProperty("file", out var path)) continue;
            using TensorFile file = golden.Open(path.GetString()!);
            foreach (var name in source.GetProperty("tensors").EnumerateArray().Select(entry => entry.GetString()!)) yield return (name, file.Read(name));
        }
    }
}

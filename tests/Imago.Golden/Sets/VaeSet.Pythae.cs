using System.Text.Json;
using Imago.Autoencoders;
using Imago.Layers;
using Imago.Models;
using Imago.Probability;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Golden.Sets;

/// <summary>
/// The group <c>pythae</c>: the losses and gradients of pythae's model classes, quirks included, from Imago's networks and terms, in float64. A case is known by
/// its class and configuration.
/// </summary>
internal sealed partial class VaeSet
{
    /// <summary>pythae holds log 2π and sampling weights in fp32 even when it runs in float64, which moves its numbers by up to 3e-7.</summary>
    private const double PythaeScalar = 1e-6;

    private static void RunPythae(GoldenCase golden, Checks check)
    {
        var entry = golden.Json(golden.Entry.GetProperty("config").GetString()!);
        var kind = entry.GetProperty("class").GetString()!["pythae.models.".Length..];
        if (kind == "VQVAE") new PythaeQuantised(golden, check, entry).Run();
        else new PythaeCase(golden, check, entry).Run(kind);
    }

    private sealed class PythaeCase
    {
        private readonly GoldenCase _golden;
        private readonly Checks _check;
        private readonly JsonElement _config;
        private readonly JsonElement _entry;
        private readonly Dictionary<string, Tensor> _inputs;
        private readonly Dictionary<string, Tensor> _outputs;
        private readonly Autoencoder _model;
        private readonly LatentDiscriminator? _discriminator;
        private readonly Dictionary<string, Tensor> _parameters;

        internal PythaeCase(GoldenCase golden, Checks check, JsonElement entry)
        {
            (_golden, _check, _entry, _config) = (golden, check, entry, entry.GetProperty("config"));
            _inputs = ReadInputs(golden);
            _outputs = ReadOutputs(golden);
            var (hidden, latent) = (_inputs["encoder.lin1.weight"].shape[0], _inputs["encoder.mu.weight"].shape[0]);
            var shape = X.shape;
            _model = new MlpConfig
            {
                Channels = (int)shape[1], Height = (int)shape[2], Width = (int)shape[3], Hidden = [(int)hidden], Latent = (int)latent,
                Variational = _inputs.ContainsKey("encoder.logvar.weight"),
            }.Create();
            _parameters = Fill(_model, "");
            if (_inputs.TryGetValue("discriminator.layers.0.weight", out var first))
            {
                _discriminator = new LatentDiscriminator((int)latent, (int)first.shape[0]);
                foreach (var (name, parameter) in Fill(_discriminator, "discriminator.")) _parameters[name] = parameter;
            }
            foreach (var name in _inputs.Keys.Where(name => name.StartsWith("pseudo_inputs", StringComparison.Ordinal))) _parameters[name] = _inputs[name];
        }

        private Tensor X => _inputs["x"];

        internal void Run(string kind)
        {
            Action run = kind switch
            {
                "AE" => Plain, "RAE_L2" => Plain, "RAE_GP" => Plain, "WAE_MMD" => Plain,
                "VAE" => Variational, "BetaVAE" => Variational, "BetaTCVAE" => Variational, "DisentangledBetaVAE" => Variational, "INFOVAE_MMD" => Variational, "VAMP" => Variational,
                "FactorVAE" => Factor, "IWAE" => Iwae, "CIWAE" => Iwae, "MIWAE" => Iwae, "PIWAE" => Piwae,
                "VAE.get_nll" => Likelihood, "VAMP.get_nll" => Likelihood,
                _ => throw new NotImplementedHereException($"pythae's {kind}"),
            };
            run();
        }

        private bool Has(string key) => _config.TryGetProperty(key, out _);

        private double Number(string key) => _config.GetProperty(key).Number();

        private double Call(string key) => _entry.GetProperty("call").GetProperty(key).Number();

        private bool IsCrossEntropy => _config.GetProperty("reconstruction_loss").GetString() == "bce";

        /// <summary>pythae's "bce", or "mse": half the squared error.</summary>
        private Tensor Reconstruct(Tensor output, Tensor x) => IsCrossEntropy ? Reconstruction.Bernoulli(output, x) : 0.5 * Reconstruction.SquaredError(_model.ToPixels(output), x);

        private void Plain()
        {
            var x = X.detach().clone().requires_grad_();
            var z = _model.Encode(x).Mean;
            var pixels = _model.ToPixels(_model.Decode(z));
            var reconstruction = Reconstruction.SquaredError(pixels, x.detach()).mean();
            var loss = reconstruction * (Has("reconstruction_loss_scale") ? Number("reconstruction_loss_scale") : 1);
            CheckScalar("recon_loss", reconstruction);
            if (Has("embedding_weight"))
            {
                var embedding = Regularisers.Embedding(z);
                CheckScalar("embedding_loss", embedding);
                loss = loss + Number("embedding_weight") * embedding;
            }
            if (Has("kernel_choice")) loss = loss + Number("reg_weight") * Mmd(z);
            else if (_entry.GetProperty("scalars").TryGetProperty("gen_reg_loss", out _))
            {
                var penalty = Regularisers.GradientPenalty(pixels, x);
                CheckScalar("gen_reg_loss", penalty);
                loss = loss + Number("reg_weight") * penalty;
            }
            Finish(loss, ("z", z), ("recon_x", pixels));
        }

        private void Variational()
        {
            var posterior = _model.Encode(X);
            var z = posterior.Sample(_inputs["eps"]);
            var output = _model.Decode(z);
            var reconstruction = Reconstruct(output, X).mean();
            CheckScalar("recon_loss", reconstruction);
            Finish(reconstruction + Regulariser(posterior, z), ("z", z), ("recon_x", _model.ToPixels(output)));
        }

        private Tensor Regulariser(DiagonalGaussian posterior, Tensor z)
        {
            if (Has("use_mss"))
            {
                var estimator = _config.GetProperty("use_mss").GetBoolean() ? TotalCorrelationEstimator.StratifiedPublishedCode : TotalCorrelationEstimator.Weighted;
                var densities = AggregatePosterior.OfBatch(posterior, z, (long)Call("dataset_size"), estimator);
                var term = Number("alpha") * densities.MutualInformation + Number("beta") * densities.TotalCorrelation + Number("gamma") * densities.DimensionWiseKl;
                CheckScalar("reg_loss", term);
                return term;
            }
            if (Has("number_components"))
            {
                var estimate = (posterior.LogDensity(z) - VampPrior().LogDensity(z)).mean();
                CheckScalar("reg_loss", estimate);
                return Annealing.Linear(Call("epoch"), Number("linear_scheduling_steps")) * estimate;
            }
            var kl = posterior.Kl().mean();
            CheckScalar("reg_loss", kl);
            if (Has("C")) return Number("beta") * Regularisers.Capacity(posterior, Annealing.Linear(Call("epoch"), Number("warmup_epoch") + 1, to: Number("C")), perImage: true);
            if (Has("lbd")) return (1 - Number("alpha")) * kl + (Number("alpha") + Number("lbd") - 1) * Mmd(z);
            return (Has("beta") ? Number("beta") : 1) * kl;
        }

        private Tensor Mmd(Tensor z)
        {
            var kernel = _config.GetProperty("kernel_choice").GetString() == "rbf" ? MmdKernel.Gaussian : MmdKernel.InverseMultiquadratic;
            double[]? scales = Has("scales") ? [.. _config.GetProperty("scales").EnumerateArray().Select(scale => scale.Number())] : null;
            var mmd = MaximumMeanDiscrepancy.Estimate(kernel, z, _inputs["z_prior"], Number("kernel_bandwidth"), scales);
            CheckScalar("mmd_loss", mmd);
            return mmd;
        }

        /// <summary>The posteriors of pseudo-inputs Hardtanh_[0,1](I Wᵀ + b).</summary>
        private MixturePrior VampPrior()
        {
            var pseudo = (_inputs["pseudo_inputs.0.weight"].t() + _inputs["pseudo_inputs.0.bias"]).clamp(0, 1);
            return new MixturePrior(_model.Encode(pseudo.view([-1, .. X.shape[1..]])));
        }

        private void Factor()
        {
            var (order, half) = (_inputs["permutation"], X.shape[0] / 2);
            var first = X.index_select(0, order[TensorIndex.Slice(half)]);
            var second = X.index_select(0, order[TensorIndex.Slice(0, half)]);
            var posterior = _model.Encode(first);
            var z = posterior.Sample(_inputs["eps"]);
            var output = _model.Decode(z);
            var permutations = stack([.. Enumerable.Range(0, (int)z.shape[1]).Select(j => _inputs[$"permutation_latent_{j}"])]);
            var permuted = Regularisers.PermuteLatents(_model.Encode(second).Sample(_inputs["eps_other"]), permutations).detach();
            var logits = _discriminator!.call(z);
            var reconstruction = Reconstruct(output, first).mean();
            var loss = reconstruction + posterior.Kl().mean() + Number("gamma") * Regularisers.TotalCorrelationOfLogits(logits);
            var discriminatorLoss = Regularisers.DiscriminatorLoss(logits, _discriminator.call(permuted));
            CheckScalar("recon_loss", reconstruction);
            CheckScalar("autoencoder_loss", loss);
            CheckScalar("discriminator_loss", discriminatorLoss);
            CheckGradients(loss, "grad.autoencoder_loss.");
            CheckGradients(discriminatorLoss, "grad.discriminator_loss.");
            CheckOutputs(("z", z), ("recon_x", _model.ToPixels(output)), ("z_bis_permuted", permuted));
        }

        /// <summary>log w of every sample, [B, …], from noise [B, …, D]; and the first sample with its image.</summary>
        private (Tensor Weights, Tensor Reconstruction, Tensor Kl) Weights(Tensor eps, Tensor x, Func<Tensor, Tensor>? prior = null, bool constant = false)
        {
            var posterior = _model.Encode(x);
            var samples = eps.numel() / (eps.shape[0] * eps.shape[^1]);
            var wide = new DiagonalGaussian(posterior.Mean.unsqueeze(1), posterior.LogVar.unsqueeze(1));
            var z = wide.Sample(eps.view(eps.shape[0], samples, -1));
            var flat = z.flatten(0, 1);
            var output = _model.Decode(flat);
            var repeated = x.unsqueeze(1).expand([x.shape[0], samples, .. x.shape[1..]]).flatten(0, 1);
            var terms = Reconstruct(output, repeated);
            if (constant && !IsCrossEntropy) terms = terms + 0.5 * Math.Log(2 * Math.PI) * (x.numel() / x.shape[0]);
            var logPrior = (prior is null ? DiagonalGaussian.LogPrior(flat) : prior(flat)).view(eps.shape[0], samples);
            var kl = wide.LogDensityPerLatent(z).sum(2) - logPrior;
            CheckOutputs(("z", z.select(1, 0)), ("recon_x", _model.ToPixels(output).view([eps.shape[0], samples, .. x.shape[1..]]).select(1, 0)));
            Tensor Shaped(Tensor t) => t.view(eps.shape[..^1]);
            return (Shaped(-terms.view(eps.shape[0], samples) - kl), Shaped(terms), Shaped(kl));
        }

        /// <summary>−Σ w̃ log w along the last axis with detached weights: the number that pythae reports; its gradient is the bound's.</summary>
        private static Tensor Reported(Tensor weights) => -(ImportanceBounds.NormalisedWeights(weights).detach() * weights).sum(-1).mean();

        private void Iwae()
        {
            var (weights, reconstruction, kl) = Weights(_inputs["eps"], X);
            CheckScalar("recon_loss", reconstruction.mean());
            CheckScalar("reg_loss", kl.mean());
            if (Has("number_gradient_estimates")) weights = weights.transpose(1, 2);          // pythae's two axes have changed places
            var loss = Reported(weights);
            if (Has("beta")) loss = Number("beta") * -ImportanceBounds.Elbo(weights).mean() + (1 - Number("beta")) * loss;
            Finish(loss);
        }

        private void Piwae()
        {
            var weights = Weights(_inputs["eps"], X).Weights;
            var (encoder, decoder) = (Reported(weights.transpose(1, 2)), Reported(weights.flatten(1)));
            CheckScalar("encoder_loss", encoder);
            CheckScalar("decoder_loss", decoder);
            CheckGradients(encoder, "grad.encoder_loss.");
            CheckGradients(decoder, "grad.decoder_loss.");
        }

        private void Likelihood()
        {
            var eps = _inputs["eps"];
            using var noGrad = no_grad();
            using var bound = new StreamingLogMeanExp();
            var chunk = _config.GetProperty("batch_size").GetInt64();
            for (long begin = 0; begin < eps.shape[1]; begin += chunk)
            {
                var piece = eps.narrow(1, begin, Math.Min(chunk, eps.shape[1] - begin));
                bound.Add(Weights(piece, X.narrow(0, 0, eps.shape[0]), _inputs.ContainsKey("pseudo_inputs.0.weight") ? VampPrior().LogDensity : null, constant: true).Weights);
            }
            CheckScalar("mean_log_likelihood", bound.Result().mean());
        }

        private Dictionary<string, Tensor> Fill(nn.Module module, string prefix)
        {
            module.to(float64);
            using var noGrad = no_grad();
            var parameters = new Dictionary<string, Tensor>();
            foreach (var (name, parameter) in module.named_parameters())
            {
                parameter.copy_(_inputs[prefix + name]);
                parameters[prefix + name] = parameter;
            }
            return parameters;
        }

        private void Finish(Tensor loss, params (string Name, Tensor Value)[] outputs)
        {
            CheckScalar("loss", loss);
            CheckGradients(loss, "grad.");
            CheckOutputs(outputs);
        }

        private double Tolerance => _golden.Entry.GetProperty("tolerance").GetDouble();

        private void CheckScalar(string name, Tensor value)
        {
            if (_entry.GetProperty("float64_scalars").TryGetProperty(name, out var want)) _check.Scalar(name, value.item<double>(), want.Number(), PythaeScalar);
        }

        private void CheckOutputs(params (string Name, Tensor Value)[] outputs)
        {
            foreach (var (name, value) in outputs)
                if (_outputs.TryGetValue(name, out var want)) _check.Tensor(name, value, want, Tolerance);
        }

        private void CheckGradients(Tensor loss, string prefix) => CompareGradients(_check, loss, prefix, _parameters, _outputs, Tolerance);
    }

    private static void CompareGradients(Checks check, Tensor loss, string prefix, Dictionary<string, Tensor> parameters, Dictionary<string, Tensor> stored, double tolerance)
    {
        var names = stored.Keys.Where(name => name.StartsWith(prefix, StringComparison.Ordinal)).ToList();
        var gradients = autograd.grad([loss], [.. names.Select(name => parameters[name[prefix.Length..]])], retain_graph: true, allow_unused: true);
        foreach (var (name, gradient) in names.Zip(gradients))
            check.Tensor(name, gradient is null || gradient.IsInvalid ? zeros_like(stored[name]) : gradient, stored[name], tolerance);
    }

    /// <summary>pythae's VQVAE around two small convolutional networks.</summary>
    private sealed class PythaeQuantised(GoldenCase golden, Checks check, JsonElement entry)
    {
        private readonly Dictionary<string, Tensor> _inputs = ReadInputs(golden);
        private readonly Dictionary<string, Tensor> _outputs = ReadOutputs(golden);

        internal void Run()
        {
            var config = entry.GetProperty("config");
            var moving = config.GetProperty("use_ema").GetBoolean();
            var x = _inputs["x"].detach();
            Tensor Conv(Tensor h, string name, long stride, long padding) => Convolution.Conv2d(h, _inputs[$"{name}.weight"], _inputs[$"{name}.bias"], (stride, stride), (padding, padding));
            var z = Conv(nn.functional.relu(Conv(x, "encoder.conv1", 2, 1)), "encoder.conv2", 1, 0);
            var codebook = _inputs[moving ? "quantizer.embeddings" : "quantizer.embeddings.weight"];
            var vectors = VectorQuantization.ToVectors(z);
            var nearest = VectorQuantization.Nearest(vectors, codebook);
            var straight = VectorQuantization.ToMap(VectorQuantization.StraightThrough(vectors, nearest.Codes), z);
            var h = nn.functional.relu(Conv(straight, "decoder.conv1", 1, 1));
            var pixels = Convolution.ConvTranspose2d(h, _inputs["decoder.up.weight"], _inputs["decoder.up.bias"], (2, 2), (1, 1), (0, 0)).sigmoid();
            var reconstruction = Reconstruction.SquaredError(pixels, x).mean();
            var quantisation = config.GetProperty("commitment_loss_factor").GetDouble() * VectorQuantization.Commitment(vectors, nearest.Codes);
            if (!moving) quantisation = quantisation + config.GetProperty("quantization_loss_factor").GetDouble() * VectorQuantization.CodebookLoss(vectors, nearest.Codes);
            var tolerance = golden.Entry.GetProperty("tolerance").GetDouble();
            foreach (var (name, value) in new[] { ("recon_loss", reconstruction), ("vq_loss", quantisation), ("loss", reconstruction + quantisation) })
                check.Scalar(name, value.item<double>(), entry.GetProperty("float64_scalars").GetProperty(name).Number(), PythaeScalar);
            check.Exact("indices", nearest.Indices.view(_outputs["indices"].shape), _outputs["indices"]);
            check.Tensor("z", straight, _outputs["z"], tolerance);
            check.Tensor("recon_x", pixels, _outputs["recon_x"], tolerance);
            CompareGradients(check, reconstruction + quantisation, "grad.", _inputs, _outputs, tolerance);
            if (!moving) return;
            var state = new CodebookAverages(_inputs["quantizer.cluster_size"], _inputs["quantizer.ema_embed"], codebook);
            var after = VectorQuantization.Average(state, vectors, nearest.Indices, config.GetProperty("decay").GetDouble(), keepSmoothed: true);
            check.Tensor("cluster_size", after.ClusterSize, _outputs["after.quantizer.cluster_size"], tolerance);
            check.Tensor("ema_embed", after.Sum, _outputs["after.quantizer.ema_embed"], tolerance);
            check.Tensor("embeddings", after.Codebook, _outputs["after.quantizer.embeddings"], tolerance);
        }
    }
}

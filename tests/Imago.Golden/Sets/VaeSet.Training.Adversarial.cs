using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using Imago.Golden.Networks;
using Imago.Probability;
using Imago.Training;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Imago.Golden.Sets;

internal sealed partial class VaeSet
{
    /// <summary>The training of latent diffusion's autoencoder: L1, perceptual distance and a patch discriminator with adaptive weight.</summary>
    private sealed class AdversarialRun(GoldenCase golden, Checks check, JsonElement root)
    {
        private const string LastLayer = "autoencoder.decoder.conv_out.weight";
        private readonly JsonElement _config = root.GetProperty("config");
        private readonly Dictionary<string, Tensor> _inputs = ReadTensors(golden, "inputs").ToDictionary(entry => entry.Name, entry => entry.Value);
        private readonly Dictionary<string, Tensor> _stored = ReadOutputs(golden);
        private readonly Dictionary<string, List<double>> _perStep = [];

        internal void Compare()
        {
            if (_config.GetProperty("disc_loss").GetString() != "hinge") throw new NotImplementedHereException($"the discriminator's loss {_config.GetProperty("disc_loss")}");
            Run(float32, comparesTensors: true, "per_step");
            Run(float64, comparesTensors: false, "float64_per_step");
        }

        private void Run(ScalarType type, bool comparesTensors, string list)
        {
            using var scope = NewDisposeScope();
            var w = new NamedWeights(Initial(golden), type, key => !key.StartsWith("lpips.", StringComparison.Ordinal));
            using var generator = Optimizer(w, "autoencoder.");
            using var discriminator = Optimizer(w, "discriminator.");
            _perStep.Clear();
            for (int s = 0; s < _config.GetProperty("steps").GetInt32(); s++)
            {
                using var step = NewDisposeScope();
                var factor = s < Get("disc_start") ? 0 : Get("disc_factor");
                var x = _inputs["x8"].index_select(0, Rows(s, 0, 1, _config.GetProperty("batch").GetInt32(), _inputs["x8"].shape[0])).to(type) / 127.5 - 1;
                Note("disc_factor", factor);
                StepAutoencoder(w, generator, x, s, factor, comparesTensors);
                StepDiscriminator(w, discriminator, x, s, factor, comparesTensors);
            }
            foreach (var (name, want) in root.GetProperty(list).EnumerateObject().Select(entry => (entry.Name, entry.Value)))
                check.Tensor($"{list}/{name}", tensor(_perStep[name]), tensor(want.EnumerateArray().Select(value => value.Number()).ToArray()), Tolerance(list));
            if (!comparesTensors) return;
            foreach (var (key, value) in w.All) CompareStored($"final/{key}", value);
        }

        private void StepAutoencoder(NamedWeights w, Optimizer optimizer, Tensor x, int s, double factor, bool comparesTensors)
        {
            var (posterior, y) = Reconstruct(w, x, s, draw: 0);
            var lpips = TinyLatentGan.PerceptualDistance(w, x, y);
            var error = (x - y).abs() + Get("perceptual_weight") * lpips;
            var nll = (error / w["logvar"].exp() + w["logvar"]).sum() / x.shape[0];
            var kl = posterior.Kl().mean();
            var adversarial = -TinyLatentGan.Discriminate(w, y).mean();
            var last = w[LastLayer];
            var (ofNll, ofAdversarial) = (autograd.grad([nll], [last], retain_graph: true)[0], autograd.grad([adversarial], [last], retain_graph: true)[0]);
            var weight = (ofNll.norm() / (ofAdversarial.norm() + 1e-4)).clamp(0, 1e4) * Get("disc_weight");
            var total = nll + Get("kl_weight") * kl + weight * factor * adversarial;
            foreach (var (_, parameter) in w.Parameters) parameter.grad = null;
            total.backward();
            optimizer.Step(Get("lr"));

            Note(("total", total), ("nll", nll), ("kl", kl), ("reconstruction_mean", error.mean()), ("lpips_mean", lpips.mean()), ("g_loss", adversarial), ("d_weight", weight),
                ("logvar_grad", w["logvar"].grad!.sum()), ("last_layer_grad_nll_norm", ofNll.norm()), ("last_layer_grad_g_norm", ofAdversarial.norm()));
            if (!comparesTensors) return;
            foreach (var (name, value) in new[] { ("reconstruction", y), ("lpips", lpips), ("last_layer_grad_nll", ofNll), ("last_layer_grad_g", ofAdversarial) }) CompareStored($"step{s}/{name}", value);
            CompareGradients(optimizer, s);
        }

        private void StepDiscriminator(NamedWeights w, Optimizer optimizer, Tensor x, int s, double factor, bool comparesTensors)
        {
            Tensor fake;
            using (no_grad()) fake = Reconstruct(w, x, s, draw: 1).Reconstruction;
            var (onReal, onFake) = (TinyLatentGan.Discriminate(w, x), TinyLatentGan.Discriminate(w, fake));
            var hinge = 0.5 * (relu(1 - onReal).mean() + relu(1 + onFake).mean());
            var loss = factor * hinge;
            optimizer.ZeroGrad();
            loss.backward();
            optimizer.Step(Get("lr"));

            Note(("d_loss", loss), ("d_hinge_before_factor", hinge), ("d_vanilla_before_factor", 0.5 * (softplus(-onReal).mean() + softplus(onFake).mean())),
                ("logits_real_mean", onReal.mean()), ("logits_fake_mean", onFake.mean()));
            if (!comparesTensors) return;
            CompareStored($"step{s}/logits_real", onReal);
            CompareStored($"step{s}/logits_fake", onFake);
            CompareGradients(optimizer, s);
        }

        private (DiagonalGaussian Posterior, Tensor Reconstruction) Reconstruct(NamedWeights w, Tensor x, int s, int draw)
        {
            var (mean, logVar) = TinyLatentGan.Encode(w, x);
            var posterior = new DiagonalGaussian(mean, logVar);
            return (posterior, TinyLatentGan.Decode(w, posterior.Sample(_inputs["eps"][s][draw].to(x.dtype))));
        }

        /// <summary>Adam with the two decays that the description names: "Adam, betas (0.5, 0.9), …".</summary>
        private Optimizer Optimizer(NamedWeights w, string prefix)
        {
            var betas = Regex.Match(_config.GetProperty("optimisers").GetString()!, @"^Adam, betas \(([\d.]+), ([\d.]+)\), eps ([\d.e-]+)");
            if (!betas.Success) throw new NotImplementedHereException($"the optimisers {_config.GetProperty("optimisers")}");
            double Number(int group) => double.Parse(betas.Groups[group].Value, CultureInfo.InvariantCulture);
            return new AdamConfig { Beta1 = Number(1), Beta2 = Number(2), Epsilon = Number(3) }
                .Create([new([.. w.Parameters.Where(parameter => parameter.Name.StartsWith(prefix, StringComparison.Ordinal))])]);
        }

        private void CompareGradients(Optimizer optimizer, int s)
        {
            foreach (var (name, value) in optimizer.Groups.SelectMany(group => group.Parameters)) CompareStored($"step{s}/grad.{name}", value.grad!);
        }

        private void CompareStored(string name, Tensor got)
        {
            if (_stored.TryGetValue(name, out var want)) check.Tensor(name, got, want, Tolerance("tensors"));
        }

        private void Note(params (string Name, Tensor Value)[] values)
        {
            foreach (var (name, value) in values) Note(name, value.detach().to(float64).item<double>());
        }

        private void Note(string name, double value)
        {
            if (!_perStep.TryGetValue(name, out var list)) _perStep[name] = list = [];
            list.Add(value);
        }

        private double Get(string key) => _config.GetProperty(key).GetDouble();

        private double Tolerance(string what) => golden.Entry.GetProperty("tolerance").GetProperty(what).GetDouble();
    }
}

using System.Text.Json;
using Imago.Golden.Networks;
using Imago.Probability;
using Imago.Training;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Imago.Golden.Sets;

/// <summary>The group <c>training</c>: runs of Imago's optimisers, clipping, averages and schedules on small networks. The configuration names the network.</summary>
internal sealed partial class VaeSet
{
    private static void RunTraining(GoldenCase golden, Checks check)
    {
        var root = golden.Json(golden.Entry.GetProperty("config").GetString()!);
        if (root.TryGetProperty("order", out _))
        {
            RunDraws(golden, check, root);
            return;
        }
        var config = root.GetProperty("config");
        if (config.TryGetProperty("disc_loss", out _))
        {
            new AdversarialRun(golden, check, root).Compare();
            return;
        }
        var inputs = ReadTensors(golden, "inputs").ToDictionary(entry => entry.Name, entry => entry.Value);
        var run = new Trajectory(golden, check, root);
        switch (config.GetProperty("model").GetString())
        {
            case "MlpVae": run.Compare(Initial(golden), VaeLoss(config, inputs, "eps", (w, x, _, eps, compute) => TinyVaes.Mlp(w, x, eps, compute))); break;
            case "ConvVae": run.Compare(Initial(golden), VaeLoss(config, inputs, "eps", (w, x, _, eps, _) => TinyVaes.Conv(w, x, eps))); break;
            case "TinyUNet": run.Compare(Initial(golden), EpsilonLoss(config, inputs)); break;
            case "TinyDiT": run.Compare(Initial(golden), FlowLoss(config, inputs)); break;
            case "SeededVae": RunSeeded(golden, check, config, inputs, run); break;
            case var other: throw new NotImplementedHereException($"the network {other}");
        }
    }

    /// <summary>The loss and its parts on one part of a step's batch.</summary>
    private delegate (string Name, Tensor Value)[] StepLoss(NamedWeights w, int step, int part, int parts, ScalarType type, ScalarType compute);

    private delegate TinyVaes.Output Vae(NamedWeights w, Tensor x, Tensor? label, Tensor eps, ScalarType compute);

    /// <summary>The weights that a run starts from: the input file of that name.</summary>
    private static Dictionary<string, Tensor> Initial(GoldenCase golden)
    {
        var file = golden.Entry.GetProperty("inputs").EnumerateArray().Select(input => input.GetProperty("file").GetString()!).Single(path => path.Contains(".init.", StringComparison.Ordinal));
        using var tensors = golden.Open(file);
        return tensors.Tensors.ToDictionary(info => info.Name, info => tensors.Read(info.Name));
    }

    /// <summary>Image numbers of a part of a batch: (s·B + i) mod N, or a stored order.</summary>
    private static Tensor Rows(int step, int part, int parts, int batch, long images) =>
        (arange((long)step * batch, (step + 1L) * batch, dtype: int64) % images).chunk(parts)[part];

    private static StepLoss VaeLoss(JsonElement config, Dictionary<string, Tensor> inputs, string noise, Vae network, Tensor? order = null)
    {
        var (batch, images) = (config.GetProperty("batch").GetInt32(), inputs["x8"]);
        var isGaussian = config.TryGetProperty("objective", out var objective) && objective.GetString()!.StartsWith("Gaussian", StringComparison.Ordinal);
        return (w, step, part, parts, type, compute) =>
        {
            var rows = order is null ? Rows(step, part, parts, batch, images.shape[0]) : order[step];
            var pixels = images.index_select(0, rows).unsqueeze(1);
            var x = order is null ? pixels.to(type) / 255 : (pixels.to(float32) / 255).to(type);       // the seeded runs widen fp32 pixels
            var output = network(w, x, inputs.TryGetValue("label", out var label) ? label.index_select(0, rows) : null, inputs[noise][step].chunk(parts)[part].to(type), compute);
            var logSigma = isGaussian ? w["log_sigma"] : null;
            var nll = logSigma is null
                ? binary_cross_entropy_with_logits(output.Raw, x, reduction: nn.Reduction.None)
                : 0.5 * ((x - output.Raw) / logSigma.exp()).square() + logSigma + 0.5 * Math.Log(2 * Math.PI);
            var (reconstruction, kl) = (nll.flatten(1).sum(1).mean(), new DiagonalGaussian(output.Mean, output.LogVar).Kl().mean());
            (string, Tensor)[] terms = [("loss", reconstruction + kl), ("reconstruction", reconstruction), ("kl", kl)];
            return logSigma is null ? terms : [.. terms, ("log_sigma", logSigma.detach().clone().sum())];
        };
    }

    /// <summary>Mean squared error of ε for x_t = √ᾱ_t x₀ + √(1 − ᾱ_t) ε, β linear from 10⁻⁴ to 0.02 in 1000 steps.</summary>
    private static StepLoss EpsilonLoss(JsonElement config, Dictionary<string, Tensor> inputs)
    {
        var alphaBar = (1 - linspace(1e-4, 0.02, 1000, dtype: float64)).cumprod(0);
        return (w, step, part, parts, type, _) =>
        {
            var (x0, label, noise) = DiffusionBatch(config, inputs, step, part, parts, type, "noise");
            var t = inputs["timestep"][step].chunk(parts)[part];
            var a = alphaBar.index_select(0, t).view(-1, 1, 1, 1);
            var xt = a.sqrt().to(type) * x0 + (1 - a).sqrt().to(type) * noise;
            return [("loss", mse_loss(TinyDenoisers.UNet(w, xt, t, label), noise))];
        };
    }

    /// <summary>Mean squared error of ε − x₀ for x_t = (1 − t) x₀ + t ε.</summary>
    private static StepLoss FlowLoss(JsonElement config, Dictionary<string, Tensor> inputs) => (w, step, part, parts, type, _) =>
    {
        var (x0, label, noise) = DiffusionBatch(config, inputs, step, part, parts, type, "flow_noise");
        var t = inputs["flow_t"][step].chunk(parts)[part].to(type);
        var at = t.view(-1, 1, 1, 1);
        var flow = TinyDenoisers.DiT(w, (1 - at) * x0 + at * noise, t, label, config.GetProperty("patch").GetInt32(), config.GetProperty("heads").GetInt32(), config.GetProperty("depth").GetInt32());
        return [("loss", mse_loss(flow, noise - x0))];
    };

    private static (Tensor X0, Tensor Label, Tensor Noise) DiffusionBatch(JsonElement config, Dictionary<string, Tensor> inputs, int step, int part, int parts, ScalarType type, string noise)
    {
        var rows = Rows(step, part, parts, config.GetProperty("batch").GetInt32(), inputs["x8"].shape[0]);
        return (inputs["x8"].index_select(0, rows).unsqueeze(1).to(type) / 127.5 - 1, inputs["label"].index_select(0, rows), inputs[noise][step].chunk(parts)[part].to(type));
    }

    /// <summary>A run from one integer: weights, order and noise all follow from libtorch's default generator.</summary>
    private static void RunSeeded(GoldenCase golden, Checks check, JsonElement config, Dictionary<string, Tensor> inputs, Trajectory run)
    {
        using var defaultState = get_rng_state();
        try
        {
            manual_seed(config.GetProperty("seed").GetInt64());
            var initial = SeededVae.Create(config.GetProperty("width").GetInt32(), config.GetProperty("latent").GetInt32());
            var (order, eps) = SeededVae.Draw(config);
            var (stored, after) = (ReadOutputs(golden), rand(4));
            foreach (var (key, value) in initial) check.Exact($"weights@0/{key}", value, stored[$"weights@0/{key}"]);
            check.Exact("order", order, stored["order"]);
            check.Exact("eps", eps, stored["eps"]);
            check.Exact("rand_after", after, stored["rand_after"]);
            run.Compare(initial, VaeLoss(config, new Dictionary<string, Tensor>(inputs) { ["eps"] = eps }, "eps", (w, x, label, noise, _) => TinyVaes.Seeded(w, x, label!, noise), order));
        }
        finally
        {
            set_rng_state(defaultState);
        }
    }
}

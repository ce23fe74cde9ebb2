using System.Text.Json;
using System.Text.RegularExpressions;
using Imago.Golden.Networks;
using Imago.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Golden.Sets;

internal sealed partial class VaeSet
{
    /// <summary>A run by Imago's optimisers as a configuration describes it, in fp32 and again in float64, compared step by step and at the stored snapshots.</summary>
    private sealed class Trajectory(GoldenCase golden, Checks check, JsonElement root)
    {
        private const int LargestWhole = 512, Stride = 17;
        private readonly JsonElement _config = root.GetProperty("config");
        private readonly Dictionary<string, Tensor> _stored = ReadOutputs(golden);

        internal void Compare(IReadOnlyDictionary<string, Tensor> initial, StepLoss loss)
        {
            var compute = _config.TryGetProperty("autocast", out _) ? bfloat16 : float32;
            Run(initial, loss, float32, compute, prefix: "", Tolerance("per_step"), "weights");
            if (root.TryGetProperty("float64_per_step", out _)) Run(initial, loss, float64, float64, prefix: "float64_", Tolerance("float64_per_step"), "float64_weights");
        }

        private void Run(IReadOnlyDictionary<string, Tensor> initial, StepLoss loss, ScalarType type, ScalarType compute, string prefix, double tolerance, string kind)
        {
            using var scope = NewDisposeScope();
            var w = new NamedWeights(initial, type);
            using var optimizer = Optimizer().Create(Groups(w));
            using var ema = Average(w);
            var perStep = new Dictionary<string, List<double>>();
            void Note(string name, double value)
            {
                if (!perStep.TryGetValue(name, out var list)) perStep[name] = list = [];
                list.Add(value);
            }
            var steps = _config.GetProperty("steps").GetInt32();
            for (int s = 0; s < steps; s++)
            {
                var learningRate = _config.GetProperty("lr").GetDouble() * Schedule(s);
                var norm = Step(w, optimizer, loss, s, type, compute, learningRate, Note);
                ema?.Update();
                Note("grad_norm", norm);
                Note("lr", learningRate);
                CompareSnapshot($"{prefix}weights@{s + 1}/", w.All, kind);
                if (ema is not null) CompareSnapshot($"{prefix}ema@{s + 1}/", ema.State.Select(entry => KeyValuePair.Create(entry.Name, entry.Value)), kind);
            }
            if (prefix.Length == 0) CompareSnapshot("", w.All, kind);
            foreach (var (name, want) in root.GetProperty($"{prefix}per_step").EnumerateObject().Select(entry => (entry.Name, entry.Value)))
                check.Tensor($"{prefix}per_step/{name}", tensor(perStep[name]), tensor(want.EnumerateArray().Select(value => value.Number()).ToArray()), tolerance);
        }

        private double Step(NamedWeights w, Optimizer optimizer, StepLoss loss, int step, ScalarType type, ScalarType compute, double learningRate, Action<string, double> note)
        {
            using var scope = NewDisposeScope();
            var parts = _config.TryGetProperty("accumulate", out var accumulate) ? accumulate.GetInt32() : 1;
            var sums = new Dictionary<string, double>();
            optimizer.ZeroGrad();
            for (int part = 0; part < parts; part++)
            {
                var terms = loss(w, step, part, parts, type, compute);
                (terms[0].Value / parts).backward();
                foreach (var (name, value) in terms) sums[name] = sums.GetValueOrDefault(name) + value.detach().to(float64).item<double>() / parts;
            }
            foreach (var (name, value) in sums) note(name, value);
            var norm = _config.TryGetProperty("clip", out var clip) ? Gradients.Clip(optimizer, clip.GetDouble()) : Gradients.Norm(optimizer);
            optimizer.Step(learningRate);
            return norm;
        }

        private OptimizerConfig Optimizer()
        {
            double Get(string key) => _config.GetProperty(key).GetDouble();
            var decay = _config.GetProperty("weight_decay").ValueKind == JsonValueKind.Number ? Get("weight_decay") : 0;
            double Beta(int i) => _config.GetProperty("betas")[i].GetDouble();
            return _config.GetProperty("optimiser").GetString() switch
            {
                "AdamW" => new AdamWConfig { Beta1 = Beta(0), Beta2 = Beta(1), Epsilon = Get("eps"), WeightDecay = decay },
                "Adam" => new AdamConfig { Beta1 = Beta(0), Beta2 = Beta(1), Epsilon = Get("eps"), WeightDecay = decay },
                "SGD" => new SgdConfig { Momentum = Get("momentum"), Dampening = Get("dampening"), Nesterov = _config.GetProperty("nesterov").GetBoolean(), WeightDecay = decay },
                var other => throw new NotImplementedHereException($"the optimiser {other}"),
            };
        }

        /// <summary>One group, or one for each pattern of names with a weight decay of its own.</summary>
        private IReadOnlyList<ParameterGroup> Groups(NamedWeights w)
        {
            var decay = _config.GetProperty("weight_decay");
            if (decay.ValueKind == JsonValueKind.Number) return [new(w.Parameters)];
            return [.. decay.EnumerateObject().Select(pattern => new ParameterGroup([.. w.Parameters.Where(parameter => Matches(pattern.Name, parameter.Name))]) { WeightDecay = pattern.Value.GetDouble() })];

            static bool Matches(string pattern, string name) => Regex.IsMatch(name, $"^{Regex.Escape(pattern).Replace("\\*", ".*", StringComparison.Ordinal)}$");
        }

        private double Schedule(int step) => !_config.TryGetProperty("schedule", out var schedule) ? 1 : schedule.GetString() switch
        {
            "warm-up and cosine" => new LearningRateSchedule { Shape = ScheduleShape.Cosine, WarmupSteps = _config.GetProperty("warmup").GetInt64() }.Factor(step, _config.GetProperty("total").GetInt64()),
            var other => throw new NotImplementedHereException($"the schedule {other}"),
        };

        private Ema? Average(NamedWeights w)
        {
            if (!_config.TryGetProperty("ema", out var ema)) return null;
            return ema.ValueKind == JsonValueKind.Number
                ? new Ema(w.Parameters, w.Buffers, new EmaOptions { Decay = ema.GetDouble(), Warmup = EmaWarmup.None })
                : new Ema(w.Parameters, w.Buffers, new EmaOptions { Decay = _config.GetProperty("decay").GetDouble() });
        }

        /// <summary>Every stored tensor of a snapshot, and all of them together.</summary>
        private void CompareSnapshot(string prefix, IEnumerable<KeyValuePair<string, Tensor>> tensors, string kind)
        {
            using var scope = NewDisposeScope();
            var (difference, size) = (0.0, 0.0);
            var isSharp = kind == "float64_weights";
            foreach (var (key, value) in tensors)
            {
                if (!_stored.TryGetValue(prefix + key, out var stored)) continue;
                var got = value.detach();
                if (got.numel() > LargestWhole && got.numel() != stored.numel()) got = got.flatten()[TensorIndex.Slice(step: Stride)];       // stored in part
                var (a, b) = (WithoutKeyBias(key, got), WithoutKeyBias(key, stored));
                check.Tensor(prefix + key, a, b, Tolerance(isSharp ? kind : "weights_max"));
                if (!a.is_floating_point()) continue;
                difference += (a.to(float64) - b.to(float64)).square().sum().item<double>();
                size += b.to(float64).square().sum().item<double>();
            }
            if (size > 0 && !isSharp) check.Scalar($"{prefix}all together", Math.Sqrt(difference / size), 0, Tolerance("weights_rms"));
        }

        /// <summary>The key part of an attention bias has a gradient of zero in theory: rounding noise, which Adam turns into steps of full length.</summary>
        private static Tensor WithoutKeyBias(string key, Tensor value)
        {
            if (!key.EndsWith("qkv.bias", StringComparison.Ordinal) && !key.EndsWith("in_proj_bias", StringComparison.Ordinal)) return value;
            var third = value.chunk(3);
            return cat([third[0], third[2]]);
        }

        private double Tolerance(string what) => golden.Entry.GetProperty("tolerance").GetProperty(what).GetDouble();
    }
}

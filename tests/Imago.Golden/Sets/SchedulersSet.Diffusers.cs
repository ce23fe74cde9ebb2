using System.Text.Json;
using Imago.Diffusion;
using Imago.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Golden.Sets;

/// <summary>
/// Trajectories of diffusers' schedulers under the elementwise model of the set's README: <see cref="HubSampler"/> made from the case's configuration, its evaluations compared
/// with the stored states.
/// </summary>
internal sealed partial class SchedulersSet
{
    private static void RunTrajectory(GoldenCase golden, Checks check)
    {
        using var file = golden.Open(golden.Entry.GetProperty("tensors").GetString()!);
        var line = Line(golden);
        var config = ConfigOf(golden, line);
        foreach (var what in (string[])["states", "states_f32", "states_own_tables"]) new HubRun(golden, line, config, file).Compare(check, what);
    }

    /// <summary>One run of a case.</summary>
    private sealed class HubRun(GoldenCase golden, JsonElement line, SchedulerConfig config, TensorFile file)
    {
        private readonly List<Tensor> estimates = [];
        private readonly List<(Tensor X, NoiseLevel Level, bool FromClean)> evaluated = [];
        private readonly List<Tensor> inputs = [];

        /// <summary>
        /// The run at the stored timesteps, levels and table, with the network in double (<c>states</c>) or single precision (<c>states_f32</c>), and at those that Imago makes
        /// of the configuration.
        /// </summary>
        internal void Compare(Checks check, string what)
        {
            if (Tolerance(what) is not { } tolerance) return;
            var request = RequestOf(line.GetProperty("set_timesteps"));
            var hub = what == "states_own_tables"
                ? HubSampler.From(config, request, Arguments())
                : HubSampler.From(config, StoredSteps(request), StoredTables(), request.Steps ?? (int)Stored("timesteps").numel(), Arguments());
            var denoise = hub.Denoiser(Network(what == "states_f32" ? float32 : float64));
            var (start, reached) = (Start(hub), new List<Tensor>());
            var context = new SamplingContext
            {
                Noise = Draws(),
                AfterStep = (_, _, x) =>
                {
                    reached.Add(x.clone().DetachFromDisposeScope());
                    return x;
                },
            };
            var final = hub.Sampler((x, level) =>
            {
                evaluated.Add((x.clone().DetachFromDisposeScope(), level, hub.Schedule[Math.Min(evaluated.Count, hub.Schedule.Steps)].IsClean));
                var x0 = denoise(x, level);
                estimates.Add(hub.Reported(x0.narrow(1, 0, x.shape[1])).clone().DetachFromDisposeScope());
                return x0;
            }, start, hub.Schedule, context);
            var scaled = config.IsExploding;
            var states = evaluated.Select(entry => scaled ? entry.X / entry.Level.Alpha : entry.X).Append(scaled ? final / hub.Schedule[^1].Alpha : final).ToList();
            if (config.Kind == SchedulerKind.RePaint) states = StatesOfRePaint(start, reached);
            CompareStates(check, what, stack(states), tolerance);
            if (what != "states") return;
            CompareScales(check, states);
            CompareEstimates(check);
        }

        /// <summary>The steps of the configuration with the stored numbers in them.</summary>
        private SchedulerSteps StoredSteps(SchedulerRequest request)
        {
            double[] Numbers(string name) => file.Contains($"{golden.Name}/{name}") ? Stored(name).to(float64).data<double>().ToArray() : [];
            var (steps, sigmas) = (config.StepsFor(request), Numbers("sigmas"));
            var isOfTable = config.IsExploding && golden.Entry.TryGetProperty("table", out _);
            var initial = !isOfTable ? steps.InitNoiseSigma : config.TimestepSpacing == TimestepSpacing.Leading ? Math.Sqrt(sigmas.Max() * sigmas.Max() + 1) : sigmas.Max();
            return steps with { InitNoiseSigma = initial, Timesteps = Numbers("timesteps"), Sigmas = sigmas, MiddleSigmas = Numbers("sigmas_interpol") };
        }

        private SchedulerTables? StoredTables()
        {
            if (!golden.Entry.TryGetProperty("table", out var entry)) return null;
            var parts = entry.GetString()!.Split('#');
            using var tables = golden.Open(parts[0]);
            double[] Numbers(string name) => tables.Read($"{parts[1]}/{name}").to(float64).data<double>().ToArray();
            var alphaBars = Numbers("alphas_cumprod");
            return new(TablePrecision.AsPublished, Numbers("betas"), alphaBars, [.. alphaBars.Select(alphaBar => Math.Sqrt((1 - alphaBar) / alphaBar))]);
        }

        private void CompareStates(Checks check, string name, Tensor got, double tolerance)
        {
            var want = Stored(name == "states_f32" ? name : "states").to(float64);
            check.Equal($"{name}: evaluations", got.shape[0], want.shape[0]);
            if (got.shape[0] != want.shape[0]) return;
            for (int i = 0; i < want.shape[0]; i++) check.Tensor($"{name}[{i}]", got[i], want[i], tolerance);
        }

        /// <summary>What the network was given, as a multiple of the state; states that are all but zero tell nothing.</summary>
        private void CompareScales(Checks check, List<Tensor> states)
        {
            if (!file.Contains($"{golden.Name}/input_scale") || config.Kind == SchedulerKind.RePaint) return;
            var scales = inputs.Select((input, i) => (input * states[i]).sum().item<double>() / states[i].square().sum().item<double>()).ToArray();
            check.Tensor("input_scale", tensor(scales), Stored("input_scale").flatten(), 1e-6);
        }

        /// <summary>The estimates of x₀. Of TCD and the score another quantity is stored, of Euler's classes the estimate after their late churn.</summary>
        private void CompareEstimates(Checks check)
        {
            var isOther = config.Kind is SchedulerKind.Tcd or SchedulerKind.ScoreSdeVe or SchedulerKind.RePaint || (config.Kind is SchedulerKind.Euler or SchedulerKind.EdmEuler && Arguments().Churn!.Amount > 0);
            if (isOther || !file.Contains($"{golden.Name}/pred") || Tolerance("states") is not { } tolerance) return;
            var want = Stored("pred");
            for (int i = 0; i < want.shape[0]; i++)
            {
                if (!evaluated[i].FromClean) check.Tensor($"pred[{i}]", estimates[i], want[i], tolerance);
            }
        }

        private HubArguments Arguments()
        {
            var step = line.GetProperty("step");
            double? Get(JsonElement from, string key) => from.TryGetProperty(key, out var value) && value.ValueKind == JsonValueKind.Number ? value.GetDouble() : null;
            return new()
            {
                Begin = (int)(Get(line, "begin") ?? 0),
                Eta = Get(step, "eta") ?? Get(line, "eta"),
                UsesClippedOutput = step.TryGetProperty("use_clipped_model_output", out var uses) && uses.GetBoolean(),
                Churn = new() { Amount = Get(step, "s_churn") ?? 0, MinRatio = Get(step, "s_tmin") ?? 0, MaxRatio = Get(step, "s_tmax") ?? double.PositiveInfinity, NoiseScale = Get(step, "s_noise") ?? 1 },
                NoiseScale = Get(step, "s_noise") ?? 1,
                LmsOrder = (int)(Get(step, "order") ?? 4),
                Tau = Get(line, "tau"),
                Image = file.Contains($"{golden.Name}/original_image") ? Stored("original_image").to(float64) : null,
                Mask = file.Contains($"{golden.Name}/mask") ? Stored("mask").to(float64) : null,
            };
        }

        private Tensor Start(HubSampler hub)
        {
            var z = Stored("x_init").to(float64);
            return line.GetProperty("start").GetString() switch
            {
                "noise" => z * hub.InitialScale,
                "data" => 0.7 * z,
                "img2img" => hub.NoisedLevel.Alpha * Stored("x0").to(float64) + hub.NoisedLevel.Sigma * z,
                var other => throw new NotImplementedHereException($"a start from {other}"),
            };
        }

        /// <summary>A tanh(B x + (C τ + D)), or the analytic score; with learned variance the second half of the channels.</summary>
        private Func<Tensor, double, Tensor> Network(ScalarType type)
        {
            if (line.TryGetProperty("score", out var score))
            {
                var (b, d) = (score.GetProperty("B").GetDouble(), score.GetProperty("D").GetDouble());
                return (x, sigma) => Seen(x, -(x.to(type) * (b / sigma) + d).tanh() / sigma);
            }
            var model = line.GetProperty("model");
            double Get(string key) => model.GetProperty(key).GetDouble();
            var (a0, b0, c0, d0, divisor) = (Get("A"), Get("B"), Get("C"), Get("D"), Get("time_divisor"));
            var learned = line.TryGetProperty("learned", out var kind) ? kind.GetString() : null;
            return (x, time) =>
            {
                var tau = time / divisor;
                var output = a0 * (b0 * x.to(type) + (c0 * tau + d0)).tanh();
                if (learned is null) return Seen(x, output);
                var w = 0.8 * (0.3 * x.to(type) + (-0.4 * tau + 0.1)).tanh();
                return Seen(x, cat([output, learned == "learned" ? 0.01 * (1 + w) : w], 1));
            };

            Tensor Seen(Tensor x, Tensor output)
            {
                inputs.Add(x.clone().DetachFromDisposeScope());
                return output;
            }
        }

        private Tensor Stored(string name) => file.Read($"{golden.Name}/{name}");

        /// <summary>
        /// None where rounding decides. IPNDM and the ancestral KDPM2 keep tables in which the rounding of single precision shows, and which are computed here: for them, the
        /// tolerance for own tables where there is one.
        /// </summary>
        private double? Tolerance(string what)
        {
            var tolerance = golden.Entry.GetProperty("tolerance");
            double? Get(string key) => tolerance.GetProperty(key) is { ValueKind: JsonValueKind.Number } value ? value.GetDouble() : null;
            var isRounded = what == "states" && config.Kind is SchedulerKind.Ipndm or SchedulerKind.Kdpm2Ancestral;
            return isRounded ? Get("states_own_tables") ?? Get(what) : Get(what);
        }

        /// <summary>The stored noise, by the evaluation during which it was drawn (the library draws some that it does not use); that of RePaint and of the score, in order.</summary>
        private NoiseSource Draws()
        {
            if (!file.Contains($"{golden.Name}/noise")) return (_, _) => throw new InvalidOperationException("Noise was drawn, where the original draws none.");
            var (noise, steps, used) = (Stored("noise").to(float64), Stored("noise_step").data<long>().ToArray(), -1);
            return (_, _) =>
            {
                var evaluation = evaluated.Count - 1;
                used = config.Kind is SchedulerKind.RePaint or SchedulerKind.ScoreSdeVe ? used + 1 : Array.FindIndex(steps, used + 1, step => step == evaluation);
                return used >= 0 && used < steps.Length
                    ? noise[used].clone()
                    : throw new InvalidOperationException($"Noise was drawn during evaluation {evaluation}, where the original draws none.");
            };
        }

        /// <summary>RePaint's states: after every step down, and after every group of steps up that stands for one timestep.</summary>
        private List<Tensor> StatesOfRePaint(Tensor start, List<Tensor> reached)
        {
            var perTimestep = config.NumTrainTimesteps / (int)RequestOf(line.GetProperty("set_timesteps")).Steps!;
            var (states, at) = (new List<Tensor> { start }, -1);
            foreach (var isDown in Stored("is_denoise").data<long>()) states.Add(reached[at += isDown == 1 ? 1 : perTimestep]);
            return states;
        }
    }
}

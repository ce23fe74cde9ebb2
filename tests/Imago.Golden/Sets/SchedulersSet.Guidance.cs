using System.Text.Json;
using Imago.Diffusion;
using Imago.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Golden.Sets;

internal sealed partial class SchedulersSet
{
    private static void RunGuidance(GoldenCase golden, Checks check)
    {
        switch (Fragments(golden))
        {
            case []: CompareGuider(golden, check); break;
            case ["interval"]: CompareIntervals(golden, check); break;
            case ["rescale_noise_cfg"]: CompareRescale(golden, check); break;
            case ["pag_pipeline"]: ComparePerturbedAttention(golden, check); break;
            case ["cfgpp"]: ComparePlusPlus(golden, check); break;
            case var other: throw new NotImplementedHereException($"guidance of the kind {string.Join(",", other)}");
        }
    }

    /// <summary>A guider, step by step: the branches that it asks for, and what it makes of them.</summary>
    private static void CompareGuider(GoldenCase golden, Checks check)
    {
        var root = golden.Json(golden.Entry.GetProperty("config").GetString()!);
        var entry = root.GetProperty("cases").EnumerateArray().Single(item => item.GetProperty("name").GetString() == golden.Name);
        var steps = root.GetProperty("steps").GetInt32();
        var config = Guider(entry.GetProperty("class").GetString()!, entry.GetProperty("config"));
        using var file = golden.Open(golden.Entry.GetProperty("tensors").GetString()!);
        string[] names = ["pred_cond", "pred_uncond", "pred_third", "pred_fourth"];
        var inputs = names.Select(name => file.Read($"input/{name}").to(float64)).ToArray();
        using var run = new GuidanceRun(RectifiedFlowSchedule(steps));
        var outputs = new List<Tensor>();
        for (int step = 0; step < steps; step++)
        {
            var needs = config.Needs(step, steps);
            check.Equal($"active at step {step}", string.Join(",", needs.Select(branch => branch < 2 ? names[branch] : "perturbed")),
                string.Join(",", entry.GetProperty("active")[step].EnumerateArray().Select(name => name.GetString() is "pred_cond" or "pred_uncond" ? name.GetString() : "perturbed")));
            outputs.Add(GuidedDenoisers.Combine(config, needs.ToDictionary(branch => branch, branch => inputs[branch][step]), step, run));
        }
        check.Tensor("out", stack(outputs), file.Read($"{golden.Name}/out"), Tolerance(golden, "out"));
    }

    private static NoiseSchedule RectifiedFlowSchedule(int steps) => new(Enumerable.Range(0, steps + 1).Select(i => new RectifiedFlow().AtAmount(1 - (double)i / steps)));

    /// <summary>diffusers' guiders and their arguments in Imago's terms.</summary>
    private static GuidanceConfig Guider(string name, JsonElement arguments)
    {
        double Get(string key) => arguments.GetProperty(key).GetDouble();
        var isOriginal = arguments.TryGetProperty("use_original_formulation", out var flag) && flag.GetBoolean();
        var interval = new GuidanceInterval(Get("start"), Get("stop"));
        var (scale, enabled) = (Get("guidance_scale"), arguments.GetProperty("enabled").GetBoolean());
        PerturbationConfig Perturbation(string prefix) => new()
        {
            Scale = enabled ? Get($"{prefix}guidance_scale") : 0,
            Interval = new(Get($"{prefix}guidance_start"), Get($"{prefix}guidance_stop")),
        };
        GuidanceRule rule = name switch
        {
            "ClassifierFreeGuidance" or "AutoGuidance" or "SkipLayerGuidance" or "PerturbedAttentionGuidance" or "SmoothedEnergyGuidance" => new ClassifierFreeRule(),
            "ClassifierFreeZeroStarGuidance" => new ZeroStarRule { ZeroSteps = arguments.GetProperty("zero_init_steps").GetInt32() },
            "TangentialClassifierFreeGuidance" => new TangentialRule(),
            "MagnitudeAwareGuidance" => new MagnitudeAwareRule { Alpha = Get("alpha") },
            "AdaptiveProjectedGuidance" => Projected(new AdaptiveProjectedRule(), arguments),
            "AdaptiveProjectedMixGuidance" => Projected(new AdaptiveProjectedMixRule
            {
                ProjectedScale = Get("adaptive_projected_guidance_scale"),
                StartStep = arguments.GetProperty("adaptive_projected_guidance_start_step").GetInt32(),
            }, arguments),
            "LTX2Guidance" => new ClassifierFreeRule(),
            _ => throw new NotImplementedHereException($"the guider {name}"),
        };
        var config = new GuidanceConfig
        {
            Rule = enabled ? rule with { Scale = scale, IsOriginal = isOriginal } : null,
            Interval = interval,
            Rescale = Get("guidance_rescale"),
            PerturbationsStartFromCondition = isOriginal,
        };
        return name switch
        {
            "SkipLayerGuidance" => config with { Perturbations = [Perturbation("skip_layer_")] },
            "PerturbedAttentionGuidance" => config with { Perturbations = [Perturbation("perturbed_")] },
            "SmoothedEnergyGuidance" => config with { Perturbations = [Perturbation("seg_")] },
            "LTX2Guidance" => config with
            {
                PerturbationsStartFromCondition = true,
                Perturbations = [.. new[] { Get("stg_scale"), Get("modality_scale") - 1 }.Select(s => new PerturbationConfig { Scale = enabled ? s : 0, Interval = interval, IncludesStart = true })],
            },
            _ => config,
        };
    }

    private static AdaptiveProjectedRule Projected(AdaptiveProjectedRule rule, JsonElement arguments) => rule with
    {
        Momentum = arguments.GetProperty("adaptive_projected_guidance_momentum") is { ValueKind: JsonValueKind.Number } momentum ? momentum.GetDouble() : null,
        Threshold = arguments.GetProperty("adaptive_projected_guidance_rescale").GetDouble(),
        Eta = arguments.GetProperty("eta").GetDouble(),
        NormDims = arguments.TryGetProperty("adaptive_projected_guidance_norm_dim", out var dims) ? dims.ValueKind switch
        {
            JsonValueKind.Array => [.. dims.EnumerateArray().Select(dim => dim.GetInt64())],
            JsonValueKind.Number => [dims.GetInt64()],
            _ => null,
        } : null,
    };

    private static void CompareIntervals(GoldenCase golden, Checks check)
    {
        foreach (var row in golden.Json(golden.Entry.GetProperty("config").GetString()!).GetProperty("rows").EnumerateArray())
        {
            var (steps, interval) = (row[0].GetInt32(), new GuidanceInterval(row[1].GetDouble(), row[2].GetDouble()));
            void Compare(string name, Func<int, int, bool> contains, JsonElement want) => check.Equal($"{steps} steps, {interval}: {name}",
                string.Join(",", Enumerable.Range(0, steps).Where(step => contains(step, steps))), string.Join(",", want.EnumerateArray().Select(step => step.GetInt32())));
            Compare("guidance", interval.Contains, row[3]);
            Compare("perturbation", interval.ContainsInside, row[4]);
            Compare("unrounded", interval.ContainsUnrounded, row[5]);
        }
    }

    private static void CompareRescale(GoldenCase golden, Checks check)
    {
        using var file = golden.Open(golden.Entry.GetProperty("tensors").GetString()!);
        var (c, guided) = (file.Read("input/pred_cond")[0].to(float64), file.Read("rescale/noise_cfg").to(float64));
        var phis = golden.Json(golden.Entry.GetProperty("config").GetString()!).GetProperty("phi").EnumerateArray().Select(phi => phi.GetDouble());
        check.Tensor("out", stack(phis.Select(phi => Guidance.Rescaled(guided, c, phi))), file.Read("rescale/out"), Tolerance(golden, "out"));
    }

    private static void ComparePerturbedAttention(GoldenCase golden, Checks check)
    {
        using var file = golden.Open(golden.Entry.GetProperty("tensors").GetString()!);
        var answers = new[] { "pred_cond", "pred_uncond", "pred_third" }.Select((name, branch) => (branch, file.Read($"input/{name}")[0].to(float64))).ToDictionary();
        var outputs = new List<Tensor>();
        foreach (var row in golden.Json(golden.Entry.GetProperty("config").GetString()!).GetProperty("rows").EnumerateArray())
        {
            var scale = Guidance.AdaptiveScale(row.GetProperty("pag_scale").GetDouble(), row.GetProperty("pag_adaptive_scale").GetDouble(), row.GetProperty("t").GetDouble());
            check.Scalar("effective_pag_scale", scale, row.GetProperty("effective_pag_scale").GetDouble(), 1e-14);
            var perturbed = new GuidanceConfig { Perturbations = [new() { Scale = scale, Interval = GuidanceInterval.Whole, IncludesStart = true }] };
            using var run = new GuidanceRun(RectifiedFlowSchedule(1));
            foreach (var config in new[] { perturbed with { Rule = new ClassifierFreeRule { Scale = row.GetProperty("guidance_scale").GetDouble() } }, perturbed })
                outputs.Add(GuidedDenoisers.Combine(config, answers, 0, run));
        }
        var out0 = file.Read("pag/out");
        check.Tensor("out", stack(outputs).view(out0.shape), out0, Tolerance(golden, "out"));
    }

    private static void ComparePlusPlus(GoldenCase golden, Checks check)
    {
        var root = golden.Json(golden.Entry.GetProperty("config").GetString()!);
        using var file = golden.Open(golden.Entry.GetProperty("tensors").GetString()!);
        var lambda = root.GetProperty("cases").EnumerateArray().Single(item => item.GetProperty("name").GetString() == golden.Name).GetProperty("guidance").GetDouble();
        var process = VariancePreserving.StableDiffusion;
        var (cond, uncond) = (Stand("cond_model"), Stand("uncond_model"));
        NoiseLevel[] levels = [.. root.GetProperty("timesteps").EnumerateArray().Select(t => process.At(t.GetDouble())), process.AtRatio(0)];
        var states = new List<Tensor> { file.Read("cfgpp/z").to(float64) };
        for (int i = 0; i + 1 < levels.Length; i++)
            states.Add(Guidance.PlusPlusStep(cond(states[i], levels[i]), uncond(states[i], levels[i]), states[i], levels[i], levels[i + 1], lambda));
        check.Tensor("states", stack(states), file.Read($"{golden.Name}/states"), Tolerance(golden, "states"));

        // The elementwise model of the set: y = A tanh(B x + (C τ + D)), a prediction of ε.
        Denoiser Stand(string name)
        {
            double Get(string key) => root.GetProperty(name).GetProperty(key).GetDouble();
            var divisor = root.GetProperty("time_divisor").GetDouble();
            return (x, level) => Prediction.Epsilon.ToX0(Get("A") * (Get("B") * x + (Get("C") * level.Time / divisor + Get("D"))).tanh(), x, level);
        }
    }

    private static double Tolerance(GoldenCase golden, string name)
    {
        var tolerance = golden.Entry.GetProperty("tolerance");
        return (tolerance.TryGetProperty(name, out var own) ? own : tolerance.GetProperty("*")).GetDouble();
    }
}

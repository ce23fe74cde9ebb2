using System.Text.Json;
using Imago.Diffusion;
using Imago.Weights;
using static TorchSharp.torch;

namespace Imago.Golden.Sets;

/// <summary>Closed functions around schedules: variances, noising, conversions, shifts, counts of steps, scalings.</summary>
internal sealed partial class SchedulersSet
{
    private static void RunClosed(GoldenCase golden, Checks check)
    {
        if (golden.Name.StartsWith("noising-", StringComparison.Ordinal))
        {
            RunNoising(golden, check);
            return;
        }
        var root = golden.Json(golden.Entry.GetProperty("config").GetString()!.Split('#')[0]);
        foreach (var part in Fragments(golden)) RunClosedPart(part, root.GetProperty(part), check, name => ToleranceOf(golden, name));
    }

    private static double ToleranceOf(GoldenCase golden, string name)
    {
        var tolerance = golden.Entry.GetProperty("tolerance");
        return (tolerance.TryGetProperty(name, out var value) ? value : tolerance.GetProperty("*")).GetDouble();
    }

    private static void RunClosedPart(string part, JsonElement numbers, Checks check, Func<string, double> tolerance)
    {
        switch (part)
        {
            case "ddpm_variance": foreach (var line in numbers.EnumerateArray()) CheckDdpmVariance(line, check, tolerance("value")); break;
            case "ddim_variance": foreach (var line in numbers.EnumerateArray()) CheckDdimVariance(line, check, tolerance("value")); break;
            case "sigma_to_t": CheckSigmaToTime(numbers, check, tolerance("t")); break;
            case "sigma_conversions": foreach (var line in numbers.EnumerateArray()) CheckConversion(line, check, tolerance("sigmas")); break;
            case "calculate_shift": foreach (var line in numbers.EnumerateArray()) CheckShift(line, check, tolerance("mu")); break;
            case "time_shift": foreach (var line in numbers.EnumerateArray()) CheckTimeShift(line, check, tolerance("value")); break;
            case "flow_sigmas": foreach (var line in numbers.EnumerateArray()) CheckFlowSigmas(line, check, tolerance("sigmas")); break;
            case "align_your_steps": CheckAlignYourSteps(numbers, check); break;
            case "img2img_t_start": CheckStarts(numbers, check); break;
            case "sdxl_denoising_end_start": CheckHandOver(numbers, check); break;
            case "singlestep_orders": CheckSinglestepOrders(numbers, check); break;
            case "pndm_timesteps": CheckPndm(numbers, check); break;
            case "spacings": foreach (var line in numbers.EnumerateArray()) CheckSpacing(line, check); break;
            case "lms_coefficients": CheckLinearMultistep(numbers, check, tolerance("rows")); break;
            case "lcm_scalings": foreach (var line in numbers.EnumerateArray()) CheckLatentConsistency(line, check, tolerance("lcm_scalings")); break;
            case "cm_scalings": foreach (var line in numbers.EnumerateArray()) CheckConsistency(line, check, tolerance("cm_scalings")); break;
            case "edm_scheduler_preconditioning": foreach (var line in numbers.EnumerateArray()) CheckEdmScheduler(line, check, tolerance("edm")); break;
            case "cosine_c_noise": foreach (var line in numbers.EnumerateArray()) CheckCosineNoise(line, check, tolerance("cosine_c_noise")); break;
            case "guidance_scale_embedding": foreach (var line in numbers.EnumerateArray()) CheckGuidanceEmbedding(line, check, tolerance("guidance_scale_embedding")); break;
            default: throw new NotImplementedHereException($"Imago has nothing yet that {part} could test");
        }
    }

    private static double[] Numbers(JsonElement list) => [.. list.EnumerateArray().Select(item => item.Number())];

    private static void CheckDdpmVariance(JsonElement line, Checks check, double tolerance)
    {
        var config = ConfigOf("ddpm_variance", "DDPMScheduler", line.GetProperty("schedule"));
        var type = JsonSerializer.Deserialize<VarianceType>(line.GetProperty("variance_type").GetRawText(), ConfigJson.Options);
        var values = line.GetProperty("value").EnumerateArray().ToArray();
        var predicted = line.GetProperty("predicted") is { ValueKind: JsonValueKind.Array } list ? Numbers(list) : null;
        foreach (var (i, (alphaBar, next)) in Neighbours(config, line).Index())
        {
            if (predicted is null) check.Scalar($"variance {type}", AncestralVariance.Of(type, alphaBar, next, precision: TablePrecision.AsPublished), values[i].GetDouble(), tolerance);
            else foreach (var (p, want) in predicted.Zip(Numbers(values[i]))) check.Scalar($"variance {type}", AncestralVariance.Of(type, alphaBar, next, p, TablePrecision.AsPublished), want, tolerance);
        }
    }

    private static void CheckDdimVariance(JsonElement line, Checks check, double tolerance)
    {
        var config = SchedulerConfig.Default(SchedulerKind.Ddim) with { SetAlphaToOne = line.GetProperty("set_alpha_to_one").GetBoolean() };
        foreach (var ((alphaBar, next), want) in Neighbours(config, line).Zip(Numbers(line.GetProperty("value"))))
            check.Scalar("variance", AncestralVariance.Deterministic(alphaBar, next), want, tolerance);
    }

    /// <summary>ᾱ at each timestep, and at the one that a step of this length reaches.</summary>
    private static IEnumerable<(double AlphaBar, double Next)> Neighbours(SchedulerConfig config, JsonElement line)
    {
        var alphaBars = SchedulerTables.Of(config).AlphaBars;
        var distance = line.GetProperty("steps") is { ValueKind: JsonValueKind.Number } steps ? config.NumTrainTimesteps / steps.GetInt32() : 1;
        return Numbers(line.GetProperty("t")).Select(t => (alphaBars[(int)t], t >= distance ? alphaBars[(int)t - distance] : config.SetAlphaToOne ? 1 : alphaBars[0]));
    }

    private static void CheckSigmaToTime(JsonElement numbers, Checks check, double tolerance)
    {
        var process = ConfigOf("sigma_to_t", "EulerDiscreteScheduler", numbers.GetProperty("schedule")).Process();
        foreach (var (sigma, time) in Numbers(numbers.GetProperty("sigma")).Zip(Numbers(numbers.GetProperty("t"))))
            check.Scalar($"time of {sigma}", process.AtRatio(sigma).Time, time, tolerance);
    }

    private static void CheckConversion(JsonElement line, Checks check, double tolerance)
    {
        var (from, to, count) = (line.GetProperty("sigma_max").GetDouble(), line.GetProperty("sigma_min").GetDouble(), line.GetProperty("n").GetInt32());
        var got = line.GetProperty("kind").GetString() switch
        {
            "karras" => Ramps.Karras(from, to, count),
            "exponential" => Ramps.Exponential(from, to, count),
            "beta" => Ramps.Beta(from, to, count),
            var other => throw new NotImplementedHereException($"Imago has no conversion {other}"),
        };
        check.Tensor($"{line.GetProperty("kind")} of {count}", tensor(got), tensor(Numbers(line.GetProperty("sigmas"))), tolerance);
    }

    private static void CheckAlignYourSteps(JsonElement numbers, Checks check)
    {
        foreach (var list in numbers.EnumerateObject())
        {
            IEnumerable<double> got = list.Name switch
            {
                "StableDiffusionTimesteps" => AlignYourSteps.StableDiffusionTimesteps.Select(t => (double)t),
                "StableDiffusionSigmas" => AlignYourSteps.StableDiffusionSigmas,
                "StableDiffusionXLTimesteps" => AlignYourSteps.StableDiffusionXLTimesteps.Select(t => (double)t),
                "StableDiffusionXLSigmas" => AlignYourSteps.StableDiffusionXLSigmas,
                "StableDiffusionVideoSigmas" => AlignYourSteps.StableVideoDiffusionSigmas,
                var other => throw new NotImplementedHereException($"Imago has no list {other}"),
            };
            check.Exact(list.Name, tensor(got.ToArray()), tensor(Numbers(list.Value)));
        }
    }

    private static void CheckLinearMultistep(JsonElement numbers, Checks check, double tolerance)
    {
        var sigmas = Numbers(numbers.GetProperty("sigmas"));
        foreach (var row in numbers.GetProperty("rows").EnumerateArray())
        {
            var (step, order) = (row[0].GetInt32(), row[1].GetInt32());
            var nodes = sigmas[(step - order + 1)..(step + 1)].Reverse().ToArray();
            double[] got = [.. Enumerable.Range(0, order).Select(j => Lagrange.Integral(nodes, j, sigmas[step], sigmas[step + 1]))];
            check.Tensor($"step {step}, order {order}", tensor(got), tensor(Numbers(row[2])), tolerance);
        }
    }

    private static void RunNoising(GoldenCase golden, Checks check)
    {
        var kind = golden.Name["noising-".Length..];
        using var file = golden.Open(golden.Entry.GetProperty("tensors").GetString()!);
        var (x0, noise) = (file.Read("noising/x0").to(float64), file.Read("noising/noise").to(float64));
        var config = NoisingConfig(kind);
        if (kind.StartsWith("ddpm", StringComparison.Ordinal))
        {
            var levels = new NoiseLevels([.. file.Read("noising/t").data<long>().Select(t => config.Process().At(t))]);
            check.Tensor("add_noise", levels.Noisy(x0, noise), file.Read($"noising/{kind}/add_noise"), ToleranceOf(golden, "add_noise"));
            check.Tensor("velocity", Prediction.Velocity.Of(x0, noise, levels.Alpha(x0), levels.Sigma(x0)), file.Read($"noising/{kind}/velocity"), ToleranceOf(golden, "velocity"));
            check.Tensor("snr", tensor(levels.Items.Select(level => level.Snr).ToArray()), file.Read($"noising/{kind}/snr"), ToleranceOf(golden, "snr"));
            return;
        }
        (x0, noise) = (x0.slice(0, 0, 3, 1), noise.slice(0, 0, 3, 1));
        CheckScheduledNoise(golden, check, file, kind, config, x0, noise);
    }

    private static void CheckScheduledNoise(GoldenCase golden, Checks check, TensorFile file, string kind, SchedulerConfig config, Tensor x0, Tensor noise)
    {
        var steps = config.StepsFor(8);
        int[] positions = [.. file.Read($"noising/{kind}/timesteps").to(float64).data<double>().Select(t => steps.Timesteps.Index().MinBy(item => Math.Abs(item.Item - t)).Index)];
        NoiseLevel Level(double sigma)
        {
            if (config.HasFlowLevels) return new(1 - sigma, sigma, 0);
            var alpha = config.IsExploding ? 1 : 1 / Math.Sqrt(1 + sigma * sigma);
            return new(alpha, alpha * sigma, 0);
        }
        var levels = new NoiseLevels([.. positions.Select(position => Level(steps.Sigmas[position]))]);
        check.Tensor("add_noise", levels.Noisy(x0, noise), file.Read($"noising/{kind}/add_noise"), ToleranceOf(golden, "add_noise"));
        if (!file.Contains($"noising/{kind}/velocity")) return;
        var atPositions = new NoiseLevels([.. positions.Select(position => config.Process().At(position))]);        // the library's slip: position for training step
        check.Tensor("velocity", Prediction.Velocity.Of(x0, noise, atPositions.Alpha(x0), atPositions.Sigma(x0)), file.Read($"noising/{kind}/velocity"), ToleranceOf(golden, "velocity"));
    }

    /// <summary>What the words of a case's name mean: a class, its schedule, and what is changed. The flows have Stable Diffusion 3's shift.</summary>
    private static SchedulerConfig NoisingConfig(string kind)
    {
        var words = kind.Split('-');
        var config = SchedulerConfig.Default(words[0] switch
        {
            "ddpm" => SchedulerKind.Ddpm,
            "euler" => SchedulerKind.Euler,
            "heun" => SchedulerKind.Heun,
            "dpm" => SchedulerKind.DpmSolverMultistep,
            "flow" => SchedulerKind.FlowMatchEuler,
            var other => throw new NotImplementedHereException($"the word {other} is no scheduler"),
        }) with { Shift = 3, FlowShift = 3 };
        foreach (var word in words[1..])
        {
            config = word switch
            {
                "linear" => config with { BetaSchedule = BetaSchedule.Linear },
                "sd" => config with { BetaSchedule = BetaSchedule.ScaledLinear, BetaStart = 0.00085, BetaEnd = 0.012 },
                "cosine" => config with { BetaSchedule = BetaSchedule.Cosine },
                "zero" => config with { RescaleBetasZeroSnr = true },
                "karras" => config with { UseKarrasSigmas = true },
                "flow" => config with { UseFlowSigmas = true },
                "snr" => config,
                var other => throw new NotImplementedHereException($"the word {other} is no schedule"),
            };
        }
        return config;
    }
}

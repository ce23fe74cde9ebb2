using System.Text.Json;
using Imago.Diffusion;
using static TorchSharp.torch;

namespace Imago.Golden.Sets;

/// <summary>Closed functions that count steps, shift levels or scale networks.</summary>
internal sealed partial class SchedulersSet
{
    private static void CheckShift(JsonElement line, Checks check, double tolerance)
    {
        double Get(string key) => line.GetProperty(key).GetDouble();
        check.Scalar("mu", TimeShift.Mu(Get("image_seq_len"), Get("base_seq_len"), Get("max_seq_len"), Get("base_shift"), Get("max_shift")), Get("mu"), tolerance);
    }

    private static void CheckTimeShift(JsonElement line, Checks check, double tolerance)
    {
        var kind = line.GetProperty("kind").GetString() == "linear" ? TimeShiftKind.Linear : TimeShiftKind.Exponential;
        var got = Numbers(line.GetProperty("t")).Select(t => TimeShift.Dynamic(t, line.GetProperty("mu").GetDouble(), kind)).ToArray();
        check.Tensor("value", tensor(got), tensor(Numbers(line.GetProperty("value"))), tolerance);
    }

    private static void CheckFlowSigmas(JsonElement line, Checks check, double tolerance)
    {
        var (count, config) = (line.GetProperty("steps").GetInt32(), SchedulerConfig.Default(SchedulerKind.FlowMatchEuler));
        void Compare(string key, IReadOnlyList<double> got)
        {
            if (line.TryGetProperty(key, out var want)) check.Tensor($"{key} of {count}", tensor(got.ToArray()), tensor(Numbers(want)), tolerance);
        }
        if (line.TryGetProperty("static_shift", out var shift))
        {
            var steps = (config with { Shift = shift.GetDouble() }).StepsFor(count);
            Compare("sigmas", steps.Sigmas);
            Compare("timesteps", steps.Timesteps);
            return;
        }
        var mu = TimeShift.Mu(line.GetProperty("seq_len").GetDouble(), maxShift: line.TryGetProperty("max_shift", out var most) ? most.GetDouble() : 1.15);
        check.Scalar("mu", mu, line.GetProperty("mu").GetDouble(), 1e-12);
        config = config with { UseDynamicShifting = true };
        Compare("sd3_sigmas", config.StepsFor(new SchedulerRequest { Steps = count, Mu = mu }).Sigmas);
        Compare("flux_sigmas", config.StepsFor(new SchedulerRequest { Sigmas = Ramps.Linear(1, 1.0 / count, count), Mu = mu }).Sigmas);
    }

    private static void CheckStarts(JsonElement numbers, Checks check)
    {
        foreach (var row in numbers.GetProperty("rows").EnumerateArray())
        {
            var (steps, strength) = (row[0].GetInt32(), row[1].GetDouble());
            check.Equal($"start of {steps} at {strength}", PartialRuns.Start(steps, strength), row[2].GetInt32());
            check.Equal($"flow's start of {steps} at {strength}", PartialRuns.StartOfFlow(steps, strength), row[3].GetInt32());
        }
    }

    private static void CheckHandOver(JsonElement numbers, Checks check)
    {
        foreach (var row in numbers.GetProperty("rows").EnumerateArray())
        {
            var (name, count, fraction) = (row[0].GetString()!, row[1].GetInt32(), row[2].GetDouble());
            var config = SchedulerConfig.Parse($$"""{"_class_name": "{{name}}", "timestep_spacing": "leading", "steps_offset": 1}""", name);
            var timesteps = config.StepsFor(count).Timesteps;
            check.Equal($"{name} {count} {fraction}: cut-off", PartialRuns.HandOver(fraction), row[3].GetInt32());
            check.Equal($"{name} {count} {fraction}: kept", PartialRuns.EvaluationsBefore(timesteps, fraction), row[4].GetInt32());
            check.Equal($"{name} {count} {fraction}: start", PartialRuns.StartAfter(timesteps, fraction, config.Kind == SchedulerKind.Heun ? 2 : 1), row[5].GetInt32());
        }
    }

    private static void CheckSinglestepOrders(JsonElement numbers, Checks check)
    {
        foreach (var row in numbers.GetProperty("rows").EnumerateArray())
        {
            var config = SchedulerConfig.Default(SchedulerKind.DpmSolverSinglestep) with
            {
                SolverOrder = row[0].GetInt32(),
                LowerOrderFinal = row[1].GetBoolean(),
                FinalSigmasType = JsonSerializer.Deserialize<FinalSigma>(row[2].GetRawText(), ConfigJson.Options),
            };
            var steps = row[3].GetInt32();
            check.True($"orders of {row}", config.SinglestepOrders(steps).Select(order => (double)order).SequenceEqual(Numbers(row[4])));
            check.Equal($"lower_order_final of {row}", config.LowersOrderAtEnd(steps), row[5].GetBoolean());
        }
    }

    private static void CheckPndm(JsonElement numbers, Checks check)
    {
        foreach (var row in numbers.GetProperty("rows").EnumerateArray())
        {
            var config = SchedulerConfig.Parse($$"""{"_class_name": "PNDMScheduler", "skip_prk_steps": {{row[0].GetRawText()}}, "timestep_spacing": {{row[1].GetRawText()}}, "steps_offset": 1}""", "pndm_timesteps");
            check.Exact($"{row[1]} {row[2]}", tensor(config.StepsFor(row[2].GetInt32()).Timesteps.ToArray()), tensor(Numbers(row[3])));
        }
    }

    private static void CheckSpacing(JsonElement line, Checks check)
    {
        foreach (var (key, kind) in new[] { ("ddim", SchedulerKind.Ddim), ("dpm_multistep", SchedulerKind.DpmSolverMultistep) })
        {
            var want = line.GetProperty(key);
            var spacing = JsonSerializer.Deserialize<TimestepSpacing>(line.GetProperty("spacing").GetRawText(), ConfigJson.Options);
            var got = (SchedulerConfig.Default(kind) with { TimestepSpacing = spacing }).StepsFor(line.GetProperty("steps").GetInt32()).Timesteps;
            var name = $"{key} {spacing} {line.GetProperty("steps")}";
            check.Equal($"{name} count", got.Count, want.GetProperty("count").GetInt32());
            var (head, tail) = (Numbers(want.GetProperty("head")), Numbers(want.GetProperty("tail")));
            check.True($"{name} head", got.Take(head.Length).SequenceEqual(head));
            check.True($"{name} tail", got.TakeLast(tail.Length).SequenceEqual(tail));
            check.Equal($"{name} sum", got.Sum(), want.GetProperty("sum").GetDouble());
        }
    }

    private static void CheckLatentConsistency(JsonElement line, Checks check, double tolerance)
    {
        var got = ConsistencyScalings.Latent(line.GetProperty("t").GetDouble(), line.GetProperty("timestep_scaling").GetDouble());
        check.Tensor("c", tensor(new[] { got.Skip, got.Out }), tensor(Numbers(line.GetProperty("c"))), tolerance);
    }

    private static void CheckConsistency(JsonElement line, Checks check, double tolerance)
    {
        var sigma = line.GetProperty("sigma").GetDouble();
        var (bounded, plain) = (ConsistencyScalings.Pixel(sigma), Preconditioning.Edm(sigma));
        check.Tensor("boundary", tensor(new[] { bounded.Skip, bounded.Out }), tensor(Numbers(line.GetProperty("boundary"))), tolerance);
        check.Tensor("plain", tensor(new[] { plain.Skip, plain.Out }), tensor(Numbers(line.GetProperty("plain"))), tolerance);
        check.Scalar("t", 1000 * plain.Noise, line.GetProperty("t").GetDouble(), tolerance);
    }

    private static void CheckEdmScheduler(JsonElement line, Checks check, double tolerance)
    {
        var (sigma, data) = (line.GetProperty("sigma").GetDouble(), line.GetProperty("sigma_data").GetDouble());
        var got = line.GetProperty("prediction_type").GetString() == "v_prediction" ? Preconditioning.EdmVelocity(sigma, data) : Preconditioning.Edm(sigma, data);
        foreach (var (key, value) in new[] { ("c_in", got.In), ("c_noise", got.Noise), ("c_skip", got.Skip), ("c_out", got.Out) })
            check.Scalar(key, value, line.GetProperty(key).GetDouble(), tolerance);
    }

    private static void CheckCosineNoise(JsonElement line, Checks check, double tolerance)
    {
        var sigma = line.GetProperty("sigma").GetDouble();
        var config = SchedulerConfig.Default(SchedulerKind.CosineDpmSolverMultistep) with { SigmaMax = sigma, SigmaMin = sigma };
        check.Scalar($"c_noise of {sigma}", config.StepsFor(1).Timesteps[0], line.GetProperty("c_noise").GetDouble(), tolerance);
    }

    private static void CheckGuidanceEmbedding(JsonElement line, Checks check, double tolerance)
    {
        var rows = line.GetProperty("value").EnumerateArray().Select(Numbers).ToArray();
        var got = GuidanceEmbedding.Of(Numbers(line.GetProperty("w")), line.GetProperty("dim").GetInt32());
        check.Tensor("embedding", got, tensor(rows.SelectMany(row => row).ToArray()).reshape(rows.Length, -1), tolerance);
    }
}

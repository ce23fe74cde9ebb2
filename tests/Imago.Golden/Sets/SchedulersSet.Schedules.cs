using System.Text.Json;
using System.Text.Json.Nodes;
using Imago.Diffusion;
using Imago.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Golden.Sets;

/// <summary>Timesteps and sigmas: those of the trajectories' own configurations, and those of published configurations for many numbers of steps.</summary>
internal sealed partial class SchedulersSet
{
    /// <summary>A unit in the last place of single precision, relative; two different compilers' exponentials may differ by one.</summary>
    private const double SingleRounding = 1.2e-7;

    /// <summary>The line of a JSON file's <c>cases</c> with the case's name.</summary>
    private static JsonElement Line(GoldenCase golden) => golden.Json(golden.Entry.GetProperty("config").GetString()!.Split('#')[0]).GetProperty("cases")
        .EnumerateArray().Single(line => line.GetProperty("name").GetString() == golden.Name);

    /// <summary>The configuration of a line: from its hub's file where there is one and the file is here, else from the full configuration.</summary>
    private static SchedulerConfig ConfigOf(GoldenCase golden, JsonElement line)
    {
        var config = ConfigOf(golden.Name, line.GetProperty("class").GetString()!, line.GetProperty("config"));
        if (!line.TryGetProperty("hub", out var hub)) return config;
        var file = Path.Combine(golden.Folder, "..", "..", "hub", hub.GetString()!);
        if (!File.Exists(file)) return config;
        var changes = line.TryGetProperty("override", out var over) ? over : line.GetProperty("explicit");
        return SchedulerConfig.Load(file).As(config.Kind).With(changes.GetRawText());
    }

    /// <summary>Every key of the full configuration has the value that Imago ends up with.</summary>
    private static void CheckConfig(Checks check, SchedulerConfig config, JsonElement full)
    {
        var own = config.AllKeys();
        foreach (var entry in full.EnumerateObject().Where(entry => own.ContainsKey(entry.Name)))
        {
            var (got, want) = (own[entry.Name]?.ToJsonString() ?? "null", entry.Value.GetRawText());
            var same = JsonNode.DeepEquals(own[entry.Name], JsonNode.Parse(want)) || (got.Trim('"') == "-Infinity" && want.Trim('"') == "-inf");
            check.True($"config {entry.Name}", same || IsEqualNumber(own[entry.Name], entry.Value), $"{got}, expected {want}");
        }
    }

    private static bool IsEqualNumber(JsonNode? got, JsonElement want) =>
        got is JsonValue value && value.GetValueKind() == JsonValueKind.Number && want.ValueKind == JsonValueKind.Number && value.GetValue<double>() == want.GetDouble();

    /// <summary>What a line's <c>set_timesteps</c> asks for.</summary>
    private static SchedulerRequest RequestOf(JsonElement arguments)
    {
        double? Number(string key) => arguments.TryGetProperty(key, out var value) ? value.Number() : null;
        double[]? List(string key) => arguments.TryGetProperty(key, out var value) ? [.. value.EnumerateArray().Select(item => item.Number())] : null;
        return new()
        {
            Steps = (int?)Number("num_inference_steps"),
            Timesteps = List("timesteps"),
            Sigmas = List("sigmas"),
            Mu = Number("mu"),
            Strength = Number("strength") ?? 1,
            JumpLength = (int)(Number("jump_length") ?? 10),
            JumpSamples = (int)(Number("jump_n_sample") ?? 10),
        };
    }

    private static void CheckSteps(Checks check, SchedulerSteps steps, TensorFile file, string prefix, double timesteps, double sigmas)
    {
        check.Tensor($"{prefix}/timesteps", tensor(steps.Timesteps.ToArray()), file.Read($"{prefix}/timesteps"), timesteps);
        if (file.Contains($"{prefix}/sigmas") && steps.Sigmas.Count > 0) check.Tensor($"{prefix}/sigmas", tensor(steps.Sigmas.ToArray()), file.Read($"{prefix}/sigmas"), sigmas);
    }

    /// <summary>The configuration, timesteps and sigmas of a trajectory.</summary>
    private static void CheckSchedule(GoldenCase golden, Checks check)
    {
        var line = Line(golden);
        var config = ConfigOf(golden, line);
        if (!line.TryGetProperty("config_changed_by_set_timesteps", out _)) CheckConfig(check, config, line.GetProperty("config"));
        var steps = config.StepsFor(RequestOf(line.GetProperty("set_timesteps")));
        var tolerance = golden.Entry.GetProperty("tolerance");
        double Tolerance(string key, double otherwise) => tolerance.TryGetProperty(key, out var value) && value.ValueKind == JsonValueKind.Number ? value.GetDouble() : otherwise;
        if (line.TryGetProperty("table", out var named) && named.GetString() is { } table) CheckTable(golden, check, config, table);
        using var file = golden.Open(golden.Entry.GetProperty("tensors").GetString()!);
        CheckSteps(check, steps, file, golden.Name, Tolerance("timesteps", 0), Tolerance("sigmas_f32", 2e-6));
        if (file.Contains($"{golden.Name}/sigmas_interpol"))
            check.Tensor("sigmas_interpol", tensor(steps.MiddleSigmas.ToArray()), file.Read($"{golden.Name}/sigmas_interpol"), 2e-4);
        if (line.TryGetProperty("init_noise_sigma", out var initial)) check.Scalar("init_noise_sigma", steps.InitNoiseSigma, initial.Number(), 2e-6);
    }

    /// <summary>The table that the original computed for this configuration, to the last bit of single precision.</summary>
    private static void CheckTable(GoldenCase golden, Checks check, SchedulerConfig config, string table)
    {
        using var file = golden.Open("diffusers/tables.safetensors");
        if (!file.Contains($"{table}/alphas_cumprod")) return;
        Elementwise(check, $"alphas_cumprod of {table}", SchedulerTables.Of(config).AlphaBars, file.Read($"{table}/alphas_cumprod"), SingleRounding);
    }

    private static void RunHubSchedule(GoldenCase golden, Checks check)
    {
        var line = Line(golden);
        var config = ConfigOf(golden, line);
        CheckConfig(check, config, line.GetProperty("config"));
        var tolerance = golden.Entry.GetProperty("tolerance");
        using var file = golden.Open(golden.Entry.GetProperty("tensors").GetString()!);
        foreach (var (count, initial) in line.GetProperty("steps").EnumerateArray().Select(count => count.GetInt32()).Zip(line.GetProperty("init_noise_sigma").EnumerateArray()))
        {
            var steps = config.StepsFor(count);
            CheckSteps(check, steps, file, $"{golden.Name}/{count}", tolerance.GetProperty("timesteps").GetDouble(), tolerance.GetProperty("sigmas").GetDouble());
            if (initial.ValueKind != JsonValueKind.Null) check.Scalar($"init_noise_sigma for {count}", steps.InitNoiseSigma, initial.Number(), 2e-6);
        }
    }
}

using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using Imago.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Golden.Sets;

/// <summary>Moving averages of weights, among the kind <c>training</c>.</summary>
internal sealed partial class SchedulersSet
{
    /// <summary>diffusers' EMAModel: parameters that are averaged, and a last one that is copied.</summary>
    private static void CompareAverage(GoldenCase golden, Checks check)
    {
        using var file = Tensors(golden);
        var entry = Config(golden).GetProperty("cases").EnumerateArray().Single(item => $"ema/{item.GetProperty("name").GetString()}" == golden.Name);
        long[] sizes = [.. SizeAtStart().Matches(Config(golden).GetProperty("layout").GetString()!).Select(match => long.Parse(match.Value, CultureInfo.InvariantCulture))];
        var weights = file.Read("ema/initial").to(float64).clone();
        var parameters = file.Read("ema/parameters").to(float64);
        var parts = weights.split(sizes);
        (string, Tensor)[] named = [.. parts.Select((part, i) => ($"{i}", part))];
        var options = AverageOptions(entry.GetProperty("arguments"));
        using var ema = new Ema(named[..^1], named[^1..], options);
        var (shadows, decays) = (new List<Tensor>(), new List<double>());
        for (int update = 0; update < parameters.shape[0]; update++)
        {
            weights.copy_(parameters[update]);
            decays.Add(ema.DecayAt(ema.Updates));
            ema.Update();
            shadows.Add(cat([.. ema.State.Select(state => state.Value)]));
        }
        check.Tensor("shadow", stack(shadows), file.Read($"{golden.Name}/shadow"), Tolerance(golden, "shadow"));
        check.Tensor("decay", tensor(decays.ToArray()), file.Read($"{golden.Name}/decay"), Tolerance(golden, "decay"));
    }

    /// <summary>The sizes in "12 + 5 + 4 numbers: …".</summary>
    [GeneratedRegex(@"(?<=^[\d+ ]*)\d+")]
    private static partial Regex SizeAtStart();

    private static EmaOptions AverageOptions(JsonElement arguments)
    {
        double Get(string key, double otherwise) => arguments.TryGetProperty(key, out var value) ? value.GetDouble() : otherwise;
        return new()
        {
            Decay = Get("decay", 0.9999),
            Warmup = arguments.TryGetProperty("use_ema_warmup", out var flag) && flag.GetBoolean() ? EmaWarmup.Power : EmaWarmup.Ramp,
            MinDecay = Get("min_decay", 0),
            StartAfterSteps = (long)Get("update_after_step", 0),
            InverseGamma = Get("inv_gamma", 1),
            Power = Get("power", 2.0 / 3),
        };
    }

    private static void CompareOtherAverages(GoldenCase golden, Checks check)
    {
        var root = Config(golden);
        void Compare(string name, EmaOptions options, JsonElement steps, JsonElement values, int first = 0)
        {
            foreach (var (n, want) in steps.EnumerateArray().Zip(values.EnumerateArray()))
                check.Scalar($"{name} at {n}", options.DecayAt(n.GetInt64() - first), want.GetDouble(), Tolerance(golden, "*"));
        }
        var lit = root.GetProperty("ldm_litema");
        Compare("ldm", new() { Decay = lit.GetProperty("decay").GetDouble(), Warmup = EmaWarmup.RampFromOne }, lit.GetProperty("n"), lit.GetProperty("value"), first: 1);
        foreach (var row in root.GetProperty("edm").EnumerateArray())
        {
            Compare("edm", new()
            {
                Warmup = EmaWarmup.HalfLife,
                HalfLifeSteps = row.GetProperty("halflife_img").GetDouble() / row.GetProperty("batch").GetDouble(),
                RampUpRatio = row.GetProperty("rampup_ratio") is { ValueKind: JsonValueKind.Number } ratio ? ratio.GetDouble() : null,
            }, row.GetProperty("step"), row.GetProperty("beta"));
        }
        foreach (var row in root.GetProperty("k_diffusion").EnumerateArray())
        {
            Compare("k-diffusion", new()
            {
                Warmup = EmaWarmup.Power,
                Decay = row.GetProperty("max_value").GetDouble(),
                InverseGamma = row.GetProperty("inv_gamma").GetDouble(),
                Power = row.GetProperty("power").GetDouble(),
                StartAfterSteps = row.GetProperty("start_at").GetInt64(),
            }, row.GetProperty("epoch"), row.GetProperty("value"));
        }
    }
}

using System.Text.Json;
using Imago.Diffusion;
using static TorchSharp.torch;

namespace Imago.Golden.Sets;

/// <summary>k-diffusion's schedules and discrete networks; the tables of Karras et al. 2022.</summary>
internal sealed partial class SchedulersSet
{
    /// <summary>A case's name is <c>schedule/KIND/STEPS</c>.</summary>
    private static void RunKDiffusionSchedule(GoldenCase golden, Checks check)
    {
        var parts = golden.Name.Split('/');
        var (kind, count) = (parts[^2], int.Parse(parts[^1], System.Globalization.CultureInfo.InvariantCulture));
        var numbers = golden.Json("kdiffusion/cases.json#schedules").GetProperty(kind);
        double Get(string key) => numbers.GetProperty(key).GetDouble();
        double[] sigmas = kind switch
        {
            "karras" => EdmTimeSteps.Edm(count, Get("sigma_min"), Get("sigma_max"), Get("rho")),
            "exponential" => [.. Ramps.Exponential(Get("sigma_max"), Get("sigma_min"), count), 0],
            "polyexponential" => [.. Ramps.Polyexponential(Get("sigma_max"), Get("sigma_min"), count, Get("rho")), 0],
            "vp" => EdmTimeSteps.VariancePreserving(count, new(Get("beta_d"), Get("beta_min"), Get("eps_s"))).Sigmas,
            var other => throw new NotImplementedHereException($"Imago has no schedule {other}"),
        };
        using var file = golden.Open(golden.Entry.GetProperty("tensors").GetString()!);
        Elementwise(check, "f64", sigmas, file.Read($"{golden.Name}/f64"), ToleranceOf(golden, "f64"));
    }

    private static void RunKDiffusionDiscrete(GoldenCase golden, Checks check)
    {
        var words = golden.Json("kdiffusion/cases.json#discrete/alphas_cumprod").GetString()!.Split(' ');
        double Word(int index) => double.Parse(words[index], System.Globalization.CultureInfo.InvariantCulture);
        var config = SchedulerConfig.Default(SchedulerKind.Euler) with
        {
            BetaSchedule = JsonSerializer.Deserialize<BetaSchedule>($"\"{words[0]}\"", ConfigJson.Options),
            BetaStart = Word(1),
            BetaEnd = Word(3),
        };
        var process = (VariancePreserving)config.Process();
        using var file = golden.Open(golden.Entry.GetProperty("tensors").GetString()!);
        var sigmas = file.Read("discrete/sigma").to(float64).data<double>().ToArray();
        var times = file.Read("discrete/t").to(float64).data<double>().ToArray();
        void Compare(string name, IEnumerable<double> got) => check.Tensor(name, tensor(got.ToArray()), file.Read($"discrete/{name}"), ToleranceOf(golden, name));
        foreach (var name in golden.Entry.GetProperty("outputs").EnumerateArray().Select(output => output.GetString()!["discrete/".Length..]))
        {
            Compare(name, name.Split('/')[0] switch
            {
                "get_sigmas" => [.. Ramps.Linear(process.NoisiestTime, 0, int.Parse(name.Split('/')[1], System.Globalization.CultureInfo.InvariantCulture)).Select(t => process.At(t).Ratio), 0],
                "sigma_to_t" => sigmas.Select(sigma => process.AtRatio(sigma).Time),
                "sigma_to_t_quantized" => sigmas.Select(sigma => (double)process.NearestTime(sigma)),
                "t_to_sigma" => times.Select(t => process.At(t).Ratio),
                "eps_c_out" => sigmas.Select(sigma => Preconditioning.Of(Prediction.Epsilon, process, sigma).Out),
                "eps_c_in" => sigmas.Select(sigma => Preconditioning.Of(Prediction.Epsilon, process, sigma).In),
                "v_c_skip" => sigmas.Select(sigma => Preconditioning.Of(Prediction.Velocity, process, sigma).Skip),
                "v_c_out" => sigmas.Select(sigma => Preconditioning.Of(Prediction.Velocity, process, sigma).Out),
                "v_c_in" => sigmas.Select(sigma => Preconditioning.Of(Prediction.Velocity, process, sigma).In),
                "v_sigma_to_t" => sigmas.Select(sigma => new CosineAngle().AtRatio(sigma).Time),
                var other => throw new NotImplementedHereException($"Imago has nothing yet that {other} could test"),
            });
        }
    }

    private static void RunEdmTables(GoldenCase golden, Checks check)
    {
        var root = golden.Json("edm/cases.json");
        foreach (var part in Fragments(golden))
        {
            switch (part)
            {
                case "preconditioning": CheckTable1(root, check, name => ToleranceOf(golden, name)); break;
                case "time_steps": CheckTimeSteps(root, check, name => ToleranceOf(golden, name)); break;
                case "iddpm_u": CheckImprovedDdpmLevels(root, check, ToleranceOf(golden, part)); break;
                default: throw new NotImplementedHereException($"Imago has nothing yet that {part} could test");
            }
        }
    }

    private static VariancePreservingSde VpProcess(JsonElement root)
    {
        var vp = root.GetProperty("constants").GetProperty("vp");
        return new(vp.GetProperty("beta_d").GetDouble(), vp.GetProperty("beta_min").GetDouble(), vp.GetProperty("epsilon_s").GetDouble(), vp.GetProperty("M").GetInt32());
    }

    private static double[] ImprovedDdpmLevels(JsonElement root)
    {
        var constants = root.GetProperty("constants").GetProperty("iddpm");
        return EdmTimeSteps.ImprovedDdpmLevels(constants.GetProperty("M").GetInt32(), constants.GetProperty("C1").GetDouble(), constants.GetProperty("C2").GetDouble());
    }

    private static void CheckTable1(JsonElement root, Checks check, Func<string, double> tolerance)
    {
        var (vp, levels) = (VpProcess(root), ImprovedDdpmLevels(root));
        var sigmas = Numbers(root.GetProperty("preconditioning").GetProperty("sigma"));
        foreach (var row in root.GetProperty("preconditioning").GetProperty("table").EnumerateObject())
        {
            var words = row.Name.Split(' ');
            Preconditioning Factors(double sigma) => words[0] switch
            {
                "edm" => Preconditioning.Edm(sigma, double.Parse(words[1].Split('=')[1], System.Globalization.CultureInfo.InvariantCulture)),
                "vp" => Preconditioning.VariancePreserving(sigma, vp),
                "ve" => Preconditioning.VarianceExploding(sigma),
                "iddpm" => Preconditioning.ImprovedDdpm(sigma, levels),
                var other => throw new NotImplementedHereException($"Imago has no preconditioning {other}"),
            };
            var got = sigmas.Select(Factors).ToArray();
            foreach (var (key, value) in new (string, Func<Preconditioning, double>)[] { ("c_skip", c => c.Skip), ("c_out", c => c.Out), ("c_in", c => c.In), ("c_noise", c => c.Noise), ("loss_weight", c => c.LossWeight) })
            {
                if (row.Value.TryGetProperty(key, out var want)) check.Tensor($"{row.Name} {key}", tensor(got.Select(value).ToArray()), tensor(Numbers(want)), tolerance(key));
            }
        }
    }

    private static void CheckTimeSteps(JsonElement root, Checks check, Func<string, double> tolerance)
    {
        var (vp, levels, ve) = (VpProcess(root), ImprovedDdpmLevels(root), root.GetProperty("constants").GetProperty("ve"));
        foreach (var line in root.GetProperty("time_steps").EnumerateArray())
        {
            var count = line.GetProperty("n").GetInt32();
            var vpSteps = EdmTimeSteps.VariancePreserving(count, vp);
            var veSteps = EdmTimeSteps.VarianceExploding(count, ve.GetProperty("sigma_min").GetDouble(), ve.GetProperty("sigma_max").GetDouble());
            var other = line.GetProperty("edm_sigma_other");
            double Get(string key) => other.GetProperty(key).GetDouble();
            void Compare(string key, double[] got, JsonElement want) => check.Tensor($"{key} of {count}", tensor(got), tensor(Numbers(want)), tolerance(key));
            Compare("vp_t", vpSteps.Times, line.GetProperty("vp_t"));
            Compare("vp_sigma", vpSteps.Sigmas, line.GetProperty("vp_sigma"));
            Compare("ve_t", veSteps.Times, line.GetProperty("ve_t"));
            Compare("ve_sigma", veSteps.Sigmas, line.GetProperty("ve_sigma"));
            Compare("iddpm_sigma", EdmTimeSteps.ImprovedDdpm(count, levels, root.GetProperty("constants").GetProperty("iddpm").GetProperty("j0").GetInt32()), line.GetProperty("iddpm_sigma"));
            Compare("edm_sigma", EdmTimeSteps.Edm(count), line.GetProperty("edm_sigma"));
            Compare("edm_sigma_other", EdmTimeSteps.Edm(count, Get("sigma_min"), Get("sigma_max"), Get("rho")), other.GetProperty("value"));
        }
    }

    private static void CheckImprovedDdpmLevels(JsonElement root, Checks check, double tolerance)
    {
        var (levels, numbers) = (ImprovedDdpmLevels(root), root.GetProperty("iddpm_u"));
        check.Tensor("u", tensor(Numbers(numbers.GetProperty("index")).Select(j => levels[(int)j]).ToArray()), tensor(Numbers(numbers.GetProperty("value"))), tolerance);
    }
}

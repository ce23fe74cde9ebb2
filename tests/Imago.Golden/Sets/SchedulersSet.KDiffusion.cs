using System.Text.Json;
using Imago.Diffusion;
using Imago.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Golden.Sets;

/// <summary>k-diffusion's samplers and its likelihood, with the exact denoiser of a Gaussian mixture.</summary>
internal sealed partial class SchedulersSet
{
    private static void RunMixture(GoldenCase golden, Checks check)
    {
        using var file = golden.Open(golden.Entry.GetProperty("tensors").GetString()!);
        var (mixture, x) = (Mixture(file), file.Read("denoiser/x"));
        var sigma = double.Parse(golden.Name.Split('/')[^1], System.Globalization.CultureInfo.InvariantCulture);
        var level = new VarianceExploding().AtRatio(sigma);
        check.Tensor("denoised", mixture.Denoise(x, level), file.Read($"{golden.Name}/denoised"), TrajectoryTolerance(golden, "denoised"));
        check.Tensor("log_prob", mixture.LogDensity(x, level), file.Read($"{golden.Name}/log_prob"), TrajectoryTolerance(golden, "log_prob"));
    }

    private static void RunKDiffusion(GoldenCase golden, Checks check)
    {
        var config = golden.Json(golden.Entry.GetProperty("config").GetString()!).GetProperty("cases").EnumerateArray().First(item => item.GetProperty("name").GetString() == golden.Name);
        var sampler = KDiffusionSampler(config.GetProperty("function").GetString()!.Split('.')[^1], config.GetProperty("arguments"));
        using var file = golden.Open(golden.Entry.GetProperty("tensors").GetString()!);
        Tensor Stored(string name) => file.Read($"{golden.Name}/{name}");
        var names = file.Tensors.Select(info => info.Name).ToHashSet();

        var process = new VarianceExploding();
        var sigmas = names.Contains($"{golden.Name}/sigmas") ? Stored("sigmas").data<double>().ToArray() : EvenSteps(config);
        var schedule = new NoiseSchedule(sigmas.Select(process.AtRatio), process);
        var seen = new Evaluations(Mixture(file));
        var hasNoise = names.Contains($"{golden.Name}/noise");
        var drawnAfter = hasNoise ? Stored("noise_after_evaluations").to(int64).data<long>().ToArray() : [];
        var (noise, used) = (hasNoise ? Stored("noise") : null, -1);
        var context = new SamplingContext
        {
            // The library draws some noise that it does not use; the count of evaluations tells which draw this one is.
            Noise = (_, _) => noise![used = Array.FindIndex(drawnAfter, used + 1, count => count == seen.Count)].clone(),
        };
        var final = sampler(seen.Denoise, Stored("x_init").to(float64) * sigmas[0], schedule, context);
        check.Tensor("eval_x", seen.X, Stored("eval_x"), TrajectoryTolerance(golden, "eval_x"));
        check.Tensor("eval_sigma", seen.Sigma, Stored("eval_sigma").flatten(), TrajectoryTolerance(golden, "eval_sigma"));
        check.Tensor("final", final, Stored("final"), TrajectoryTolerance(golden, "final"));
    }

    private static void RunLikelihood(GoldenCase golden, Checks check)
    {
        var config = golden.Json(golden.Entry.GetProperty("config").GetString()!).EnumerateArray().First(item => item.GetProperty("name").GetString() == golden.Name);
        double Get(string name) => config.GetProperty(name).GetDouble();
        using var file = golden.Open(golden.Entry.GetProperty("tensors").GetString()!);
        var (mixture, process) = (Mixture(file), new VarianceExploding());
        var (x, v) = (file.Read($"{golden.Name}/x").to(float64), file.Read($"{golden.Name}/v"));
        var value = ProbabilityFlow.LogLikelihood(mixture.Denoise, x, v, process, process.AtRatio(Get("sigma_min")), process.AtRatio(Get("sigma_max")), Get("atol"), Get("rtol"));
        check.Tensor("value", value, file.Read($"{golden.Name}/value"), TrajectoryTolerance(golden, "value"));
    }

    /// <summary>For the methods that are given ends and a number of evaluations: that many steps.</summary>
    private static double[] EvenSteps(JsonElement config)
    {
        var (min, max) = (config.GetProperty("sigma_min").GetDouble(), config.GetProperty("sigma_max").GetDouble());
        var n = config.TryGetProperty("n", out var given) && given.ValueKind == JsonValueKind.Number ? given.GetInt32() : 1;
        return [.. Enumerable.Range(0, n + 1).Select(i => i == 0 ? max : i == n ? min : max * Math.Pow(min / max, (double)i / n))];
    }

    private static Sampler KDiffusionSampler(string function, JsonElement arguments)
    {
        double Get(string name, double otherwise) => arguments.TryGetProperty(name, out var value) ? value.Number() : otherwise;
        var (eta, scale) = (Get("eta", 1), Get("s_noise", 1));
        var churn = new Churn { Amount = Get("s_churn", 0), MinRatio = Get("s_tmin", 0), MaxRatio = Get("s_tmax", double.PositiveInfinity), NoiseScale = scale };
        return function switch
        {
            "sample_euler" => Samplers.Euler(churn),
            "sample_heun" => Samplers.Heun(churn),
            "sample_dpm_2" => Samplers.Dpm2(churn),
            "sample_lms" => Samplers.Lms((int)Get("order", 4)),
            "sample_euler_ancestral" => Samplers.EulerAncestral(eta, scale),
            "sample_dpm_2_ancestral" => Samplers.Dpm2Ancestral(eta, scale),
            "sample_dpmpp_2s_ancestral" => Samplers.DpmPlusPlus2SAncestral(eta, scale),
            "sample_dpmpp_sde" => Samplers.DpmPlusPlusSde(eta, scale, Get("r", 0.5)),
            "sample_dpmpp_2m" => Samplers.DpmPlusPlus2M(),
            "sample_dpmpp_2m_sde" => Samplers.DpmPlusPlus2MSde(eta, scale, arguments.TryGetProperty("solver_type", out var rule) && rule.GetString() == "heun" ? SecondOrderRule.Heun : SecondOrderRule.Midpoint),
            "sample_dpmpp_3m_sde" => Samplers.DpmPlusPlus3MSde(eta, scale),
            "sample_dpm_fast" => Samplers.DpmFast(Get("eta", 0), scale),
            "sample_dpm_adaptive" => Samplers.DpmAdaptive(new AdaptiveOptions
            {
                Order = (int)Get("order", 3), RelativeTolerance = Get("rtol", 0.05), AbsoluteTolerance = Get("atol", 0.0078), FirstStep = Get("h_init", 0.05),
                Proportional = Get("pcoeff", 0), Integral = Get("icoeff", 1), Derivative = Get("dcoeff", 0), Acceptance = Get("accept_safety", 0.81), Eta = Get("eta", 0), NoiseScale = scale,
            }),
            _ => throw new NotImplementedHereException($"k-diffusion's {function}"),
        };
    }

    private static GaussianMixtureDenoiser Mixture(TensorFile file) => new(file.Read("mixture/means"), file.Read("mixture/stds"), file.Read("mixture/weights"));

    private static double TrajectoryTolerance(GoldenCase golden, string output) =>
        golden.Entry.GetProperty("tolerance") is var tolerance && tolerance.TryGetProperty(output, out var own) ? own.GetDouble() : tolerance.GetProperty("*").GetDouble();

    /// <summary>A denoiser that remembers what it was asked.</summary>
    private sealed class Evaluations(GaussianMixtureDenoiser mixture)
    {
        private readonly List<(Tensor X, double Sigma)> asked = [];

        public int Count => asked.Count;

        public Tensor X => stack(asked.Select(entry => entry.X));

        public Tensor Sigma => tensor(asked.Select(entry => entry.Sigma).ToArray());

        public Tensor Denoise(Tensor x, NoiseLevel level)
        {
            asked.Add((x.clone().DetachFromDisposeScope(), level.Ratio));
            return mixture.Denoise(x, level);
        }
    }
}

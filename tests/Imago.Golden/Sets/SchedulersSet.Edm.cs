using System.Text.Json;
using Imago.Diffusion;
using Imago.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Golden.Sets;

/// <summary>Algorithms 1 and 2 of Karras et al. 2022 with the exact denoiser of a Gaussian mixture.</summary>
internal sealed partial class SchedulersSet
{
    private static void RunEdmAlgorithm(GoldenCase golden, Checks check)
    {
        var root = golden.Json(golden.Entry.GetProperty("config").GetString()!);
        var config = root.GetProperty("cases").EnumerateArray().First(item => item.GetProperty("name").GetString() == golden.Name);
        using var file = golden.Open(golden.Entry.GetProperty("tensors").GetString()!);
        if (config.TryGetProperty("solver", out _)) RunAlgorithm1(golden, check, config, root.GetProperty("constants"), file);
        else RunAlgorithm2(golden, check, config, file);
    }

    private static void RunAlgorithm1(GoldenCase golden, Checks check, JsonElement config, JsonElement constants, TensorFile file)
    {
        var (z, times) = (file.Read($"{golden.Name}/z").to(float64), file.Read($"{golden.Name}/t").data<double>().ToArray());
        var curve = config.GetProperty("schedule").GetString() switch
        {
            "vp" => NoiseCurve.VariancePreserving(constants.GetProperty("vp").GetProperty("beta_d").GetDouble(), constants.GetProperty("vp").GetProperty("beta_min").GetDouble()),
            "ve" => NoiseCurve.SquareRoot,
            "iddpm" or "edm" => NoiseCurve.Linear,
            var other => throw new NotImplementedHereException($"the curve {other}"),
        };
        var schedule = curve.Schedule(times);
        var states = new List<Tensor> { z * schedule[0].Sigma };
        var sampler = Samplers.HeunInTime(curve, config.GetProperty("solver").GetString() == "heun");
        sampler(Mixture(file).Denoise, states[0], schedule, Recording(states));
        check.Tensor("states", stack(states), file.Read($"{golden.Name}/states"), TrajectoryTolerance(golden, "states"));
        check.Tensor("t", tensor(schedule.Select(level => level.Time).ToArray()), file.Read($"{golden.Name}/t"), TrajectoryTolerance(golden, "t"));
    }

    private static void RunAlgorithm2(GoldenCase golden, Checks check, JsonElement config, TensorFile file)
    {
        double Get(string name) => config.GetProperty(name).Number();
        var (process, n) = (new VarianceExploding(Get("sigma_min"), Get("sigma_max")), config.GetProperty("n").GetInt32());
        var schedule = new NoiseSchedule(Ramps.Karras(Get("sigma_max"), Get("sigma_min"), n, Get("rho")).Append(0).Select(process.AtRatio), process);
        var (seen, noise) = (new Evaluations(Mixture(file)), file.Read($"{golden.Name}/noise"));
        var states = new List<Tensor> { file.Read($"{golden.Name}/z").to(float64) * schedule[0].Sigma };
        var churn = new Churn { Amount = Get("S_churn"), MinRatio = Get("S_tmin"), MaxRatio = Get("S_tmax"), NoiseScale = Get("S_noise") };
        var context = Recording(states) with { Noise = (_, _) => noise[states.Count - 1].clone() };
        Samplers.Heun(churn)(seen.Denoise, states[0], schedule, context);
        check.Tensor("states", stack(states), file.Read($"{golden.Name}/states"), TrajectoryTolerance(golden, "states"));
        check.Tensor("t", tensor(schedule.Select(level => level.Ratio).ToArray()), file.Read($"{golden.Name}/t"), TrajectoryTolerance(golden, "t"));
        check.Tensor("t_hat", seen.Sigma[TensorIndex.Slice(step: 2)], file.Read($"{golden.Name}/t_hat"), TrajectoryTolerance(golden, "t_hat"));
    }

    private static SamplingContext Recording(List<Tensor> states) => new()
    {
        AfterStep = (_, _, x) =>
        {
            states.Add(x.clone().DetachFromDisposeScope());
            return x;
        },
    };
}

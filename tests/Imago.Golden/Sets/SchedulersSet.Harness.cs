using System.Text.Json;
using Imago.Diffusion;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Golden.Sets;

/// <summary>The library's own full loop: a fixed sample, the network x t/(t + 1), and the sum of what comes out.</summary>
internal sealed partial class SchedulersSet
{
    private static void RunHarness(GoldenCase golden, Checks check)
    {
        var line = Line(golden);
        var keys = System.Text.Json.Nodes.JsonNode.Parse(line.GetProperty("explicit").GetRawText())!.AsObject();
        keys["_class_name"] = line.GetProperty("class").GetString();
        var config = SchedulerConfig.Parse(keys.ToJsonString(), golden.Name);
        var hub = HubSampler.From(config, line.GetProperty("steps").GetInt32());
        var isScaled = config.IsExploding && line.GetProperty("passes_scaled_sample_to_step").GetBoolean();
        var result = FullLoop(hub, Ramp([.. line.GetProperty("shape").EnumerateArray().Select(size => size.GetInt64())]), isScaled);
        var sum = result.abs().sum().item<double>();
        check.Scalar("sum_abs", sum, line.GetProperty("sum_abs").GetDouble(), golden.Entry.GetProperty("tolerance").GetProperty("sum_abs").GetDouble());
        check.Scalar("mean_abs", sum / result.numel(), line.GetProperty("mean_abs").GetDouble(), golden.Entry.GetProperty("tolerance").GetProperty("mean_abs").GetDouble());
    }

    /// <summary>0, 1/n, 2/n, … with the batch running fastest.</summary>
    private static Tensor Ramp(long[] shape)
    {
        var count = shape.Aggregate((a, b) => a * b);
        return (arange(count, dtype: float64) / count).reshape([.. shape[1..], shape[0]]).permute(shape.Length - 1, 0, 1, 2);
    }

    /// <summary>The loop. <paramref name="isScaled"/>: the sample is scaled for the network and the step goes on from the scaled one, as the library's test has it.</summary>
    private static Tensor FullLoop(HubSampler hub, Tensor sample, bool isScaled)
    {
        var starts = hub.Schedule.Take(hub.Schedule.Steps).ToList();
        double Twice(NoiseLevel level) => isScaled ? level.Alpha : 1;
        var (first, seen) = (true, default(NoiseLevel));
        var denoise = hub.Denoiser((x, t) => (first ? x / Twice(seen) : x) * (t / (t + 1)));
        Tensor Denoise(Tensor x, NoiseLevel level)
        {
            seen = level;
            var x0 = denoise(x, level);
            first = false;
            return x0;
        }
        return hub.Sampler(Denoise, sample * hub.InitialScale * Twice(starts[0]), hub.Schedule, new()
        {
            AfterStep = (_, level, x) =>
            {
                first = true;
                return x * Twice(level);
            },
        });
    }
}

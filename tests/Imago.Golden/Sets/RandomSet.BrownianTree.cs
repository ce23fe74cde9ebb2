using System.Globalization;
using System.Text.Json;
using Imago.Diffusion;
using Imago.Randomness;
using Imago.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Golden.Sets;

/// <summary>The Brownian tree of the SDE solvers, and the seeds behind it.</summary>
internal sealed partial class RandomSet
{
    private static void RunSeedSequence(GoldenCase golden, Checks check)
    {
        foreach (var (i, entry) in golden.Json(golden.Entry.GetProperty("config").GetString()!).EnumerateArray().Index())
        {
            var key = entry.GetProperty("spawn_key").EnumerateArray().Select(word => word.GetUInt64()).ToArray();
            var sequence = new SeedSequence(UInt128.Parse(entry.GetProperty("entropy").GetString()!, CultureInfo.InvariantCulture), key, entry.GetProperty("pool_size").GetInt32());
            check.True($"{i}, 32 bits", sequence.GenerateState(6).SequenceEqual(entry.GetProperty("state_uint32_6").EnumerateArray().Select(word => word.GetUInt32())));
            check.True($"{i}, 64 bits", sequence.GenerateState64(2).SequenceEqual(entry.GetProperty("state_uint64_2").EnumerateArray().Select(word => ulong.Parse(word.GetString()!, CultureInfo.InvariantCulture))));
        }
    }

    private static void RunBrownianTree(GoldenCase golden, Checks check)
    {
        var tolerance = golden.Entry.GetProperty("tolerance").GetDouble();
        using var file = golden.Open(golden.Entry.GetProperty("file").GetString()!);
        foreach (var entry in golden.Json(golden.Entry.GetProperty("config").GetString()!).EnumerateArray())
        {
            if (entry.TryGetProperty("queries", out _)) RunQueries(entry, file, check, tolerance);
            else RunSdeScheduler(entry, file, check, tolerance);
        }
    }

    private static void RunQueries(JsonElement entry, TensorFile file, Checks check, double tolerance)
    {
        var name = entry.GetProperty("name").GetString()!;
        var like = zeros(entry.GetProperty("shape").EnumerateArray().Select(size => size.GetInt64()).ToArray(), entry.GetProperty("dtype").GetString() == "float64" ? float64 : float32);
        Func<double, double>? time = entry.GetProperty("transform").GetString() switch
        {
            "identity" => null,
            "neg_log" => sigma => -Math.Log(sigma),
            var other => throw new NotImplementedHereException($"a Brownian tree in {other}"),
        };
        var seeds = entry.GetProperty("seed").EnumerateArray().Select(seed => seed.GetUInt64()).ToArray();
        var source = NoiseSources.BrownianTree(like, entry.GetProperty("sigma_min").GetDouble(), entry.GetProperty("sigma_max").GetDouble(), seeds, time);
        foreach (var (k, query) in entry.GetProperty("queries").EnumerateArray().Index())
            check.Tensor($"{name}, {k}", source(Exploding(query[0].GetDouble()), Exploding(query[1].GetDouble())), file.Read($"{name}/noise_{k:d2}"), tolerance);
    }

    /// <summary>diffusers' DPMSolverSDEScheduler is <c>dpmpp_sde</c>: with a network that answers 0.3 of its scaled input, plus 0.01.</summary>
    private static void RunSdeScheduler(JsonElement entry, TensorFile file, Checks check, double tolerance)
    {
        var name = entry.GetProperty("name").GetString()!;
        var stages = entry.GetProperty("sigmas").EnumerateArray().Select(sigma => sigma.GetDouble()).ToArray();
        var process = new VarianceExploding();
        var schedule = new NoiseSchedule(stages.Where((_, i) => i % 2 == 0 || i == stages.Length - 1).Select(process.AtRatio), process);
        var queries = entry.GetProperty("noise_queries_sigma").EnumerateArray().ToArray();
        var (x, drawn, seen) = (file.Read($"{name}/initial").to(float64), 0, new List<Tensor>());
        var tree = NoiseSources.BrownianTree(x.to(float32), stages.Where(sigma => sigma > 0).Min(), stages[0], [entry.GetProperty("config").GetProperty("noise_sampler_seed").GetUInt64()]);
        var final = Samplers.DpmPlusPlusSde()(Answer, x, schedule, new SamplingContext { Noise = Noise });
        foreach (var (k, sample) in seen.Skip(1).Append(final).Index()) check.Tensor($"{name}, sample {k}", sample, file.Read($"{name}/sample_{k:d2}"), tolerance);

        Tensor Answer(Tensor at, NoiseLevel level)
        {
            seen.Add(at.clone().DetachFromDisposeScope());
            return at - level.Sigma * (0.3 * at / Math.Sqrt(level.Sigma * level.Sigma + 1) + 0.01);
        }

        Tensor Noise(NoiseLevel from, NoiseLevel to)
        {
            var query = queries[drawn];                     // the library's are rounded to fp32
            var noise = tree(Exploding(query[0].GetDouble()), Exploding(query[1].GetDouble()));
            check.Tensor($"{name}, noise {drawn}", noise, file.Read($"{name}/noise_{drawn:d2}"), tolerance);
            check.Scalar($"{name}, query {drawn++}", to.Sigma, query[1].GetDouble(), 1e-6);
            return noise.to(float64);
        }
    }

    private static NoiseLevel Exploding(double sigma) => new(1, sigma, 0);
}

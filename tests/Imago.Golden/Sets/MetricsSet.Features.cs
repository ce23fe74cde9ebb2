using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using Imago.Metrics;
using Imago.Randomness;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Golden.Sets;

/// <summary>Measures of feature matrices other than the Fréchet distance.</summary>
internal sealed partial class MetricsSet
{
    private static void RunKernelDistance(GoldenCase golden, Checks check)
    {
        var root = golden.Json(golden.Entry.GetProperty("json").GetString()!);
        var exact = Tolerance(golden, "float64 values", "rel");
        var single = Tolerance(golden, "library float32 values", "abs");
        using var file = golden.Open(Features);
        using var indices = golden.Open(IndexFile(golden));
        var (a, b) = (file.Read("a"), file.Read("b"));
        foreach (var entry in root.GetProperty("torch_fidelity").EnumerateArray())
        {
            var (name, arguments, expected) = (entry.GetProperty("name").GetString()!, entry.GetProperty("arguments"), entry.GetProperty("expected"));
            var options = new KernelDistanceOptions
            {
                Kernel = Kernel(arguments),
                Subsets = arguments.GetProperty("kid_subsets").GetInt32(),
                SubsetSize = arguments.GetProperty("kid_subset_size").GetInt32(),
                Seed = arguments.GetProperty("rng_seed").GetUInt32(),
            };
            CompareDraws(name, "indices_1", "indices_2", options, a, b, indices, check);
            var distances = KernelDistance.OfSubsets(a, b, options);
            var estimate = Imago.Metrics.Estimate.Of(distances);
            check.Tensor($"{name} subsets", tensor(distances.ToArray()), Doubles(expected.GetProperty("mmd2_per_subset_float64")), exact);
            check.Scalar($"{name} mean", estimate.Mean, expected.GetProperty("mean_float64").GetDouble(), exact);
            check.Scalar($"{name} deviation", estimate.StandardDeviation, expected.GetProperty("std_float64").GetDouble(), exact);
            check.Scalar($"{name} mean of the library", estimate.Mean, expected.GetProperty("kernel_inception_distance_mean").GetDouble(), single);
            check.Scalar($"{name} deviation of the library", estimate.StandardDeviation, expected.GetProperty("kernel_inception_distance_std").GetDouble(), single);
        }
        foreach (var entry in root.GetProperty("clean_fid").EnumerateArray())
        {
            var (options, expected) = (new KernelDistanceOptions
            {
                Draws = SubsetDraws.CleanFid,
                Subsets = entry.GetProperty("num_subsets").GetInt32(),
                SubsetSize = entry.GetProperty("max_subset_size").GetInt32(),
                Seed = entry.GetProperty("seed_of_numpy_global_generator").GetUInt32(),
            }, entry.GetProperty("expected"));
            var distances = KernelDistance.OfSubsets(a, b, options);
            if (indices.Contains("clean_fid.indices_feats1") && indices.Read("clean_fid.indices_feats1").shape[0] == options.Subsets)
                CompareDraws("clean_fid", "indices_feats1", "indices_feats2", options, a, b, indices, check);
            check.Tensor("clean-fid subsets", tensor(distances.ToArray()), Doubles(expected.GetProperty("per_subset_float64")), exact);
            check.Scalar("clean-fid mean", distances.Average(), expected.GetProperty("mean_float64").GetDouble(), exact);
            check.Scalar("clean-fid", distances.Average(), expected.GetProperty("kid").GetDouble(), single);
        }
        if (root.TryGetProperty("torch_fidelity_subset_larger_than_set", out _))
            check.True("a subset larger than the set", IsRefused(() => KernelDistance.Between(a[..50], b[..50], new KernelDistanceOptions { SubsetSize = 100 })), "was accepted, must be refused");
    }

    private static void CompareDraws(string name, string key1, string key2, KernelDistanceOptions options, Tensor a, Tensor b, Weights.TensorFile indices, Checks check)
    {
        if (!indices.Contains($"{name}.{key1}")) return;
        var (want1, want2) = (indices.Read($"{name}.{key1}"), indices.Read($"{name}.{key2}"));
        var draws = KernelDistance.Draw((int)a.shape[0], (int)b.shape[0], options).Take((int)want1.shape[0]).ToList();
        check.Exact($"{name} {key1}", stack([.. draws.Select(draw => tensor(draw.First))]), want1);
        check.Exact($"{name} {key2}", stack([.. draws.Select(draw => tensor(draw.Second))]), want2);
    }

    private static FeatureKernel Kernel(JsonElement arguments)
    {
        double? Number(string key) => arguments.TryGetProperty(key, out var value) && value.ValueKind == JsonValueKind.Number ? value.GetDouble() : null;
        return arguments.GetProperty("kid_kernel").GetString() switch
        {
            "poly" => new FeatureKernel.Polynomial((int)(Number("kid_kernel_poly_degree") ?? 3), Number("kid_kernel_poly_gamma"), Number("kid_kernel_poly_coef0") ?? 1),
            "rbf" => new FeatureKernel.Gaussian(Number("kid_kernel_rbf_sigma") ?? 10),
            var other => throw new NotImplementedHereException($"the kernel {other}"),
        };
    }

    private static void RunInceptionScore(GoldenCase golden, Checks check)
    {
        var json = golden.Entry.GetProperty("json").GetString()!;
        var root = golden.Json(json);
        var (exact, single) = (Tolerance(golden, "torch_fidelity", "rel"), Tolerance(golden, "adm_evaluator", "rel"));
        using var file = golden.Open(Path.ChangeExtension(json, ".safetensors"));
        var logits = file.Read("logits");
        foreach (var entry in root.GetProperty("torch_fidelity").EnumerateArray())
        {
            var (rows, splits, expected) = (entry.GetProperty("rows_used").GetInt32(), entry.GetProperty("splits").GetInt32(), entry.GetProperty("expected"));
            uint? seed = entry.GetProperty("samples_shuffle").GetBoolean() ? entry.GetProperty("rng_seed").GetUInt32() : null;
            var name = $"{rows} rows, {splits} splits, seed {seed}";
            if (expected.GetProperty("order_first20") is { ValueKind: JsonValueKind.Array } order)
                check.Exact($"{name}: order", tensor(new NumpyRandom(seed!.Value).Permutation(rows)[..order.GetArrayLength()]), Doubles(order));
            if (rows < splits)
            {
                check.True(name, IsRefused(() => InceptionScore.Of(logits[..rows], splits, seed)), "was accepted, must be refused: the reference gives NaN");
                continue;
            }
            var score = InceptionScore.Of(logits[..rows], splits, seed);
            check.Tensor($"{name}: splits", tensor(InceptionScore.OfSplits(logits[..rows], splits, seed).ToArray()), Doubles(expected.GetProperty("per_split")), exact);
            check.Scalar($"{name}: mean", score.Mean, expected.GetProperty("value").GetProperty("inception_score_mean").Number(), exact);
            check.Scalar($"{name}: deviation", score.StandardDeviation, expected.GetProperty("value").GetProperty("inception_score_std").Number(), exact);
        }
        foreach (var entry in root.GetProperty("adm_evaluator").EnumerateArray())
        {
            var runs = InceptionScore.OfRuns(logits, entry.GetProperty("split_size").GetInt32());
            check.Tensor("adm runs", tensor(runs.ToArray()), Doubles(entry.GetProperty("expected").GetProperty("per_split")), single);
            check.Scalar("adm", runs.Average(), entry.GetProperty("expected").GetProperty("score").GetDouble(), single);
        }
        var extreme = root.GetProperty("extreme");
        check.Scalar("extreme logits", InceptionScore.Of(file.Read("extreme_logits"), extreme.GetProperty("splits").GetInt32()).Mean, extreme.GetProperty("expected").GetProperty("value").GetProperty("inception_score_mean").GetDouble(), exact);
    }

    private static void RunPrecisionRecall(GoldenCase golden, Checks check)
    {
        var root = golden.Json(golden.Entry.GetProperty("json").GetString()!);
        var exact = Tolerance(golden, "scores, float64 distances", "abs");
        using var file = golden.Open(Features);
        using var radii = golden.Open(golden.Entry.GetProperty("outputs").EnumerateArray().Select(output => output.GetString()!).First(output => output.Contains("radii", StringComparison.Ordinal)).Split(':')[0]);
        var (a, b) = (file.Read("a"), file.Read("b"));
        var (real, generated) = (a[..root.GetProperty("n_real").GetInt32()], b[..root.GetProperty("n_generated").GetInt32()]);
        foreach (var entry in root.GetProperty("cases").EnumerateArray())
        {
            var (k, expected) = (entry.GetProperty("k").GetInt32(), entry.GetProperty("expected"));
            var inclusive = PrecisionRecall.Of(real, generated, new ManifoldOptions(k, Strict: false));
            Compare($"k={k} float64", inclusive, expected.GetProperty("float64"), exact, check);
            foreach (var library in expected.GetProperty("torch_fidelity").EnumerateObject()) Compare($"k={k} torch-fidelity", inclusive, library.Value, exact, check);
            Compare($"k={k} prdc", PrecisionRecall.Of(real, generated, new ManifoldOptions(k, Strict: true)), expected.GetProperty("prdc"), exact, check);
            check.Tensor($"radii of real, k={k}", PrecisionRecall.Radii(real, k), radii.Read($"radii_real_k{k}"), Tolerance(golden, "radii", "rel"));
            check.Tensor($"radii of generated, k={k}", PrecisionRecall.Radii(generated, k), radii.Read($"radii_generated_k{k}"), Tolerance(golden, "radii", "rel"));
        }
        foreach (var edge in root.GetProperty("edge_cases").EnumerateObject()) CompareEdge(edge, a, b, exact, check);
    }

    /// <summary>"duplicated_rows (… first 40 rows of a, each twice …)", "generated = real (first 60 rows of a; k=3)", "too_few (3 and 4 rows, k=3)".</summary>
    private static void CompareEdge(JsonProperty edge, Tensor a, Tensor b, double tolerance, Checks check)
    {
        if (edge.Name.StartsWith("too_few", StringComparison.Ordinal))
        {
            var k = int.Parse(Neighbours().Match(edge.Name).Groups[1].Value, CultureInfo.InvariantCulture);
            foreach (var entry in edge.Value.EnumerateObject())
            {
                var rows = int.Parse(entry.Name.Split('_')[^1], CultureInfo.InvariantCulture);
                var options = new ManifoldOptions(k, Strict: entry.Name.StartsWith("prdc", StringComparison.Ordinal));
                if (entry.Value.TryGetProperty("value", out var value)) Compare($"{edge.Name} {entry.Name}", PrecisionRecall.Of(a[..rows], b[..rows], options), value, tolerance, check);
                else if (rows <= k) check.True($"{edge.Name} {entry.Name}", IsRefused(() => PrecisionRecall.Of(a[..rows], b[..rows], options)), "was accepted, must be refused");
            }
            return;
        }
        var count = int.Parse(FirstRows().Match(edge.Name).Groups[1].Value, CultureInfo.InvariantCulture);
        if (edge.Name.StartsWith("duplicated", StringComparison.Ordinal))
        {
            Tensor Twice(Tensor set) => set[..count].repeat_interleave(2, dim: 0);
            foreach (var entry in edge.Value.EnumerateObject()) CompareRules($"{edge.Name} k={entry.Name}", Twice(a), Twice(b), int.Parse(entry.Name, CultureInfo.InvariantCulture), entry.Value, tolerance, check);
            return;
        }
        CompareRules(edge.Name, a[..count], a[..count], int.Parse(Neighbours().Match(edge.Name).Groups[1].Value, CultureInfo.InvariantCulture), edge.Value, tolerance, check);
    }

    private static void CompareRules(string name, Tensor real, Tensor generated, int k, JsonElement expected, double tolerance, Checks check)
    {
        foreach (var rule in expected.EnumerateObject())
            Compare($"{name}, {rule.Name}", PrecisionRecall.Of(real, generated, new ManifoldOptions(k, Strict: rule.Name == "prdc")), rule.Value.GetProperty("value"), tolerance, check);
    }

    private static void Compare(string name, ManifoldScores got, JsonElement want, double tolerance, Checks check)
    {
        foreach (var score in want.EnumerateObject())
        {
            double? value = score.Name switch { "precision" => got.Precision, "recall" => got.Recall, "density" => got.Density, "coverage" => got.Coverage, "f_score" => got.FScore, _ => null };
            if (value is { } number) check.Scalar($"{name}: {score.Name}", number, score.Value.Number(), tolerance);
        }
    }

    private static void RunSliced(GoldenCase golden, Checks check)
    {
        var json = golden.Entry.GetProperty("json").GetString()!;
        using var file = golden.Open(Features);
        using var stored = golden.Open(Path.ChangeExtension(json, ".safetensors"));
        var rows = golden.Json(json).GetProperty("rows");
        foreach (var entry in golden.Json(json).GetProperty("cases").EnumerateArray())
        {
            var name = entry.GetProperty("name").GetString()!;
            var twice = rows.TryGetProperty(name, out var text) && text.GetString()!.Contains("of a, twice", StringComparison.Ordinal);
            var (first, second) = (file.Read("a")[..entry.GetProperty("n1").GetInt32()], file.Read(twice ? "a" : "b")[..entry.GetProperty("n2").GetInt32()]);
            var (count, seed, expected) = (entry.GetProperty("num_projections").GetInt32(), entry.GetProperty("rng_seed").GetUInt64(), entry.GetProperty("expected"));
            var distance = SlicedDistance.Between(first, second, count, seed);
            check.Scalar(name, distance, expected.GetProperty("mind_float64").GetDouble(), Tolerance(golden, "float64", "rel"));
            check.Scalar($"{name} of the library", distance, expected.GetProperty("mind_library_float32").GetDouble(), Tolerance(golden, "library", "rel"));
            if (!stored.Contains($"{name}.directions")) continue;
            var (random, directions) = (new Generator(seed), stored.Read($"{name}.directions"));
            foreach (var (key, set) in new[] { ("indices_1", first), ("indices_2", second) })
            {
                if (!stored.Contains($"{name}.{key}")) continue;
                var order = randperm(set.shape[0], generator: random);
                check.Exact($"{name} {key}", order[..(int)stored.Read($"{name}.{key}").shape[0]], stored.Read($"{name}.{key}"));
            }
            check.Tensor($"{name} directions", SlicedDistance.Directions(count, first.shape[1], random), directions, Tolerance(golden, "directions from the generator", "abs"));
            Tensor Rows(Tensor set, string key) => stored.Contains($"{name}.{key}") ? set.index_select(0, stored.Read($"{name}.{key}").to(int64)) : set;
            check.Tensor($"{name} per direction", SlicedDistance.PerDirection(Rows(first, "indices_1"), Rows(second, "indices_2"), directions), stored.Read($"{name}.sliced_w2_squared_float64"), Tolerance(golden, "float64", "rel"));
        }
    }

    private static void RunSpatial(GoldenCase golden, Checks check)
    {
        var json = golden.Entry.GetProperty("json").GetString()!;
        using var file = golden.Open(Path.ChangeExtension(json, ".safetensors"));
        using var first = FeatureStatistics.Of(SpatialFeatures.Of(file.Read("maps_1")));
        using var second = FeatureStatistics.Of(SpatialFeatures.Of(file.Read("maps_2")));
        var (expected, statistics) = (golden.Json(json).GetProperty("expected"), Tolerance(golden, "statistics", "abs"));
        foreach (var (set, n) in new[] { (first, 1), (second, 2) })
        {
            check.Tensor($"mu_{n}", set.SinglePrecisionMean, file.Read($"mu_{n}"), statistics);
            check.Tensor($"sigma_{n}", set.Covariance, file.Read($"sigma_{n}"), statistics);
        }
        check.Scalar("sfid", FrechetDistance.Between(first, second, FrechetConvention.Adm), expected.GetProperty("sfid").GetDouble(), Tolerance(golden, "sfid", "rel"));
        check.Scalar("symmetric", FrechetDistance.Between(first, second), expected.GetProperty("symmetric_float64").GetDouble(), Tolerance(golden, "sfid", "rel"));
    }

    private static void RunPathLength(GoldenCase golden, Checks check)
    {
        var json = golden.Entry.GetProperty("json").GetString()!;
        var root = golden.Json(json);
        using var file = golden.Open(Path.ChangeExtension(json, ".safetensors"));
        var (mean, interpolation) = (Tolerance(golden, "mean", "rel"), Tolerance(golden, "interpolation", "abs"));
        var distances = PerceptualPathLength.Distances(file.Read("lpips"), root.GetProperty("epsilon").GetDouble());
        check.Tensor("distances", distances, file.Read("distances"), mean);
        foreach (var entry in root.GetProperty("cases").EnumerateArray())
        {
            double? Percentile(string key) => entry.GetProperty(key) is { ValueKind: JsonValueKind.Number } value ? value.GetDouble() : null;
            var summary = PerceptualPathLength.Summarise(file.Read("distances"), Percentile("discard_percentile_lower"), Percentile("discard_percentile_higher"));
            var expected = entry.GetProperty("expected");
            check.Equal("kept", summary.Kept, expected.GetProperty("kept").GetInt32());
            check.Scalar("mean", summary.Mean, expected.GetProperty("mean").GetDouble(), mean);
            check.Scalar("mean in float64", summary.Mean, expected.GetProperty("mean_float64").GetDouble(), mean);
            check.Scalar("deviation", summary.StandardDeviation, expected.GetProperty("std_float64").GetDouble(), mean);
            foreach (var (key, value) in new[] { ("lower_threshold", summary.Lower), ("higher_threshold", summary.Upper) })
                check.Equal(key, value, expected.GetProperty(key) is { ValueKind: JsonValueKind.Number } number ? number.GetDouble() : null);
        }
        foreach (var name in file.Tensors.Select(tensor => tensor.Name).Where(name => name.Contains("lerp_", StringComparison.Ordinal)))
        {
            var (way, t) = (name[..name.LastIndexOf("_t", StringComparison.Ordinal)], double.Parse(name[(name.LastIndexOf("_t", StringComparison.Ordinal) + 2)..], CultureInfo.InvariantCulture));
            Func<Tensor, Tensor, double, Tensor> step = way switch { "lerp" => LatentSteps.Lerp, "slerp_any" => LatentSteps.Slerp, "slerp_unit" => LatentSteps.SlerpUnit, _ => throw new NotImplementedHereException($"the interpolation {way}") };
            check.Tensor(name, step(file.Read("z0"), file.Read("z1"), t), file.Read(name), interpolation);
        }
        foreach (var name in file.Tensors.Select(tensor => tensor.Name).Where(name => name.StartsWith("noise_", StringComparison.Ordinal)))
        {
            var (parts, want) = (name.Split('_'), file.Read(name));
            Func<NumpyRandom, int, int, Tensor> noise = parts[1] switch { "normal" => LatentSteps.Normal, "uniform" => LatentSteps.Uniform, "unit" => LatentSteps.PositiveUnit, _ => throw new NotImplementedHereException($"the noise {parts[1]}") };
            check.Tensor(name, noise(new NumpyRandom(uint.Parse(parts[2], CultureInfo.InvariantCulture)), (int)want.shape[0], (int)want.shape[1]), want, interpolation);
        }
    }

    private static void RunExtrapolation(GoldenCase golden, Checks check)
    {
        var json = golden.Entry.GetProperty("json").GetString()!;
        var root = golden.Json(json);
        using var file = golden.Open(Path.ChangeExtension(json, ".safetensors"));
        using var features = golden.Open(Features);
        var (exact, single) = (Tolerance(golden, "float64", "rel"), Tolerance(golden, "library", "rel"));
        using var reference = FeatureStatistics.Of(features.Read("b"));
        double Fid(Tensor rows)
        {
            using var statistics = FeatureStatistics.Of(rows);
            return FrechetDistance.Between(statistics, reference);
        }
        var fid = Extrapolate(root, features.Read("a"), Fid, file.Read("orders"), check);
        var expected = root.GetProperty("expected");
        check.Tensor("fid at sizes", tensor(fid.Values.ToArray()), Doubles(expected.GetProperty("fid_at_sizes_float64")), exact);
        check.Scalar("fid at infinity", fid.AtInfinity, expected.GetProperty("fid_infinity_float64").GetDouble(), exact);
        check.Scalar("slope of fid", fid.Slope, expected.GetProperty("slope_float64").GetDouble(), single);
        check.Scalar("fid at infinity of the library", fid.AtInfinity, expected.GetProperty("fid_infinity").GetDouble(), single);
        check.Equal("steps", string.Join(' ', SizeExtrapolation.StepsBetween(root.GetProperty("min_fake").GetInt32(), (int)features.Read("a").shape[0], root.GetProperty("num_points").GetInt32())), string.Join(' ', fid.Sizes));
        var second = root.GetProperty("inception_score");
        var score = Extrapolate(second, file.Read("logits"), logits => InceptionScore.Of(logits, splits: 1, shuffleSeed: null).Mean, file.Read("orders_is"), check);
        check.Tensor("is at sizes", tensor(score.Values.ToArray()), Doubles(second.GetProperty("expected").GetProperty("is_at_sizes")), single);
        check.Scalar("is at infinity", score.AtInfinity, second.GetProperty("expected").GetProperty("is_infinity").GetDouble(), single);
        check.Scalar("slope of is", score.Slope, second.GetProperty("expected").GetProperty("slope").GetDouble(), single);
    }

    private static SizeExtrapolation Extrapolate(JsonElement settings, Tensor features, Func<Tensor, double> measure, Tensor orders, Checks check)
    {
        int[] sizes = [.. settings.GetProperty("sizes").EnumerateArray().Select(size => size.GetInt32())];
        var drawn = SizeExtrapolation.Orders((int)features.shape[0], sizes.Length, settings.GetProperty("seed").GetUInt32()).ToList();
        check.Exact("orders", stack([.. drawn.Select(order => tensor(order))]), orders);
        return SizeExtrapolation.Of(features, measure, sizes, drawn);
    }

    private static double Tolerance(GoldenCase golden, string group, string kind) => golden.Entry.GetProperty("tolerance").GetProperty(group).GetProperty(kind).GetDouble();

    private static Tensor Doubles(JsonElement array) => tensor(array.EnumerateArray().Select(value => value.Number()).ToArray());

    private static string IndexFile(GoldenCase golden) => golden.Entry.GetProperty("outputs").EnumerateArray().Select(output => output.GetString()!).First(output => output.Contains(".safetensors", StringComparison.Ordinal)).Split(':')[0];

    [GeneratedRegex(@"k=(\d+)")]
    private static partial Regex Neighbours();

    [GeneratedRegex(@"first (\d+) rows")]
    private static partial Regex FirstRows();
}

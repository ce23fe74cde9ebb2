using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using Imago.Metrics;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Golden.Sets;

/// <summary>Two folders of pictures, scored as users of three libraries score them.</summary>
internal sealed partial class MetricsSet
{
    private static void RunFolders(GoldenCase golden, Checks check)
    {
        var json = golden.Entry.GetProperty("json").GetString()!;
        var root = golden.Json(json);
        string Folder(string name) => golden.PathOf(Path.Combine(Path.GetDirectoryName(json)!, name));
        check.Equal("order of files", string.Join(' ', Enumerable.Range(0, root.GetProperty("number_of_images").GetInt32()).Select(index => Path.GetFileName(SampleSets.Open(Folder("real")).Describe(index)))),
            string.Join(' ', root.GetProperty("file_order_used_by_the_libraries").EnumerateArray()));
        var seen = new Dictionary<(string, InceptionResize, int), SampleFeatures>();
        SampleFeatures See(string folder, InceptionResize resize, int layer)
        {
            if (seen.TryGetValue((folder, resize, layer), out var known)) return known;
            using var extractor = new InceptionExtractor(Inception(golden), resize, layer);
            return seen[(folder, resize, layer)] = SampleFeatures.Of(SampleSets.Open(Folder(folder)), extractor, new SampleOptions { KeepFeatures = true, KeepLogits = true });
        }
        try
        {
            var exact = root.GetProperty("fid_by_the_exact_low_rank_formula_float64");
            foreach (var group in root.EnumerateObject())
            {
                if (group.Name.StartsWith("torch_fidelity", StringComparison.Ordinal)) foreach (var run in group.Value.EnumerateObject()) CompareTorchFidelity(run, See, exact, golden, check);
                if (group.Name.StartsWith("pytorch_fid", StringComparison.Ordinal)) ComparePytorchFid(group.Value, See, golden, check);
                if (group.Name.StartsWith("cleanfid", StringComparison.Ordinal)) foreach (var mode in group.Value.EnumerateObject()) CompareCleanFidFolders(mode, See, exact, golden, check);
            }
            foreach (var path in Directory.EnumerateFiles(Path.GetDirectoryName(golden.PathOf(json))!, "*.npz")) CompareSavedStatistics(path, See, check);
        }
        finally
        {
            foreach (var features in seen.Values) features.Dispose();
        }
    }

    private static void CompareTorchFidelity(JsonProperty run, Func<string, InceptionResize, int, SampleFeatures> see, JsonElement exact, GoldenCase golden, Checks check)
    {
        var (arguments, value) = (run.Value.GetProperty("arguments"), run.Value.GetProperty("expected").GetProperty("value"));
        var layer = int.Parse(arguments.GetProperty("feature_layer_kid").GetString()!, CultureInfo.InvariantCulture);
        var (generated, real) = (see("generated", InceptionResize.Tf1, layer), see("real", InceptionResize.Tf1, layer));
        var kid = KernelDistance.Between(generated.Features!, real.Features!, new KernelDistanceOptions { Subsets = arguments.GetProperty("kid_subsets").GetInt32(), SubsetSize = arguments.GetProperty("kid_subset_size").GetInt32() });
        var score = InceptionScore.Of(generated.Logits!, arguments.GetProperty("isc_splits").GetInt32());
        var manifolds = PrecisionRecall.Of(real.Features!, generated.Features!);
        foreach (var measure in value.EnumerateObject())
        {
            var (got, tolerance) = measure.Name switch
            {
                "frechet_inception_distance" => (FrechetDistance.OfFeatures(generated.Features!, real.Features!), Tolerance(golden, "fid against the exact low-rank value", "rel")),
                "kernel_inception_distance_mean" => (kid.Mean, Tolerance(golden, "kid", "rel")),
                "kernel_inception_distance_std" => (kid.StandardDeviation, Tolerance(golden, "kid", "rel")),
                "inception_score_mean" => (score.Mean, Tolerance(golden, "is", "rel")),
                "inception_score_std" => (score.StandardDeviation, Tolerance(golden, "is", "rel")),
                "precision" => (manifolds.Precision, 1e-6),
                "recall" => (manifolds.Recall, 1e-6),
                "f_score" => (manifolds.FScore, 1e-6),
                var other => throw new NotImplementedHereException($"torch-fidelity's {other}"),
            };
            check.Scalar($"{run.Name} {measure.Name}", got, measure.Value.GetDouble(), tolerance);
            if (measure.Name == "frechet_inception_distance" && exact.TryGetProperty($"torch_fidelity_{layer}", out var low)) check.Scalar($"{run.Name} exact", got, low.GetDouble(), Tolerance(golden, "is", "rel"));
        }
    }

    private static void ComparePytorchFid(JsonElement group, Func<string, InceptionResize, int, SampleFeatures> see, GoldenCase golden, Checks check)
    {
        foreach (var entry in group.GetProperty("dims").EnumerateObject())
        {
            var layer = int.Parse(entry.Name, CultureInfo.InvariantCulture);
            var (real, generated) = (see("real", InceptionResize.Pytorch, layer), see("generated", InceptionResize.Pytorch, layer));
            check.Scalar($"pytorch-fid {layer}", FrechetDistance.OfFeatures(real.Features!, generated.Features!), entry.Value.GetProperty("value").GetDouble(), Tolerance(golden, "fid against the exact low-rank value", "rel"));
        }
    }

    private static void CompareCleanFidFolders(JsonProperty mode, Func<string, InceptionResize, int, SampleFeatures> see, JsonElement exact, GoldenCase golden, Checks check)
    {
        var resize = mode.Name switch { "clean" => InceptionResize.Clean, "legacy_pytorch" => InceptionResize.CleanLegacyPytorch, "legacy_tensorflow" => InceptionResize.Tf1, var other => throw new NotImplementedHereException($"clean-fid's mode {other}") };
        var (real, generated) = (see("real", resize, 2048), see("generated", resize, 2048));
        var fid = FrechetDistance.OfFeatures(real.Features!, generated.Features!);
        check.Scalar($"clean-fid {mode.Name}", fid, mode.Value.GetProperty("fid").GetProperty("value").GetDouble(), Tolerance(golden, "fid against the exact low-rank value", "rel"));
        check.Scalar($"clean-fid {mode.Name} exact", fid, exact.GetProperty($"clean_fid_{mode.Name}").GetDouble(), Tolerance(golden, "is", "rel"));
        var options = new KernelDistanceOptions { Draws = SubsetDraws.CleanFid, Seed = mode.Value.GetProperty("kid_numpy_seed").GetUInt32() };
        check.Scalar($"clean-fid {mode.Name} kid", KernelDistance.Between(real.Features!, generated.Features!, options).Mean, mode.Value.GetProperty("kid").GetProperty("value").GetDouble(), Tolerance(golden, "kid", "rel"));
    }

    /// <summary>pytorch_fid_stats_real_dims64.npz.</summary>
    private static void CompareSavedStatistics(string path, Func<string, InceptionResize, int, SampleFeatures> see, Checks check)
    {
        var match = SavedStatistics().Match(Path.GetFileName(path));
        if (!match.Success) return;
        var features = see(match.Groups[1].Value, InceptionResize.Pytorch, int.Parse(match.Groups[2].Value, CultureInfo.InvariantCulture));
        var (mean, covariance) = StatisticsFile.Read(path);
        check.Tensor($"{path} mu", features.Statistics.Mean, mean, 1e-5);
        check.Tensor($"{path} sigma", features.Statistics.Covariance, covariance, 1e-5);
    }

    [GeneratedRegex(@"pytorch_fid_stats_(real|generated)_dims(\d+)\.npz")]
    private static partial Regex SavedStatistics();
}

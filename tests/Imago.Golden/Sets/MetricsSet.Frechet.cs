using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using Imago.Metrics;
using Imago.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Golden.Sets;

/// <summary>Statistics of features, files of them, and their Fréchet distance.</summary>
internal sealed partial class MetricsSet
{
    private const string Features = "features/features.safetensors";

    private static void RunFrechet(GoldenCase golden, Checks check)
    {
        var root = golden.Json(golden.Entry.GetProperty("json").GetString()!);
        var tolerance = golden.Entry.GetProperty("tolerance");
        var (regular, singular) = (tolerance.GetProperty("full").GetProperty("rel").GetDouble(), tolerance.GetProperty("singular sets").GetProperty("abs").GetDouble());
        using var file = golden.Open(Features);
        var (a, b) = (file.Read("a").to(float64), file.Read("b").to(float64));
        foreach (var set in root.GetProperty("sets").EnumerateObject())
        {
            var (first, second) = Rows(set.Value, a, b);
            var isRegular = Math.Min(first.shape[0], second.shape[0]) > 4 * first.shape[1] && !Constant().IsMatch(Text(set.Value)) && !Copied().IsMatch(Text(set.Value));
            foreach (var entry in root.GetProperty("expected").GetProperty(set.Name).EnumerateObject())
            {
                var (name, convention) = ($"{set.Name} {entry.Name}", FrechetConvention.All.Single(convention => convention.Name == entry.Name));
                if (entry.Value.TryGetProperty("value", out var value)) check.Scalar(name, Distance(first, second, convention), value.GetDouble(), isRegular ? regular : singular);
                else check.True(name, IsRefused(() => Distance(first, second, convention)), "was accepted, must be refused");
            }
            if (root.GetProperty("expected").GetProperty(set.Name).GetProperty("symmetric_float64").TryGetProperty("value", out var symmetric))
                check.Scalar($"{set.Name} by singular values", FrechetDistance.OfFeatures(first, second), symmetric.GetDouble(), isRegular ? regular : singular);
        }
    }

    private static void RunStatistics(GoldenCase golden, Checks check)
    {
        using var file = golden.Open(Features);
        using var expected = golden.Open(golden.Entry.GetProperty("outputs")[0].GetString()!.Split(':')[0]);
        var tolerance = golden.Entry.GetProperty("tolerance");
        foreach (var name in expected.Tensors.Select(tensor => tensor.Name))
        {
            var parts = name.Split('_');                            // mu_a_float64, sigma_b
            using var statistics = FeatureStatistics.Of(file.Read(parts[1]));
            var allowed = name.EndsWith("float32", StringComparison.Ordinal) ? tolerance.GetProperty("mu_*_float32").GetProperty("abs") : tolerance.GetProperty("float64").GetProperty("rel");
            check.Tensor(name, name.EndsWith("float32", StringComparison.Ordinal) ? statistics.SinglePrecisionMean : parts[0] == "mu" ? statistics.Mean : statistics.Covariance, expected.Read(name), allowed.GetDouble());
        }
    }

    private static void RunStatisticsFiles(GoldenCase golden, Checks check)
    {
        const double SinglePrecision = 2e-6;                        // of a mean that was taken and kept in float32
        var json = golden.Entry.GetProperty("json").GetString()!;
        var (folder, expected) = (Path.GetDirectoryName(golden.PathOf(json))!, golden.Json(json).GetProperty("expected"));
        using var numbers = golden.Open(Path.Combine(Path.GetDirectoryName(json)!, "expected.safetensors"));
        string Named(string name) => Path.Combine(folder, $"{name}.npz");
        var reference = "";
        foreach (var distance in expected.EnumerateObject().Where(entry => entry.Name.StartsWith("fid_", StringComparison.Ordinal)))
        {
            var names = distance.Name["fid_".Length..].Split("_vs_");
            reference = Named(names[0]);
            check.Scalar(distance.Name, DistanceOfFiles(reference, Named(names[1])), distance.Value.GetDouble(), golden.Entry.GetProperty("tolerance").GetProperty("fid").GetProperty("rel").GetDouble());
        }
        var refused = expected.GetProperty("refused");
        foreach (var path in Directory.EnumerateFiles(folder, "*.npz").Order(StringComparer.Ordinal))
        {
            var name = Path.GetFileName(path);
            if (refused.TryGetProperty(name, out _))
            {
                check.True(name, IsRefused(() => DistanceOfFiles(path, reference)), "was accepted, must be refused");
                continue;
            }
            using var file = NumpyFile.Open(path);
            if (file.Contains("arr_0")) check.Exact($"{name} images", file.Read("arr_0"), numbers.Read("adm_images"));
            if (file.Contains("arr_1")) check.Exact($"{name} labels", file.Read("arr_1"), numbers.Read("adm_labels"));
            if (!file.Contains("mu")) continue;
            var (mean, covariance) = StatisticsFile.Read(path);
            var set = covariance.Equals(numbers.Read("sigma_a")) ? "a" : "b";
            check.Tensor($"{name} mu", mean, numbers.Read($"mu_{set}"), file.Tensors.Single(tensor => tensor.Name == "mu").DataType == "F32" ? SinglePrecision : 0);
            check.Exact($"{name} sigma", covariance, numbers.Read($"sigma_{set}"));
        }
    }

    private static double DistanceOfFiles(string first, string second)
    {
        var (one, other) = (StatisticsFile.Read(first), StatisticsFile.Read(second));
        return FrechetDistance.Between(one.Mean, one.Covariance, other.Mean, other.Covariance);
    }

    private static string Text(JsonElement set) => set.GetProperty("construction").GetString()!;

    private static double Distance(Tensor first, Tensor second, FrechetConvention convention)
    {
        using var one = FeatureStatistics.Of(first);
        using var other = FeatureStatistics.Of(second);
        return FrechetDistance.Between(one, other, convention);
    }

    private static bool IsRefused(Action action)
    {
        try
        {
            action();
            return false;
        }
        catch (Exception e) when (e is ImagoException or ArgumentException or InvalidOperationException)
        {
            return true;
        }
    }

    /// <summary>The two sets that a sentence such as "first 600 rows of each; column 5 of both is set to 0.25" describes.</summary>
    private static (Tensor First, Tensor Second) Rows(JsonElement set, Tensor a, Tensor b)
    {
        var text = Text(set);
        var (one, other) = text.Contains("first set = b", StringComparison.Ordinal) ? (b, a) : text.Contains("rows of a, twice", StringComparison.Ordinal) ? (a, a) : (a, b);
        var (first, second) = (one[..set.GetProperty("n1").GetInt32()].clone(), other[..set.GetProperty("n2").GetInt32()].clone());
        if (Constant().Match(text) is { Success: true } constant)
        {
            foreach (var changed in constant.Groups[2].Value == "both" ? [first, second] : new[] { first }) changed[.., int.Parse(constant.Groups[1].Value, CultureInfo.InvariantCulture)] = double.Parse(constant.Groups[3].Value, CultureInfo.InvariantCulture);
        }
        if (Copied().Match(text) is { Success: true } copied) first[.., int.Parse(copied.Groups[1].Value, CultureInfo.InvariantCulture)] = first[.., int.Parse(copied.Groups[2].Value, CultureInfo.InvariantCulture)];
        if (Broken().Match(text) is { Success: true } broken)
            first[int.Parse(broken.Groups[1].Value, CultureInfo.InvariantCulture), int.Parse(broken.Groups[2].Value, CultureInfo.InvariantCulture)] = broken.Groups[3].Value == "NaN" ? double.NaN : double.PositiveInfinity;
        return (first, second);
    }

    [GeneratedRegex(@"column (\d+) of (both|the first set) is set to ([\d.]+)")]
    private static partial Regex Constant();

    [GeneratedRegex(@"column (\d+) is overwritten by column (\d+)")]
    private static partial Regex Copied();

    [GeneratedRegex(@"element \[(\d+),(\d+)\] of the first set is (NaN|\+infinity)")]
    private static partial Regex Broken();
}

using System.Text.Json;
using System.Text.Json.Nodes;
using Imago.Diffusion;
using static TorchSharp.torch;

namespace Imago.Golden.Sets;

/// <summary>Tables of variances, in the original's single precision and exactly.</summary>
internal sealed partial class SchedulersSet
{
    private static void RunBetas(GoldenCase golden, Checks check)
    {
        var line = golden.Json("closed/closed.json#betas").EnumerateArray().Single(line => line.GetProperty("name").GetString() == golden.Name);
        var config = ConfigOf(golden.Name, line.GetProperty("class").GetString()!, line.GetProperty("config"));
        using var file = golden.Open(golden.Entry.GetProperty("tensors").GetString()!);
        var tolerance = golden.Entry.GetProperty("tolerance");
        void Compare(string name, IReadOnlyList<double> table) =>
            Elementwise(check, name, table, file.Read($"betas/{golden.Name}/{name}"), tolerance.GetProperty(name).GetDouble());
        var published = SchedulerTables.Of(config, TablePrecision.AsPublished);
        Compare("betas", published.Betas);
        Compare("alphas_cumprod", published.AlphaBars);
        Compare("sigmas", published.Sigmas);
        var exact = SchedulerTables.Of(config, TablePrecision.Exact);
        Compare("betas_f64", exact.Betas);
        Compare("alphas_cumprod_f64", exact.AlphaBars);
    }

    /// <summary>|got − want|/|want| for each element; where 0 or infinity is wanted, exactly that.</summary>
    private static void Elementwise(Checks check, string name, IReadOnlyList<double> got, Tensor want, double tolerance)
    {
        var numbers = want.to(float64).data<double>().ToArray();
        check.Equal($"{name}: count", got.Count, numbers.Length);
        var worst = got.Zip(numbers, (a, b) => a.Equals(b) ? 0 : Math.Abs(a - b) / Math.Abs(b)).Max();
        check.Scalar(name, worst, 0, tolerance);
    }

    /// <summary>A configuration of a class from some of its keys.</summary>
    private static SchedulerConfig ConfigOf(string name, string kind, JsonElement keys)
    {
        var file = JsonNode.Parse(keys.GetRawText())!.AsObject();
        file["_class_name"] = kind;
        return SchedulerConfig.Parse(file.ToJsonString().Replace("\"-inf\"", "-Infinity", StringComparison.Ordinal), name);
    }
}

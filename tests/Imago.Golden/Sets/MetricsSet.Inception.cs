using System.Text.Json;
using Imago.Golden.Networks;
using Imago.Metrics;
using Imago.Models.Inception;
using Imago.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Golden.Sets;

/// <summary>Inception-v3 with formula weights: its pictures, its features, its blocks.</summary>
internal sealed partial class MetricsSet
{
    private static readonly Dictionary<string, InceptionResize> Modes = new()
    {
        ["tf1"] = InceptionResize.Tf1,
        ["pytorch_fid"] = InceptionResize.Pytorch,
        ["clean"] = InceptionResize.Clean,
        ["clean_legacy_pytorch"] = InceptionResize.CleanLegacyPytorch,
    };

    private static void RunInceptionWeights(GoldenCase golden, Checks check)
    {
        var formula = golden.Json(golden.Entry.GetProperty("json").GetString()!).GetProperty("formula");
        var (weights, seed) = (FormulaWeight.ReadList(golden.PathOf(InputFile(golden, "keys.txt"))), formula.GetProperty("seed").GetUInt32());
        check.Equal("tensors", weights.Count, formula.GetProperty("number_of_tensors").GetInt32());
        using var network = new InceptionV3(InceptionV3Config.Fid);
        check.Equal("keys", string.Join('\n', network.state_dict().Select(entry => $"{entry.Key} {string.Join(',', entry.Value.shape)}").Order(StringComparer.Ordinal)),
            string.Join('\n', weights.Select(weight => $"{weight.Key} {string.Join(',', weight.Shape)}").Order(StringComparer.Ordinal)));
        foreach (var probe in formula.GetProperty("probe").EnumerateArray())
        {
            var weight = weights.Single(weight => weight.Number == probe.GetProperty("p").GetUInt32());
            var values = weight.Values(seed).flatten();
            check.Equal("key", weight.Key, probe.GetProperty("key").GetString()!);
            check.Exact(weight.Key, values[..probe.GetProperty("first4").GetArrayLength()], Doubles(probe.GetProperty("first4")));
            check.Scalar($"{weight.Key}, the last", values[^1].item<float>(), probe.GetProperty("last").GetDouble(), 0);
            check.Scalar($"{weight.Key}, the sum", values.to(float64).sum().item<double>(), probe.GetProperty("sum_float64").GetDouble(), Tolerance(golden, "sum", "rel"));
        }
        check.Scalar("sum of all", weights.Sum(weight => weight.Values(seed).to(float64).sum().item<double>()), formula.GetProperty("sum_of_all_values_float64").GetDouble(), Tolerance(golden, "sum", "rel"));
    }

    private static void RunInceptionPictures(GoldenCase golden, Checks check)
    {
        var root = golden.Json(golden.Entry.GetProperty("json").GetString()!);
        using var images = golden.Open(InputFile(golden, "images"));
        using var stored = golden.Open(golden.Entry.GetProperty("outputs")[0].GetString()!.Split(':')[0]);
        var (rows, step) = (Doubles(root.GetProperty("rows_stored")).to(int64), root.GetProperty("channel0_rows_step").GetInt32());
        foreach (var size in images.Tensors.Select(tensor => tensor.Name))
        {
            foreach (var (mode, resize) in Modes)
            {
                var (name, tolerance) = ($"{size}.{mode}", Tolerance(golden, resize == InceptionResize.Pytorch ? "pytorch_fid (0..1)" : "0..255 modes", "abs"));
                var got = InceptionPictures.Resize(images.Read(size), resize);
                if (stored.Contains($"{name}.rows")) Within($"{name}.rows", got[0].index_select(1, rows), stored.Read($"{name}.rows"), tolerance, check);
                if (stored.Contains($"{name}.channel0_rows")) Within($"{name}.channel0_rows", got[0, 0].slice(0, 0, got.shape[2], step), stored.Read($"{name}.channel0_rows"), tolerance, check);
                if (root.GetProperty("preprocessed_statistics").TryGetProperty(name, out var statistics)) ComparePictures(name, got, statistics, tolerance, check);
            }
        }
    }

    private static void ComparePictures(string name, Tensor got, JsonElement statistics, double tolerance, Checks check)
    {
        foreach (var (image, expected) in got.to(float64).unbind(0).Zip(statistics.EnumerateArray()))
        {
            var planes = image.flatten(1);
            Within($"{name} mean", planes.mean([1L]), Doubles(expected.GetProperty("mean")), tolerance, check);
            Within($"{name} deviation", planes.std(1, unbiased: false), Doubles(expected.GetProperty("std")), tolerance, check);
            Within($"{name} minimum", planes.amin([1L]), Doubles(expected.GetProperty("min")), tolerance, check);
            Within($"{name} maximum", planes.amax([1L]), Doubles(expected.GetProperty("max")), tolerance, check);
        }
    }

    private static void RunInceptionFeatures(GoldenCase golden, Checks check)
    {
        using var images = golden.Open(InputFile(golden, "images"));
        using var expected = golden.Open(golden.Entry.GetProperty("outputs")[0].GetString()!.Split(':')[0]);
        using var network = Inception(golden);
        var (features, logits) = (Tolerance(golden, "64, 192, 768, 2048, spatial", "rel"), Tolerance(golden, "logits", "abs"));
        foreach (var group in expected.Tensors.Select(tensor => tensor.Name).GroupBy(name => string.Join('.', name.Split('.')[..2])))
        {
            var (size, mode, inDouble) = (group.Key.Split('.')[0], group.Key.Split('.')[1].Split("_float64")[0], group.Key.EndsWith("_float64_network", StringComparison.Ordinal));
            using var scope = NewDisposeScope();
            using var noGrad = no_grad();
            var pictures = InceptionPictures.Prepare(images.Read(size), Modes[mode]);
            var seen = network.call(inDouble ? pictures.to(float64) : pictures);
            foreach (var name in group)
            {
                var got = name.Split('.')[2] switch
                {
                    "64" => seen.Stem64,
                    "192" => seen.Stem192,
                    "768" => seen.Mixed768,
                    "2048" => seen.Pool3,
                    "logits" => network.Logits(seen.Pool3),
                    "logits_unbiased" => network.Logits(seen.Pool3, bias: false),
                    "spatial_sfid" => SpatialFeatures.Of(seen.Mixed6).view(expected.Read(name).shape),
                    var other => throw new NotImplementedHereException($"the tap {other}"),
                };
                check.Tensor(name, got, expected.Read(name), name.Contains("logits", StringComparison.Ordinal) ? logits : features);
            }
        }
    }

    private static void RunInceptionBlocks(GoldenCase golden, Checks check)
    {
        var root = golden.Json(golden.Entry.GetProperty("json").GetString()!);
        using var images = golden.Open(InputFile(golden, "images"));
        using var network = Inception(golden);
        foreach (var picture in root.GetProperty("expected").EnumerateObject())
        {
            using var scope = NewDisposeScope();
            using var noGrad = no_grad();
            var (size, index) = (picture.Name.Split('[')[0], int.Parse(picture.Name.Split('[', ']')[1], System.Globalization.CultureInfo.InvariantCulture));
            var input = InceptionPictures.Prepare(images.Read(size)[index..(index + 1)], Modes[root.GetProperty("mode").GetString()!]);
            using var recorder = new ActivationRecorder(network);
            var seen = network.call(input);
            foreach (var block in picture.Value.EnumerateObject())
            {
                var got = block.Name switch { "input_normalised" => input, "AvgPool" => seen.Pool3.view(1, -1, 1, 1), var path => recorder.Read(path) };
                CompareBlock($"{picture.Name} {block.Name}", got.contiguous(), block.Value, golden, check);
            }
        }
    }

    private static void CompareBlock(string name, Tensor got, JsonElement expected, GoldenCase golden, Checks check)
    {
        check.Equal($"{name} shape", string.Join(' ', got.shape), string.Join(' ', expected.GetProperty("shape").EnumerateArray()));
        var x = got.to(float64);
        var tolerance = Tolerance(golden, "mean,std", "rel");
        check.Scalar($"{name} mean", x.mean().item<double>(), expected.GetProperty("mean").GetDouble(), tolerance);
        check.Scalar($"{name} deviation", x.std(unbiased: false).item<double>(), expected.GetProperty("std").GetDouble(), tolerance);
        check.Tensor($"{name} first", x.flatten()[..expected.GetProperty("first8").GetArrayLength()], Doubles(expected.GetProperty("first8")), Tolerance(golden, "first8", "rel"));
    }

    private static void RunTorchvision(GoldenCase golden, Checks check)
    {
        var root = golden.Json(golden.Entry.GetProperty("json").GetString()!);
        var input = root.GetProperty("images").GetString()!.Split(':');
        using var images = golden.Open(input[0]);
        using var expected = golden.Open(golden.Entry.GetProperty("outputs")[0].GetString()!.Split(':')[0]);
        var folder = Path.GetDirectoryName(golden.Entry.GetProperty("json").GetString()!)!;
        using var network = Filled(InceptionV3Config.Torchvision, golden.PathOf(Path.Combine(folder, "torchvision_keys.txt")), root.GetProperty("seed").GetUInt32());
        using var noGrad = no_grad();
        var seen = network.call(InceptionPictures.PrepareForTorchvision(images.Read(input[1])));
        var tolerance = Tolerance(golden, "all", "rel");
        foreach (var name in expected.Tensors.Select(tensor => tensor.Name))
        {
            var got = name switch { "logits" => network.Logits(seen.Pool3), "pool" => seen.Pool3, "aux_logits" => seen.Auxiliary!, "mixed_6e_mean" => seen.Mixed768, _ => throw new NotImplementedHereException($"the tap {name}") };
            check.Tensor(name, got, expected.Read(name), tolerance);
        }
    }

    /// <summary>The FID network with the formula's weights.</summary>
    private static InceptionV3 Inception(GoldenCase golden)
    {
        var folder = Directory.Exists(golden.PathOf("inception")) ? "inception" : Path.GetDirectoryName(golden.Entry.GetProperty("json").GetString()!)!;
        var seed = golden.Json(Path.Combine(folder, "inception.json")).GetProperty("formula").GetProperty("seed").GetUInt32();
        return Filled(InceptionV3Config.Fid, golden.PathOf(Path.Combine(folder, "keys.txt")), seed);
    }

    private static InceptionV3 Filled(InceptionV3Config config, string keys, uint seed)
    {
        var network = InceptionFiles.Empty(config);
        using var scope = NewDisposeScope();
        ModuleWeights.Load(network, FormulaWeight.ReadList(keys).ToDictionary(weight => weight.Key, weight => weight.Values(seed)));
        return network;
    }

    private static string InputFile(GoldenCase golden, string part) => golden.Entry.GetProperty("inputs").EnumerateArray().Select(input => input.GetString()!).First(input => input.Contains(part, StringComparison.Ordinal)).Split(':')[0];

    /// <summary>|got − want| everywhere below a limit.</summary>
    private static void Within(string name, Tensor got, Tensor want, double limit, Checks check)
    {
        if (!got.shape.SequenceEqual(want.shape)) check.True(name, holds: false, $"shape [{string.Join(", ", got.shape)}], expected [{string.Join(", ", want.shape)}]");
        else check.Scalar(name, (got.to(float64) - want.to(float64)).abs().max().item<double>(), 0, limit);
    }
}

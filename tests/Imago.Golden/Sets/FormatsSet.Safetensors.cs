using System.Globalization;
using System.Text.Json;
using Imago.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Golden.Sets;

internal sealed partial class FormatsSet
{
    private static void RunSafetensors(GoldenCase golden, Checks check)
    {
        if (golden.Entry.TryGetProperty("folder", out var folder)) RunSharded(golden, check, folder.GetString()!);
        else if (golden.Name.Contains("invalid", StringComparison.Ordinal)) RunInvalidSafetensors(golden, check);
        else RunValidSafetensors(golden, check);
    }

    private static void RunValidSafetensors(GoldenCase golden, Checks check)
    {
        var config = Config(golden);
        foreach (var path in Files(golden))
        {
            using var file = golden.Open(path);
            var expected = EntryOf(config, path);
            var metadata = expected.GetProperty("metadata");
            var wantMetadata = metadata.ValueKind == JsonValueKind.Null ? [] : metadata.EnumerateObject().ToDictionary(entry => entry.Name, entry => entry.Value.GetString()!);
            check.True($"{path} metadata", wantMetadata.Count == file.Metadata.Count && wantMetadata.All(entry => file.Metadata.GetValueOrDefault(entry.Key) == entry.Value));
            var tensors = expected.GetProperty("tensors").EnumerateObject().ToList();
            check.True($"{path} names", file.Tensors.Select(tensor => tensor.Name).ToHashSet().SetEquals(tensors.Select(tensor => tensor.Name)));
            foreach (var tensor in tensors) CheckValues(check, $"{path}: {tensor.Name}", file, tensor.Name, tensor.Value);
        }
    }

    private static void CheckValues(Checks check, string what, TensorFile file, string name, JsonElement want)
    {
        var info = file.Tensors.Single(tensor => tensor.Name == name);
        check.Equal($"{what} dtype", info.DataType, want.GetProperty("dtype").GetString());
        check.True($"{what} shape", info.Shape.SequenceEqual(want.GetProperty("shape").EnumerateArray().Select(size => size.GetInt64())));
        var values = want.GetProperty("values").EnumerateArray().Select(value => value.ValueKind == JsonValueKind.String ? value.GetString()! : value.GetRawText()).ToList();
        if (values.Any(value => ulong.TryParse(value, out var number) && number > long.MaxValue))
        {
            check.Refused($"{what} beyond int64", () => file.Read(name));
            return;
        }
        using var got = file.Read(name);
        check.True($"{what} tensor shape", got.shape.AsSpan().SequenceEqual([.. info.Shape]));
        check.True($"{what} values", Values(got).SequenceEqual(values.Select(Value)));
    }

    /// <summary>The elements as bits that are equal exactly where the numbers are: integers as they are, floats as doubles, every NaN the same.</summary>
    private static IEnumerable<long> Values(Tensor tensor)
    {
        var flat = tensor.flatten();
        return flat.is_floating_point() ? flat.to(float64).data<double>().Select(Bits) : flat.to(int64).data<long>();
    }

    private static long Value(string text) => text switch
    {
        "true" => 1,
        "false" => 0,
        _ when long.TryParse(text, out var whole) => whole,
        _ => Bits(text switch
        {
            "nan" => double.NaN,
            "inf" => double.PositiveInfinity,
            "-inf" => double.NegativeInfinity,
            _ => double.Parse(text, CultureInfo.InvariantCulture),
        }),
    };

    private static long Bits(double x) => BitConverter.DoubleToInt64Bits(double.IsNaN(x) ? double.NaN : x);

    private static void RunSharded(GoldenCase golden, Checks check, string folder)
    {
        using var want = golden.Open(golden.Entry.GetProperty("expected").GetString()!);
        using var got = Safetensors.OpenSharded(IndexIn(golden.PathOf(folder)));
        check.True("names", got.Tensors.Select(tensor => tensor.Name).ToHashSet().SetEquals(want.Tensors.Select(tensor => tensor.Name)));
        foreach (var tensor in want.Tensors) check.Exact(tensor.Name, got.Read(tensor.Name), want.Read(tensor.Name));
        foreach (var refused in Files(golden, "refuse"))
        {
            var path = golden.PathOf(Path.Combine(Path.GetDirectoryName(folder)!, refused));
            check.Refused(refused, () => Safetensors.OpenSharded(IndexIn(path)).Dispose());
        }
    }

    private static string IndexIn(string folder) => Directory.GetFiles(folder, "*.index.json").Single();

    private static void RunInvalidSafetensors(GoldenCase golden, Checks check)
    {
        var config = Config(golden);
        foreach (var path in Files(golden))
        {
            var officialAccepts = EntryOf(config, path).GetProperty("safe_open").GetString()!.StartsWith("accept", StringComparison.Ordinal);
            void Read() => ReadAll(Safetensors.Open(golden.PathOf(path)));
            if (officialAccepts) RefusedOrBounded(check, golden.PathOf(path), path, Read);
            else Refused(check, golden.PathOf(path), path, Read);
        }
    }

    private static void ReadAll(TensorFile opened)
    {
        using var file = opened;
        foreach (var tensor in file.Tensors) file.Read(tensor.Name).Dispose();
    }
}

using System.Text.Json;
using Imago.Weights;
using static TorchSharp.torch;

namespace Imago.Golden.Sets;

internal sealed partial class FormatsSet
{
    private static void RunNumpy(GoldenCase golden, Checks check)
    {
        var config = Config(golden);
        if (!golden.Entry.TryGetProperty("expected", out var reference))
        {
            foreach (var path in Files(golden))
            {
                // NumPy's leniency is no reason to follow it, except where a bounded reading is right as well: declared sizes, and names that are never paths.
                void Read() => ReadAll(NumpyFile.Open(golden.PathOf(path)));
                if (config.GetProperty(path).ToString().Contains("accept", StringComparison.Ordinal)) RefusedOrBounded(check, golden.PathOf(path), path, Read);
                else Refused(check, golden.PathOf(path), path, Read);
            }
            return;
        }
        using var numbers = golden.Open(reference.GetString()!);
        foreach (var path in Files(golden))
        {
            using var file = NumpyFile.Open(golden.PathOf(path));
            var expected = config.GetProperty(path);
            if (!expected.TryGetProperty("members", out var members))
            {
                CheckNumpy(check, path, file, file.Tensors.Single().Name, expected, numbers, path);
                continue;
            }
            check.True($"{path} members", file.Tensors.Select(tensor => tensor.Name).SequenceEqual(members.EnumerateObject().Select(member => member.Name)));
            foreach (var member in members.EnumerateObject()) CheckNumpy(check, $"{path}/{member.Name}", file, member.Name, member.Value, numbers, $"{path}/{member.Name}");
        }
    }

    private static void CheckNumpy(Checks check, string what, NumpyFile file, string name, JsonElement want, TensorFile numbers, string key)
    {
        check.True($"{what} shape", file.Tensors.Single(tensor => tensor.Name == name).Shape.SequenceEqual(want.GetProperty("shape").EnumerateArray().Select(size => size.GetInt64())));
        if (want.TryGetProperty("values", out var texts))
        {
            check.True($"{what} text", file.ReadText(name).SequenceEqual(texts.EnumerateArray().Select(text => text.GetString()!)));
            return;
        }
        var reference = numbers.Tensors.Single(tensor => tensor.Name == key || key.EndsWith($"/{tensor.Name}", StringComparison.Ordinal));
        if (reference.DataType == "U64" && IsBeyondInt64(numbers, reference.Name))
        {
            check.Refused($"{what} beyond int64", () => file.Read(name));
            return;
        }
        var got = file.Read(name);
        check.Exact(what, got.is_complex() ? view_as_real(got) : got, numbers.Read(reference.Name));
    }
}

using System.Globalization;
using System.Text.Json;
using Imago.Weights;

namespace Imago.Golden.Sets;

internal sealed partial class FormatsSet
{
    private static void RunGguf(GoldenCase golden, Checks check)
    {
        var config = Config(golden);
        if (golden.Entry.TryGetProperty("expected", out var reference))
        {
            using var numbers = golden.Open(reference.GetString()!);
            var tolerance = golden.Entry.GetProperty("tolerance").GetProperty("dequantised").GetDouble();
            var undecoded = new SortedSet<string>(StringComparer.Ordinal);
            foreach (var path in Files(golden)) CheckGguf(check, path, golden.PathOf(path), EntryOf(config, path), numbers, tolerance, undecoded);
            if (undecoded.Count > 0 && check.Failures.Count == 0)
                throw new NotImplementedHereException($"Imago does not decode {string.Join(", ", undecoded)} yet (the other {check.Count} comparisons of this case agree)");
            return;
        }
        var mayAccept = config.GetProperty("may_accept").EnumerateArray().Select(name => name.GetString()).ToHashSet();
        foreach (var path in Files(golden))
        {
            void Read() => ReadAll(GgufFile.Open(golden.PathOf(path)));
            if (mayAccept.Contains(Path.GetFileNameWithoutExtension(path))) RefusedOrBounded(check, golden.PathOf(path), path, Read);
            else Refused(check, golden.PathOf(path), path, Read);
        }
    }

    private static void CheckGguf(Checks check, string what, string path, JsonElement want, TensorFile numbers, double tolerance, SortedSet<string> undecoded)
    {
        using var file = GgufFile.Open(path);
        check.Equal($"{what} version", file.Version, want.GetProperty("version").GetInt32());
        check.Equal($"{what} alignment", file.Alignment, want.GetProperty("alignment").GetInt32());
        var metadata = want.GetProperty("metadata").EnumerateObject().ToList();
        check.Equal($"{what} keys", file.Values.Count, metadata.Count);
        foreach (var entry in metadata)
            check.True($"{what}: {entry.Name}", file.Values.TryGetValue(entry.Name, out var got) && got.Type == entry.Value.GetProperty("type").GetString() && Agrees(got, entry.Value.GetProperty("value")));
        var tensors = want.GetProperty("tensors").EnumerateObject().ToList();
        check.True($"{what} names", file.Tensors.Select(tensor => tensor.Name).ToHashSet().SetEquals(tensors.Select(tensor => tensor.Name)));
        foreach (var tensor in tensors)
        {
            var info = file.Tensors.Single(found => found.Name == tensor.Name);
            var shape = tensor.Value.TryGetProperty("orig_shape", out var original) ? original : tensor.Value.GetProperty("shape");
            check.Equal($"{what}: {tensor.Name} type", info.DataType, tensor.Value.GetProperty("type").GetString());
            check.True($"{what}: {tensor.Name} shape", info.Shape.SequenceEqual(shape.EnumerateArray().Select(size => size.GetInt64())));
            if (GgufType.ById.Values.Single(type => type.Name == info.DataType) is { Element: null, Dequantise: null })
            {
                undecoded.Add(info.DataType);
                check.Refused($"{what}: {tensor.Name}", () => file.Read(tensor.Name));
                continue;
            }
            var prefix = want.GetProperty("expected_prefix").GetString()!.Split(' ')[0];
            var expected = numbers.Tensors.Where(stored => stored.Name.StartsWith(prefix, StringComparison.Ordinal)).Single(stored => stored.Name == prefix + tensor.Name || stored.Name.EndsWith($".{tensor.Name}", StringComparison.Ordinal));
            check.Tensor($"{what}: {tensor.Name}", file.Read(tensor.Name), numbers.Read(expected.Name), info.DataType.Contains('_', StringComparison.Ordinal) || info.DataType == "MXFP4" ? tolerance : 0);
        }
    }

    private static bool Agrees(object got, JsonElement want) => got switch
    {
        GgufValue { Type: "arr" } array when want.ValueKind == JsonValueKind.Object => array.ElementType == want.GetProperty("of").GetString() && Agrees(array.Value, want.GetProperty("values")),
        GgufValue value => Agrees(value.Value, want),
        Array items => items.Length == want.GetArrayLength() && items.Cast<object>().Zip(want.EnumerateArray()).All(pair => Agrees(pair.First, pair.Second)),
        string text => text == want.GetString(),
        bool truth => truth == want.GetBoolean(),
        ulong number => number == want.GetUInt64(),
        float or double => Convert.ToDouble(got, CultureInfo.InvariantCulture).Equals(want.Number()),
        _ => Convert.ToInt64(got, CultureInfo.InvariantCulture) == want.GetInt64(),
    };
}

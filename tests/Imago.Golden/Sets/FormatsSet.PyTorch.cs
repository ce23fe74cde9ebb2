using System.Globalization;
using System.Numerics;
using System.Text.Json;
using Imago.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Golden.Sets;

internal sealed partial class FormatsSet
{
    private static void RunPyTorch(GoldenCase golden, Checks check)
    {
        if (golden.Entry.TryGetProperty("structures", out var structures)) RunValidCheckpoints(golden, check, golden.Json(structures.GetString()!));
        else RunHostileCheckpoints(golden, check);
    }

    private static void RunValidCheckpoints(GoldenCase golden, Checks check, JsonElement structures)
    {
        var config = Config(golden);
        foreach (var entry in config.GetProperty("files").EnumerateArray())
        {
            var path = entry.GetProperty("file").GetString()!;
            var name = entry.GetProperty("expected").GetString()!;
            using var checkpoint = TorchCheckpoint.Open(golden.PathOf(path));
            using var numbers = config.GetProperty("expected_tensors").TryGetProperty(name, out var tensors) ? golden.Open(tensors.GetString()!) : null;
            CheckTree(check, path, checkpoint, numbers, checkpoint.Root, structures.GetProperty(name));
            foreach (var tensor in checkpoint.Tensors.Where(tensor => tensor.DataType != "U64")) check.True($"{path}: {tensor.Name} shape", checkpoint.Read(tensor.Name).shape.AsSpan().SequenceEqual([.. tensor.Shape]));
        }
    }

    private static void CheckTree(Checks check, string at, TorchCheckpoint file, TensorFile? numbers, PickleValue got, JsonElement want)
    {
        void Items(IReadOnlyList<PickleValue> items, string field = "items")
        {
            var wanted = want.GetProperty(field).EnumerateArray().ToList();
            check.Equal($"{at} length", items.Count, wanted.Count);
            for (int i = 0; i < Math.Min(items.Count, wanted.Count); i++) CheckTree(check, $"{at}/{i}", file, numbers, items[i], wanted[i]);
        }

        var kind = want.GetProperty("t").GetString()!;
        switch (got)
        {
            case PickleTensor tensor:
                CheckTensor(check, at, file, numbers!, tensor, want);
                break;
            case PickleDictionary dictionary:
                check.Equal(at, dictionary.IsOrdered ? "ordered_dict" : "dict", kind);
                var entries = want.GetProperty("items").EnumerateArray().ToList();
                check.Equal($"{at} length", dictionary.Entries.Count, entries.Count);
                foreach (var ((key, value), entry) in dictionary.Entries.Zip(entries))
                {
                    CheckTree(check, $"{at}/key", file, numbers, key, entry[0]);
                    CheckTree(check, $"{at}/{entry[0]}", file, numbers, value, entry[1]);
                }
                if (want.TryGetProperty("_metadata", out var metadata)) CheckTree(check, $"{at}/_metadata", file, numbers, dictionary.Attributes!["_metadata"]!, metadata);
                break;
            case PickleSequence { Kind: PickleSequenceKind.Size } size:
                check.True(at, kind == "size" && size.Items.Select(item => (long)(BigInteger)((PickleScalar)item).Value!).SequenceEqual(want.GetProperty("v").EnumerateArray().Select(n => n.GetInt64())));
                break;
            case PickleSequence sequence:
                check.Equal(at, sequence.Kind.ToString().ToLowerInvariant(), kind);
                Items(sequence.Items);
                break;
            case PickleSymbol symbol:
                check.True(at, symbol.TypeName == $"torch.{kind}" && symbol.Text == want.GetProperty("v").GetString());
                break;
            case PickleArray array:
                CheckArray(check, at, array, want);
                break;
            case PickleScalar scalar:
                check.True(at, ScalarAgrees(scalar.Value, kind, want), $"{scalar.Value} is not {want}");
                break;
        }
    }

    private static bool ScalarAgrees(object? got, string kind, JsonElement want) => (kind, got) switch
    {
        ("none", null) => true,
        ("bool", bool truth) => truth == want.GetProperty("v").GetBoolean(),
        ("int", BigInteger number) => number == BigInteger.Parse(want.GetProperty("v").GetString()!, CultureInfo.InvariantCulture),
        ("float", double x) => Bits(x) == Bits(want.GetProperty("v").Number()),
        ("complex", Complex z) => z.Real == want.GetProperty("v")[0].Number() && z.Imaginary == want.GetProperty("v")[1].Number(),
        ("str", string text) => text == want.GetProperty("v").GetString(),
        ("bytes", byte[] bytes) => Convert.ToHexStringLower(bytes) == want.GetProperty("hex").GetString(),
        _ => false,
    };

    private static void CheckTensor(Checks check, string at, TorchCheckpoint file, TensorFile numbers, PickleTensor got, JsonElement want)
    {
        static IEnumerable<long> Longs(JsonElement list) => list.EnumerateArray().Select(n => n.GetInt64());
        check.Equal(at, got.IsParameter ? "parameter" : "tensor", want.GetProperty("t").GetString());
        check.True($"{at} layout", got.Shape.SequenceEqual(Longs(want.GetProperty("shape"))) && got.Strides.SequenceEqual(Longs(want.GetProperty("stride"))) && got.Offset == want.GetProperty("storage_offset").GetInt64());
        check.Equal($"{at} requires_grad", got.RequiresGradient, want.GetProperty("requires_grad").GetBoolean());
        var reference = want.GetProperty("ref").GetString()!;
        var wanted = numbers.Tensors.Single(tensor => tensor.Name == reference || tensor.Name == reference.TrimStart('/'));
        bool isComplex = got.DataType.StartsWith('C');
        check.True($"{at} dtype {want.GetProperty("dtype")}", isComplex ? want.GetProperty("dtype").GetString()!.StartsWith("complex", StringComparison.Ordinal) : got.DataType == wanted.DataType);
        if (got.DataType == "U64" && IsBeyondInt64(numbers, wanted.Name))
        {
            check.Refused($"{at} beyond int64", () => file.Read(got));
            return;
        }
        var read = file.Read(got);
        check.Exact(at, isComplex ? view_as_real(read.contiguous()) : read, numbers.Read(wanted.Name));
    }

    private static bool IsBeyondInt64(TensorFile file, string name)
    {
        try
        {
            file.Read(name).Dispose();
            return false;
        }
        catch (CheckpointException)
        {
            return true;
        }
    }

    private static void CheckArray(Checks check, string at, PickleArray got, JsonElement want)
    {
        check.Equal($"{at} dtype", got.DataType, want.GetProperty("dtype").GetString());
        var values = got.ToTensor().to(float64).flatten().data<double>().ToArray();
        if (got.IsScalar)
        {
            var text = want.GetProperty("value").GetString()!;
            check.Scalar(at, values[0], text is "True" or "False" ? (text == "True" ? 1 : 0) : double.Parse(text, CultureInfo.InvariantCulture), 0);
            return;
        }
        check.True($"{at} shape", got.Shape.SequenceEqual(want.GetProperty("shape").EnumerateArray().Select(n => n.GetInt64())));
        check.True($"{at} values", values.SequenceEqual(Flatten(want.GetProperty("values"))));
    }

    private static IEnumerable<double> Flatten(JsonElement nested) =>
        nested.ValueKind == JsonValueKind.Array ? nested.EnumerateArray().SelectMany(Flatten) : [nested.Number()];

    private static void RunHostileCheckpoints(GoldenCase golden, Checks check)
    {
        var config = Config(golden);
        foreach (var path in Files(golden))
        {
            void Read() => ReadAll(TorchCheckpoint.Open(golden.PathOf(path)));
            switch (EntryOf(config, path).GetProperty("expect").GetString())
            {
                case "refuse":
                    Refused(check, golden.PathOf(path), path, Read);
                    break;
                case "load":
                    Read();
                    check.True(path, true);
                    break;
                default:
                    RefusedOrBounded(check, golden.PathOf(path), path, Read);
                    break;
            }
        }
        check.True("nothing was executed", !File.Exists("pwned") && !File.Exists(golden.PathOf("pwned")), "a file named pwned appeared");
    }
}

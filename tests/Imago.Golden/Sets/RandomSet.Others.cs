using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using Imago.Randomness;
using Imago.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Golden.Sets;

/// <summary>CUDA's, NumPy's and Python's generators.</summary>
internal sealed partial class RandomSet
{
    private static void RunPhilox(GoldenCase golden, Checks check)
    {
        using var file = golden.Open(golden.Entry.GetProperty("file").GetString()!);
        var root = golden.Json(golden.Entry.GetProperty("config").GetString()!);
        double Tolerance(string name) => golden.Entry.GetProperty("tolerance").GetProperty(name).GetDouble();
        foreach (var known in root.GetProperty("known_answers").EnumerateArray())
        {
            uint[] Words(string key) => [.. known.GetProperty(key).EnumerateArray().Select(word => word.GetUInt32())];
            var (counter, key, output) = (Words("counter"), Words("key"), Words("output"));
            check.Equal("known answer", PhiloxRandom.Block((counter[0], counter[1], counter[2], counter[3]), (key[0], key[1])), (output[0], output[1], output[2], output[3]));
        }
        foreach (var group in file.Tensors.Select(tensor => tensor.Name).GroupBy(name => string.Join('/', name.Split('/')[..2])))
        {
            var kind = group.Key.Split('/')[0];
            if (kind == "words") CompareWords(file, group.Key, check);
            else if (kind == "grid") CompareGrid(file, group.Key, check, Tolerance("grid"));
            else CompareCalls(file, group, kind, check, Tolerance(kind));
        }
        foreach (var printed in root.GetProperty("printed_by_gpus_4_decimals").EnumerateObject()) ComparePrinted(printed, check, Tolerance("gpu"));
    }

    private static void CompareWords(TensorFile file, string name, Checks check)
    {
        var want = file.Read(name);
        var random = new PhiloxRandom(ulong.Parse(name.Split('/')[1], CultureInfo.InvariantCulture));
        var words = Enumerable.Range(0, (int)want.shape[0]).SelectMany(offset => Enumerable.Range(0, (int)want.shape[1]).Select(thread => random.Words((ulong)offset, (ulong)thread)));
        check.Exact(name, tensor(words.SelectMany(w => new long[] { w.Item1, w.Item2, w.Item3, w.Item4 }).ToArray()).view(want.shape), want);
    }

    /// <summary>grid/seed_n_threads.</summary>
    private static void CompareGrid(TensorFile file, string name, Checks check, double tolerance)
    {
        int[] numbers = [.. name.Split('/')[1].Split('_').Select(part => int.Parse(part.TrimStart([.. "sednthra"]), CultureInfo.InvariantCulture))];
        var values = new float[numbers[1]];
        new PhiloxRandom((ulong)numbers[0]).Normal(values, numbers[2]);
        check.Tensor(name, tensor(values), file.Read(name).flatten(), tolerance);
    }

    /// <summary>Calls one after another from one generator, and tensors from a fresh one.</summary>
    private static void CompareCalls(TensorFile file, IEnumerable<string> names, string kind, Checks check, double tolerance)
    {
        PhiloxRandom Fresh(string name) => new(ulong.Parse(name.Split('/')[1], CultureInfo.InvariantCulture));
        PhiloxRandom? running = null;
        foreach (var name in names.Order(StringComparer.Ordinal))
        {
            var want = file.Read(name);
            var values = new float[want.numel()];
            var random = name.Split('/')[2].StartsWith("call", StringComparison.Ordinal) ? running ??= Fresh(name) : Fresh(name);
            if (kind == "cuda_rand") random.Uniform(values);
            else random.Normal(values);
            check.Tensor(name, tensor(values).view(want.shape), want, tolerance);
        }
    }

    /// <summary>randn_seed_0, rand_seed_0, randn_seed_42_six_successive_calls_of_4: lists of numbers with four decimals.</summary>
    private static void ComparePrinted(JsonProperty printed, Checks check, double tolerance)
    {
        var random = new PhiloxRandom(ulong.Parse(printed.Name.Split('_')[2], CultureInfo.InvariantCulture));
        var calls = printed.Value[0].ValueKind == JsonValueKind.Array ? printed.Value.EnumerateArray().ToArray() : [printed.Value];
        foreach (var call in calls)
        {
            var values = new float[call.GetArrayLength()];
            if (printed.Name.StartsWith("randn", StringComparison.Ordinal)) random.Normal(values);
            else random.Uniform(values);
            check.Tensor(printed.Name, tensor(values), tensor(call.EnumerateArray().Select(value => value.GetSingle()).ToArray()), tolerance);
        }
    }

    /// <summary>Every stored tensor from a fresh generator; its name is the call.</summary>
    private static void RunNumpyLegacy(GoldenCase golden, Checks check)
    {
        using var file = golden.Open(golden.Entry.GetProperty("file").GetString()!);
        var prefix = golden.Entry.GetProperty("prefix").GetString()!;
        foreach (var name in file.Tensors.Select(tensor => tensor.Name).Where(name => name.StartsWith(prefix, StringComparison.Ordinal)))
        {
            var want = file.Read(name);
            uint[] seed = [.. name.Split('/')[1].Split('_').Select(word => uint.Parse(word, CultureInfo.InvariantCulture))];
            var random = seed.Length == 1 ? new NumpyRandom(seed[0]) : new NumpyRandom(seed);
            check.Exact(name, NumpyCall(random, name.Split('/')[2], (int)want.numel()), want);
        }
    }

    private static Tensor NumpyCall(NumpyRandom random, string call, int count)
    {
        double[] Each(Func<double> next) => [.. Enumerable.Range(0, count).Select(_ => next())];
        string[] parts = call.Split('_');
        long Bound(string text) => text.StartsWith("2p", StringComparison.Ordinal) ? 1L << int.Parse(text[2..], CultureInfo.InvariantCulture) : long.Parse(text, CultureInfo.InvariantCulture);
        switch (parts[0])
        {
            case "key": return tensor(random.Words.Select(word => (long)word).ToArray());
            case "uint32": return tensor(Enumerable.Range(0, count).Select(_ => (long)random.NextUInt32()).ToArray());
            case "random": return tensor(Each(random.NextDouble));
            case "randn": return tensor(Each(random.NextNormal));
            case "normal": return tensor(Each(() => Bound(parts[^2]) + Bound(parts[^1]) * random.NextNormal()));
            case "uniform": return tensor(Each(() => random.Uniform(Bound(parts[1]), Bound(parts[2]))));
            case "exponential": return tensor(Each(() => random.NextExponential(Bound(parts[1]))));
            case "randint": return tensor(Enumerable.Range(0, count).Select(_ => random.InRange(Bound(parts[1]), Bound(parts[2]))).ToArray());
            case "permutation" or "shuffle": return tensor(random.Permutation((int)Bound(parts[1])));
            case "choice" when parts[^1] == "p":                 // the set's weights are 1, 2, … over their sum
                return tensor(random.Choice([.. Enumerable.Range(1, (int)Bound(parts[3])).Select(weight => (double)weight)], count));
            case "choice": return tensor(random.Choice((int)Bound(parts[3]), count, parts[^1] == "replace"));
            case "seq": return tensor(Sequence(random, parts[1..]).ToArray());
            default: throw new NotImplementedHereException($"NumPy's {call}");
        }
    }

    /// <summary>seq_randn1_rand2_…: calls in turn, of which the first is not stored.</summary>
    private static IEnumerable<double> Sequence(NumpyRandom random, string[] calls) => calls.SelectMany((call, k) =>
    {
        var name = call.TrimEnd([.. "0123456789"]);
        var n = int.Parse(call[name.Length..], CultureInfo.InvariantCulture);
        double[] values = name switch
        {
            "randn" => [.. Enumerable.Range(0, n).Select(_ => random.NextNormal())],
            "rand" => [.. Enumerable.Range(0, n).Select(_ => random.NextDouble())],
            "perm" => [.. random.Permutation(n).Select(i => (double)i)],
            _ => throw new NotImplementedHereException($"NumPy's {call}"),
        };
        return k == 0 ? [] : values;
    });

    private static void RunNumpyUses(GoldenCase golden, Checks check)
    {
        foreach (var entry in golden.Json(golden.Entry.GetProperty("config").GetString()!).EnumerateArray())
        {
            var use = entry.GetProperty("use").GetString()!;
            var random = new NumpyRandom(entry.GetProperty("seed").GetUInt32());
            int Get(string key) => entry.GetProperty(key).GetInt32();
            long[] drawn;
            if (use.StartsWith("inception score", StringComparison.Ordinal)) drawn = random.Permutation(Get("n"));
            else if (use.StartsWith("KID", StringComparison.Ordinal))
            {
                int[] sizes = use.Contains("choice(n2,m) of the second", StringComparison.Ordinal) ? [Get("n2"), Get("n1")] : [Get("n1"), Get("n2")];
                drawn = [.. Enumerable.Range(0, Get("subsets")).SelectMany(_ => sizes.SelectMany(n => random.Choice(n, Get("subset_size"), replace: false)))];
            }
            else if (use.StartsWith("PPL", StringComparison.Ordinal))
            {
                foreach (var name in new[] { "lat_e0", "lat_e1" })
                {
                    foreach (var want in entry.GetProperty(name).EnumerateArray().SelectMany(row => row.EnumerateArray())) check.Equal(name, random.NextNormal(), want.GetDouble());
                }
                continue;
            }
            else throw new NotImplementedHereException(use);
            if (entry.TryGetProperty("first16", out var first)) check.Equal($"{use}: first", string.Join(",", drawn[..16]), string.Join(",", first.EnumerateArray().Select(i => i.GetInt64())));
            var bytes = System.Runtime.InteropServices.MemoryMarshal.AsBytes(drawn.AsSpan());
            check.Equal($"{use}, seed {entry.GetProperty("seed")}", Convert.ToHexStringLower(SHA256.HashData(bytes)), entry.GetProperty("sha256_int64_le").GetString());
        }
    }

    private static void RunPython(GoldenCase golden, Checks check)
    {
        foreach (var entry in golden.Json(golden.Entry.GetProperty("config").GetString()!).EnumerateArray())
        {
            var seed = entry.GetProperty("seed").GetUInt64();
            foreach (var call in entry.EnumerateObject().Where(call => call.Name != "seed"))
            {
                var random = new PythonRandom(seed);
                var parts = call.Name.Split('_');
                int Number(int at) => int.Parse(parts[at], CultureInfo.InvariantCulture);
                var want = call.Value.ValueKind == JsonValueKind.Array ? call.Value.EnumerateArray().ToArray() : [call.Value];
                void Integers(Func<long> next) => check.Equal($"{call.Name}, seed {seed}", string.Join(",", want.Select(_ => next()).ToArray()), string.Join(",", want.Select(value => value.GetInt64())));
                void Doubles(Func<double> next, double tolerance)
                {
                    foreach (var value in want) check.Scalar($"{call.Name}, seed {seed}", next(), value.GetDouble(), tolerance);
                }
                T[] Shuffled<T>(IEnumerable<T> values)
                {
                    T[] order = [.. values];
                    random.Shuffle(order.AsSpan());
                    return order;
                }
                var gauss = golden.Entry.GetProperty("tolerance").GetProperty("gauss").GetDouble();
                switch (parts[0])
                {
                    case "random": Doubles(random.NextDouble, 0); break;
                    case "uniform": Doubles(() => Number(1) + (Number(2) - Number(1)) * random.NextDouble(), 0); break;
                    case "gauss": Doubles(random.NextGauss, gauss); break;
                    case "normalvariate": Doubles(random.NextNormal, gauss); break;
                    case "getrandbits": Integers(() => random.Bits(Number(1))); break;
                    case "randint": Integers(() => Number(1) + random.Below(Number(2) - Number(1) + 1)); break;
                    case "randrange": Integers(() => random.Below(Number(1))); break;
                    case "choice": Integers(() => random.Below(Number(3))); break;
                    case "sample": check.Equal(call.Name, string.Join(",", random.Sample(Number(3), Number(1))), string.Join(",", want.Select(value => value.GetInt32()))); break;
                    case "shuffle" when want[0].ValueKind == JsonValueKind.String:
                        check.Equal(call.Name, string.Join(",", Shuffled(want.Select(value => value.GetString()!).Order(StringComparer.Ordinal))), string.Join(",", want.Select(value => value.GetString())));
                        break;
                    case "shuffle": check.Equal(call.Name, string.Join(",", Shuffled(Enumerable.Range(0, Number(1)))), string.Join(",", want.Select(value => value.GetInt32()))); break;
                    default: throw new NotImplementedHereException($"Python's {call.Name}");
                }
            }
        }
    }
}

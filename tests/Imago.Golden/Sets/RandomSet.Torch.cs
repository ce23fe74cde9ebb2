using System.Globalization;
using System.Text.Json;
using Imago.Randomness;
using Imago.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Golden.Sets;

/// <summary>PyTorch's CPU generator, by libtorch's own and by the managed one.</summary>
internal sealed partial class RandomSet
{
    private static void RunBasic(GoldenCase golden, Checks check)
    {
        var (entry, prefix) = (golden.Entry, golden.Entry.GetProperty("prefix").GetString()!);
        var (seed, ranges) = (entry.GetProperty("seed").GetUInt64(), entry.GetProperty("randint_ranges"));
        using var file = golden.Open(entry.GetProperty("file").GetString()!);
        foreach (var info in file.Tensors.Where(tensor => tensor.Name.StartsWith(prefix, StringComparison.Ordinal)))
        {
            var (name, want) = (info.Name[prefix.Length..], file.Read(info.Name));
            var (kind, n) = (name.Split('_')[0], (int)want.numel());
            var tolerance = entry.GetProperty("tolerance").GetProperty(kind).GetDouble();
            using var native = new Generator(seed);
            var managed = new TorchRandom(seed);
            if (kind == "randint")
            {
                var range = ranges.GetProperty(name["randint_".Length..]).EnumerateArray().Select(edge => edge.GetInt64()).ToArray();
                check.Exact($"{name}, managed", tensor(Enumerable.Range(0, n).Select(_ => managed.InRange(range[0], range[1])).ToArray()), want);
                check.Exact(name, randint(range[0], range[1], [n], dtype: int64, generator: native), want);
                continue;
            }
            if (kind == "randperm")
            {
                check.Exact($"{name}, managed", tensor(managed.Permutation(n)), want);
                check.Exact(name, randperm(n, dtype: int64, generator: native), want);
                continue;
            }
            Draw(check, name, name.Split('_')[1], isOfOldLibrary: name.Contains("until_2.10", StringComparison.Ordinal), kind, native, managed, want, tolerance);
        }
    }

    /// <summary>rand or randn of a type. libtorch 2.10 draws 16-bit numbers by a rule of its own, which later versions have given up; the managed generator follows the later ones.</summary>
    private static void Draw(Checks check, string name, string type, bool isOfOldLibrary, string kind, Generator native, TorchRandom managed, Tensor want, double tolerance)
    {
        var (n, is16Bits) = ((int)want.numel(), type is "bf16" or "f16");
        var byLibrary = kind == "rand" ? rand(want.shape, dtype: want.dtype, generator: native) : randn(want.shape, dtype: want.dtype, generator: native);
        if (!is16Bits || isOfOldLibrary || (kind == "randn" && n < 16)) check.Tensor(name, byLibrary, want, is16Bits ? Rounding(want.dtype) : tolerance);
        if (!isOfOldLibrary) check.Tensor($"{name}, managed", Managed(kind, type, managed, n).to(want.dtype).reshape(want.shape), want, is16Bits ? Rounding(want.dtype) : tolerance);
    }

    /// <summary>One unit in the last place of the largest value: a normal number may fall on the other side of a rounding boundary.</summary>
    private static double Rounding(ScalarType type) => type == bfloat16 ? 1.0 / 128 : 1.0 / 1024;

    private static Tensor Managed(string kind, string type, TorchRandom random, int n)
    {
        var (single, wide) = (new float[n], new double[n]);
        switch (kind, type)
        {
            case ("rand", "f64"): random.Uniform(wide); return tensor(wide);
            case ("randn", "f64"): random.Normal(wide); return tensor(wide);
            case ("randn", "f32"): random.Normal(single); return tensor(single);
            case ("randn", _): random.NormalFor16Bits(single); return tensor(single);
            case (_, "f32"): random.Uniform(single); return tensor(single);
            default:
                random.Uniform(single);
                var rounded = tensor(single).to(type == "bf16" ? bfloat16 : float16);
                return where(rounded.eq(1), zeros_like(rounded), rounded);
        }
    }

    private static void RunSequence(GoldenCase golden, Checks check)
    {
        var (config, tolerance) = (golden.Json(golden.Entry.GetProperty("config").GetString()!), golden.Entry.GetProperty("tolerance").GetDouble());
        using var file = golden.Open(golden.Entry.GetProperty("file").GetString()!);
        var seed = config.GetProperty("seed").GetUInt64();
        using var native = new Generator(seed);
        var managed = new TorchRandom(seed);
        check.Equal("initial_seed", native.initial_seed(), config.GetProperty("initial_seed").GetInt64());
        foreach (var step in config.GetProperty("steps").EnumerateArray())
        {
            if (step.TryGetProperty("state", out var state))
            {
                var stored = file.Read($"state/{state.GetString()}");
                var wantBytes = stored.data<byte>().ToArray();
                check.Equal($"{state}, managed bytes", State(managed.GetState()), State(wantBytes));
                check.Equal($"{state}, bytes", State(native.get_state().data<byte>().ToArray()), State(wantBytes));
                CheckResumption(check, state.GetString()!, wantBytes, file, tolerance);
                continue;
            }
            var name = step.GetProperty("call").GetString()!;                      // call/04_randn_f32_16
            var (parts, want) = (name.Split('/')[1].Split('_'), file.Read(name));
            if (parts[1] == "randperm")
            {
                check.Exact($"{name}, managed", tensor(managed.Permutation((int)want.numel())), want);
                check.Exact(name, randperm(want.numel(), dtype: int64, generator: native), want);
            }
            else
            {
                Draw(check, name, parts[2], isOfOldLibrary: false, parts[1], native, managed, want, tolerance);
            }
        }
    }

    /// <summary>What the state says, with the kept normal to the digits that another logarithm leaves equal.</summary>
    private static string State(byte[] bytes)
    {
        var kept = BitConverter.ToDouble(bytes, 5024);
        return string.Create(CultureInfo.InvariantCulture, $"{Convert.ToHexString(bytes.AsSpan(0, 5016))} {(BitConverter.ToInt32(bytes, 5040) == 0 ? 0 : kept):g12} {BitConverter.ToInt32(bytes, 5040)}");
    }

    /// <summary><c>resume/randn_6_from_state_5</c>: drawn after setting the state whose name begins with 5.</summary>
    private static void CheckResumption(Checks check, string state, byte[] bytes, TensorFile file, double tolerance)
    {
        foreach (var info in file.Tensors.Where(tensor => tensor.Name.StartsWith("resume/", StringComparison.Ordinal) && tensor.Name.EndsWith($"_from_state_{state.Split('_')[0]}", StringComparison.Ordinal)))
        {
            var (kind, want) = (info.Name["resume/".Length..].Split('_')[0], file.Read(info.Name));
            using var native = new Generator();
            native.set_state(tensor(bytes));
            Draw(check, info.Name, "f32", isOfOldLibrary: false, kind, native, new TorchRandom(bytes), want, tolerance);
        }
    }

    private static void RunSamplers(GoldenCase golden, Checks check)
    {
        foreach (var entry in golden.Json(golden.Entry.GetProperty("config").GetString()!).EnumerateArray())
        {
            var (seed, n) = (entry.GetProperty("seed").GetUInt64(), entry.GetProperty("n").GetInt32());
            void Compare(string name, IEnumerable<long> got) => check.Equal($"{name}, seed {seed}, n {n}", string.Join(',', got), string.Join(',', Flat(entry.GetProperty(name))));
            int Epochs(string name) => entry.GetProperty(name).GetArrayLength();

            var random = new TorchRandom(seed);
            Compare("random_sampler_3_epochs", Enumerable.Range(0, Epochs("random_sampler_3_epochs")).SelectMany(_ => Epoch(random, n)));

            random = new TorchRandom(seed);
            Compare("random_sampler_replacement", Enumerable.Range(0, Epochs("random_sampler_replacement")).Select(_ => random.InRange(0, n)));

            random = new TorchRandom(seed);
            var (whole, rest) = Math.DivRem(Epochs("random_sampler_oversample"), n);
            Compare("random_sampler_oversample", Enumerable.Range(0, whole + (rest > 0 ? 1 : 0)).SelectMany(_ => random.Permutation(n)).Take(whole * n + rest).ToArray());

            Compare("subset_random_sampler", new TorchRandom(seed).Permutation(n).Select(i => Flat(entry.GetProperty("subset_random_sampler")).Min() + i));

            random = new TorchRandom(seed);
            Compare("dataloader_generator_3_epochs", Enumerable.Range(0, Epochs("dataloader_generator_3_epochs")).SelectMany(_ =>
            {
                random.NextUInt64();                                               // the base seed of the workers
                return Epoch(random, n);
            }));

            random = new TorchRandom(seed);
            var batches = entry.GetProperty("dataloader_global_drop_last_2_epochs");
            Compare("dataloader_global_drop_last_2_epochs", batches.EnumerateArray().SelectMany(epoch => GlobalEpoch(random, n).Take((int)Flat(epoch).Count())).ToArray());
            var after = new float[entry.GetProperty("global_randn_after_those_epochs").GetArrayLength()];
            random.Normal(after);
            check.Tensor($"global_randn_after_those_epochs, seed {seed}, n {n}", tensor(after),
                tensor(entry.GetProperty("global_randn_after_those_epochs").EnumerateArray().Select(value => (float)value.GetDouble()).ToArray()), 2e-6);

            Compare("random_split_0.8", new TorchRandom(seed).Permutation(n));
            Compare("distributed_2_ranks_epoch_2_seed_mod_2p31", Distributed(seed % (1ul << 31) + 2, n, ranks: Epochs("distributed_2_ranks_epoch_2_seed_mod_2p31")));
        }
    }

    /// <summary>An epoch of a sampler that owns its generator: the order, and a second one that is drawn and lost when the iterator ends.</summary>
    private static long[] Epoch(TorchRandom random, int n)
    {
        var order = random.Permutation(n);
        random.Permutation(n);
        return order;
    }

    /// <summary>An epoch of a loader without a generator: a base seed, then the seed of a private generator.</summary>
    private static long[] GlobalEpoch(TorchRandom random, int n)
    {
        random.NextUInt64();
        return new TorchRandom(random.NextUInt64() & long.MaxValue).Permutation(n);
    }

    private static IEnumerable<long> Distributed(ulong seed, int n, int ranks)
    {
        var order = new TorchRandom(seed).Permutation(n);
        var total = (n + ranks - 1) / ranks * ranks;
        return Enumerable.Range(0, ranks).SelectMany(rank => Enumerable.Range(0, total / ranks).Select(i => order[(rank + i * ranks) % n]));
    }

    private static IEnumerable<long> Flat(JsonElement element) => element.ValueKind == JsonValueKind.Array ? element.EnumerateArray().SelectMany(Flat) : [element.GetInt64()];
}

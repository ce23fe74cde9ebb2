using System.Globalization;
using Imago.Randomness;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Golden.Sets;

/// <summary>NumPy's <c>default_rng</c>: every stored tensor from a fresh generator, its name is the call.</summary>
internal sealed partial class RandomSet
{
    private static void RunNumpyGenerator(GoldenCase golden, Checks check)
    {
        using var file = golden.Open(golden.Entry.GetProperty("file").GetString()!);
        var prefix = golden.Entry.GetProperty("prefix").GetString()!;
        var isRounded = false;
        foreach (var name in file.Tensors.Select(tensor => tensor.Name).Where(name => name.StartsWith(prefix, StringComparison.Ordinal)))
        {
            var (want, parts) = (file.Read(name), name[prefix.Length..].Split('/'));
            var got = GeneratorCall(new NumpyGenerator(UInt128.Parse(parts[0], CultureInfo.InvariantCulture)), parts[1], (int)want.numel());
            isRounded |= parts[1] == "standard_normal" && !got.Equals(want);
            check.Tensor(name, got, want, parts[1] == "standard_normal" ? 2e-14 : 0);
        }
        if (isRounded && check.Failures.Count == 0)
            throw new NotImplementedHereException($"NumPy's table of normal strips carries the rounding of the logarithms that it was once made with: its normal numbers in double precision agree to 2e-14 only (the other comparisons of this case, of {check.Count}, hold to the bit)");
    }

    private static Tensor GeneratorCall(NumpyGenerator random, string call, int count)
    {
        T[] Each<T>(Func<T> next) => [.. Enumerable.Range(0, count).Select(_ => next())];
        var parts = call.Split('_');
        long Bound(string text) => text.StartsWith("2p", StringComparison.Ordinal) ? 1L << int.Parse(text[2..], CultureInfo.InvariantCulture) : long.Parse(text, CultureInfo.InvariantCulture);
        switch (call)
        {
            case "raw_uint64_hi": return tensor(Each(() => (long)(random.NextUInt64() >> 32)));
            case "raw_uint64_lo": return tensor(Each(() => (long)(uint)random.NextUInt64()));
            case "random": return tensor(Each(random.NextDouble));
            case "random_f32": return tensor(Each(random.NextSingle));
            case "standard_normal": return tensor(Each(random.NextNormal));
            case "standard_normal_f32": return tensor(Each(random.NextNormalSingle));
            case "exponential": return tensor(Each(random.NextExponential));
        }
        switch (parts[0])
        {
            case "integers": return tensor(Each(() => random.InRange(Bound(parts[1]), Bound(parts[2]))));
            case "permutation" or "shuffle": return tensor(random.Permutation((int)Bound(parts[1])));
            case "choice": return tensor(random.Choice((int)Bound(parts[3]), count, parts[^1] != "noreplace"));
            default: throw new NotImplementedHereException($"NumPy's {call}");
        }
    }
}

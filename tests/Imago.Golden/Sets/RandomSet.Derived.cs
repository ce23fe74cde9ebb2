using System.Globalization;
using Imago.Layers;
using Imago.Models;
using Imago.Randomness;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Golden.Sets;

/// <summary>What PyTorch draws with its generator: distributions, first weights of layers. A tensor's name is the call and its numbers.</summary>
internal sealed partial class RandomSet
{
    private static void RunDerived(GoldenCase golden, Checks check)
    {
        var (seed, tolerance) = (golden.Entry.GetProperty("seed").GetUInt64(), golden.Entry.GetProperty("tolerance").GetDouble());
        using var file = golden.Open(golden.Entry.GetProperty("file").GetString()!);
        foreach (var name in golden.Entry.GetProperty("tensors").EnumerateArray().Select(entry => entry.GetString()!))
        {
            var (want, call) = (file.Read(name), Call.Of(name));
            using var generator = new Generator(seed);
            if (ByLibrary(call, want, generator) is { } native) check.Tensor(name, native, want, tolerance);
            if (ByLayer(call, seed) is { } weight) check.Tensor(name, weight, want, tolerance);
            if (ByImago(call, (int)want.numel(), new TorchRandom(seed)) is { } managed) check.Tensor($"{name}, managed", managed.view(want.shape), want, tolerance);
        }
    }

    /// <summary>Drawn by libtorch; null for what the set draws otherwise. Tensors of probabilities, means, deviations and weights are ramps in this set.</summary>
    private static Tensor? ByLibrary(Call call, Tensor want, Generator generator)
    {
        var (n, numbers) = (want.numel(), call.Numbers);
        Tensor Empty() => empty(want.shape, dtype: want.dtype);
        return call.Words switch
        {
            "bernoulli_scalar_p" => Empty().bernoulli_(numbers[0], generator),
            "bernoulli_tensor_f32" or "bernoulli_tensor_f64" => bernoulli(linspace(0, 1, n, dtype: want.dtype), generator),
            "dropout_p_of_ones" => Seeded.Build(generator.initial_seed(), () => nn.functional.dropout(ones(n), numbers[0], training: true)),
            "exponential" => Empty().exponential_(numbers[0], generator),
            "log_normal" => Empty().log_normal_(numbers[0], numbers[1], generator),
            "multinomial_replace" or "multinomial_noreplace" => multinomial(arange(1, 13, dtype: float32), n, call.Words == "multinomial_replace", generator),
            "normal" or "normal_small" => Empty().normal_(numbers[0], numbers[1], generator),
            "normal_mean_tensor" => normal(arange(n, dtype: float32), arange(1, n + 1, dtype: float32) / 10, generator),
            "normal_noncontiguous_T" => empty(want.shape[1], want.shape[0]).t().normal_(0, 1, generator),
            "randint_uint8" => randint(0, 256, want.shape, dtype: uint8, generator: generator),
            "randn_4d" => randn(want.shape, generator: generator),
            "uniform" or "uniform_f64" => Empty().uniform_(numbers[0], numbers[1], generator),
            _ => null,
        };
    }

    /// <summary>The first weights of Imago's layers.</summary>
    private static TorchSharp.Modules.Parameter? ByLayer(Call call, ulong seed)
    {
        int[] sizes = [.. call.Numbers.Select(number => (int)number)];
        return call.Words switch
        {
            "linear.weight" => Seeded.Build((long)seed, () => new Linear(sizes[0], sizes[1])).weight,
            "linear.bias" => Seeded.Build((long)seed, () => new Linear(sizes[0], sizes[1])).bias,
            "conv2d.weight" => Seeded.Build((long)seed, () => new Conv2d(sizes[0], sizes[1], sizes[2])).weight,
            "conv2d.bias" => Seeded.Build((long)seed, () => new Conv2d(sizes[0], sizes[1], sizes[2])).bias,
            "embedding.weight" => Seeded.Build((long)seed, () => new Embedding(sizes[0], sizes[1])).weight,
            "init_kaiming_uniform_a_sqrt" => Seeded.Build((long)seed, () => new Linear(10, 6)).weight,
            _ => null,
        };
    }

    /// <summary>Drawn without libtorch; null for what its generator does not draw.</summary>
    private static Tensor? ByImago(Call call, int n, TorchRandom random)
    {
        var (single, wide, numbers) = (new float[n], new double[n], call.Numbers);
        switch (call.Words)
        {
            case "random_int64": return tensor(Enumerable.Range(0, n).Select(_ => (long)(random.NextUInt64() & long.MaxValue)).ToArray());
            case "random_int32": return tensor(Enumerable.Range(0, n).Select(_ => (int)(random.NextUInt32() & int.MaxValue)).ToArray());
            case "randint_uint8": return tensor(Enumerable.Range(0, n).Select(_ => (byte)random.InRange(0, 256)).ToArray());
            case "randn_4d": random.Normal(single); return tensor(single);
            case "normal" or "normal_small": random.Normal(single); return numbers[0] + numbers[1] * tensor(single);
            case "uniform": random.Uniform(single); return numbers[0] + (numbers[1] - numbers[0]) * tensor(single);
            case "uniform_f64": random.Uniform(wide); return numbers[0] + (numbers[1] - numbers[0]) * tensor(wide);
            case "init_xavier_normal": random.Normal(single); return Math.Sqrt(2.0 / (6 + 10)) * tensor(single);
            case "init_trunc_normal": random.TruncatedNormal(single, (float)numbers[2], (float)numbers[3]); return numbers[0] + numbers[1] * tensor(single);
            default: return null;
        }
    }

    /// <summary>A name taken apart: <c>conv2d_3_4_3.bias</c> is conv2d.bias of 3, 4, 3; <c>p0.3</c> and <c>m1</c> are a probability and −1.</summary>
    private sealed record Call(string Words, IReadOnlyList<double> Numbers)
    {
        internal static Call Of(string name)
        {
            var suffix = name.EndsWith(".weight", StringComparison.Ordinal) ? ".weight" : name.EndsWith(".bias", StringComparison.Ordinal) ? ".bias" : "";
            var (words, numbers) = (new List<string>(), new List<double>());
            foreach (var part in name[..^suffix.Length].Split('_'))
            {
                var (sign, text) = part is ['m', .. var rest] && rest.Length > 0 && char.IsAsciiDigit(rest[0]) ? (-1, rest) : (1, part);
                var start = text.StartsWith('p') || text.StartsWith("sqrt", StringComparison.Ordinal) ? text.TrimEnd([.. "0123456789."]) : "";
                if (double.TryParse(text[start.Length..], CultureInfo.InvariantCulture, out var number)) numbers.Add(sign * number);
                else start = part;
                if (start.Length > 0) words.Add(start);
            }
            return new(string.Join('_', words) + suffix, numbers);
        }
    }
}

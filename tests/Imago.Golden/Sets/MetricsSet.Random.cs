using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using Imago.Randomness;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Golden.Sets;

/// <summary>NumPy's legacy generator, by the calls that metrics make. A key such as <c>choice_50_12_twice_in_a_row</c> says which; each begins anew from the seed.</summary>
internal sealed partial class MetricsSet
{
    private static void RunNumpyRandom(GoldenCase golden, Checks check)
    {
        foreach (var entry in golden.Json(golden.Entry.GetProperty("json").GetString()!).GetProperty("expected").EnumerateArray())
        {
            var seed = entry.GetProperty("seed").GetUInt32();
            foreach (var call in entry.EnumerateObject().Where(property => property.Name != "seed"))
                check.Exact($"{seed}: {call.Name}", tensor(Draw(new NumpyRandom(seed), call.Name, Flat(call.Value).Length)), tensor(Flat(call.Value)));
        }
    }

    private static double[] Draw(NumpyRandom random, string call, int count)
    {
        int[] sizes = [.. Sizes().Matches(call).Select(match => int.Parse(match.Value, CultureInfo.InvariantCulture))];
        double[] Times(Func<double> next) => [.. Enumerable.Range(0, count).Select(_ => next())];
        return call.Split('_')[0] switch
        {
            "permutation" => [.. random.Permutation(sizes[0])[..count].Select(value => (double)value)],
            "choice" => [.. Enumerable.Range(0, count / sizes[1]).SelectMany(k => random.Choice(k == 0 ? sizes[0] : SecondSet, sizes[1], replace: false)).Select(value => (double)value)],
            "shuffle" => Shuffles(random, sizes[0], count / sizes[0]),
            "randint" when sizes.Length > 0 => Times(() => random.InRange(0, sizes[0])),
            "randint" => [.. MixedBounds.Select(bound => (double)random.InRange(0, bound))],
            "random" => Times(random.NextDouble),
            "randn" when call.Contains("then", StringComparison.Ordinal) => [.. Sequence(random, call)],
            "randn" => Times(random.NextNormal),
            _ => throw new NotImplementedHereException($"NumPy's {call}"),
        };
    }

    /// <summary>What the second of two draws in a row chooses from, which its key does not say.</summary>
    private const int SecondSet = 30;

    /// <summary>The bounds of <c>randint_mixed_bounds</c>, which its key does not say: 3; four times 8; three times 1; five times 40; 2.</summary>
    private static int[] MixedBounds => [3, 8, 8, 8, 8, 1, 1, 1, 40, 40, 40, 40, 40, 2];

    private static double[] Shuffles(NumpyRandom random, int size, int times)
    {
        double[] values = [.. Enumerable.Range(0, size)];
        return [.. Enumerable.Range(0, times).SelectMany(_ =>
        {
            random.Shuffle(values.AsSpan());
            return values.ToArray();
        })];
    }

    /// <summary>randn_3_then_random_sample_2_then_randn_2.</summary>
    private static IEnumerable<double> Sequence(NumpyRandom random, string calls) => calls.Split("_then_").SelectMany(call =>
        Enumerable.Range(0, int.Parse(call.Split('_')[^1], CultureInfo.InvariantCulture)).Select(_ => call.StartsWith("randn", StringComparison.Ordinal) ? random.NextNormal() : random.NextDouble()));

    private static double[] Flat(JsonElement value) => value.ValueKind == JsonValueKind.Array ? [.. value.EnumerateArray().SelectMany(Flat)] : [value.GetDouble()];

    [GeneratedRegex(@"(?<=_)\d+")]
    private static partial Regex Sizes();
}

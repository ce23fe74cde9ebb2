using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace Imago.Generation.Lora;

/// <summary>The change of one layer out of a file: its small tensors, in float32, and the factor alpha over rank.</summary>
/// <param name="Tensors">What the tensors are; owned.</param>
/// <param name="Alpha">The number over the rank; null for the rank.</param>
/// <param name="ByRoot">Whether it stands over the root of the rank (Kalajdzievski 2023).</param>
internal sealed record LoraChange(IReadOnlyDictionary<LoraRole, Tensor> Tensors, double? Alpha, bool ByRoot) : IDisposable
{
    /// <summary>Whether the tensors make a change at all.</summary>
    internal static bool IsComplete(ICollection<LoraRole> roles)
    {
        bool Has(params LoraRole[] all) => all.All(roles.Contains);
        return Has(LoraRole.Down, LoraRole.Up)
            || Has(LoraRole.HadaW1A, LoraRole.HadaW1B, LoraRole.HadaW2A, LoraRole.HadaW2B)
            || ((Has(LoraRole.LokrW1) || Has(LoraRole.LokrW1A, LoraRole.LokrW1B)) && (Has(LoraRole.LokrW2) || Has(LoraRole.LokrW2A, LoraRole.LokrW2B)));
    }

    /// <summary>The changed weight minus the weight, in float32.</summary>
    /// <param name="weight">W, [O, I(, k, k)].</param>
    /// <param name="strength">1 as it was trained.</param>
    /// <param name="rows">The rows that are this layer's.</param>
    internal Tensor Of(Tensor weight, double strength, RowChoice rows)
    {
        using var scope = NewDisposeScope();
        var w = weight.to(float32).flatten(1);
        var delta = rows.Of(Delta());
        var change = Find(LoraRole.Magnitude) is { } magnitude ? LowRank.Decomposed(w, delta, strength, rows.Of(magnitude.flatten())) - w
            : Find(LoraRole.DoraScale) is { } scale ? LowRank.LycorisDecomposed(w, delta, strength, scale.shape[0] == 1 ? scale : rows.Of(scale)) - w
            : strength * delta;
        return change.view(weight.shape).MoveToOuterDisposeScope();

        Tensor Delta() => (Factor * Matrix()).to(weight.device);
    }

    /// <summary>What does not fit a weight; null if all does. Nothing is computed.</summary>
    internal string? Misfit(long[] shape, RowChoice rows)
    {
        using var scope = NewDisposeScope();
        try
        {
            var shadows = new LoraChange(Tensors.ToDictionary(entry => entry.Key, entry => empty(entry.Value.shape, device: META)), Alpha, ByRoot);
            var made = rows.Of(shadows.Matrix());
            if (made.shape[0] != shape[0] || made.shape[1] != shape[1..].Aggregate(1L, (product, size) => product * size)) return $"it changes [{string.Join(", ", made.shape)}] numbers";
            if (rows.Pieces > 1 && Find(LoraRole.DoraScale) is { } columns && columns.shape[0] == 1) return "it has the lengths of columns of a larger matrix";
            shadows.Of(empty(shape, device: META), 1, rows);
            return null;
        }
        catch (ExternalException)
        {
            return $"its tensors are {string.Join(", ", Tensors.Select(entry => $"{entry.Key} [{string.Join(", ", entry.Value.shape)}]"))}";
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var tensor in Tensors.Values) tensor.Dispose();
    }

    /// <summary>alpha/r, alpha/√r, or 1.</summary>
    private double Factor => Alpha is not { } alpha || Rank is not { } rank ? 1 : ByRoot ? alpha / Math.Sqrt(rank) : alpha / rank;

    /// <summary>Rows of the first factor of a product; null for LoKr's of two whole factors, which has none.</summary>
    private long? Rank => (Find(LoraRole.Down) ?? Find(LoraRole.HadaW1B) ?? Find(LoraRole.LokrW2B) ?? Find(LoraRole.LokrW1B))?.shape[0];

    private Tensor? Find(LoraRole role) => Tensors.GetValueOrDefault(role);

    /// <summary>The product of the tensors, [O, I·k·k].</summary>
    private Tensor Matrix() =>
        Find(LoraRole.Down) is { } down ? Low(Tensors[LoraRole.Up], down, Find(LoraRole.Mid))
        : Find(LoraRole.HadaW1A) is { } first ? LowRank.Hadamard(Factored(first, LoraRole.HadaW1B, LoraRole.HadaT1), Factored(Tensors[LoraRole.HadaW2A], LoraRole.HadaW2B, LoraRole.HadaT2))
        : LowRank.Kronecker(
            Find(LoraRole.LokrW1) ?? LowRank.Product(Tensors[LoraRole.LokrW1A], Tensors[LoraRole.LokrW1B]),
            Find(LoraRole.LokrW2) ?? Factored(Tensors[LoraRole.LokrW2A], LoraRole.LokrW2B, LoraRole.LokrT2));

    private static Tensor Low(Tensor up, Tensor down, Tensor? mid) => mid is null ? LowRank.Product(up, down) : LowRank.Tucker(mid, up, down);

    /// <summary>a b, or with a kernel between them, where a is [r, O].</summary>
    private Tensor Factored(Tensor a, LoraRole b, LoraRole core) => Low(Find(core) is null ? a : a.t(), Tensors[b], Find(core));
}

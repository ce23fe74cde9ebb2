using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Exploration;

/// <summary>
/// Directions in latent space along which an attribute changes, from examples labelled with and without it (Larsen et al. 2016, White 2016).
/// Latents are [N, D]; results are [D] in float64.
/// </summary>
public static class AttributeDirections
{
    /// <summary>mean(z | with) − mean(z | without).</summary>
    /// <exception cref="ArgumentException">One of the classes is empty.</exception>
    public static Tensor MeanDifference(Tensor z, IReadOnlyList<bool> labels) => WrappedTensorDisposeScope(() =>
    {
        var x = Points(z, labels);
        var (with, without) = Split(labels);
        return Mean(x, with) - Mean(x, without);
    });

    /// <summary>
    /// The mean difference where another attribute that goes along with this one is evenly spread over both classes: the smaller of the four
    /// cells are repeated, in order, to the size of the largest (White 2016, section 3.3: "replication").
    /// </summary>
    /// <param name="z">[N, D].</param>
    /// <param name="labels">Who has the attribute.</param>
    /// <param name="confounder">Who has the other attribute.</param>
    /// <exception cref="ArgumentException">One of the four cells is empty.</exception>
    public static Tensor ReplicatedMeanDifference(Tensor z, IReadOnlyList<bool> labels, IReadOnlyList<bool> confounder) => WrappedTensorDisposeScope(() =>
    {
        var x = Points(z, labels);
        var cells = Cells(labels, confounder);
        var size = cells.Values.Max(cell => cell.Length);
        long[] Replicated(long[] cell) => [.. Enumerable.Range(0, size).Select(i => cell[i % cell.Length])];
        long[] Class(bool label) => [.. Replicated(cells[(label, false)]), .. Replicated(cells[(label, true)])];
        return Mean(x, Class(true)) - Mean(x, Class(false));
    });

    /// <summary>The same aim exactly: the mean of the two cells' means with the attribute, less that without.</summary>
    /// <inheritdoc cref="ReplicatedMeanDifference"/>
    public static Tensor CellMeanDifference(Tensor z, IReadOnlyList<bool> labels, IReadOnlyList<bool> confounder) => WrappedTensorDisposeScope(() =>
    {
        var x = Points(z, labels);
        var cells = Cells(labels, confounder);
        Tensor Class(bool label) => (Mean(x, cells[(label, false)]) + Mean(x, cells[(label, true)])) / 2;
        return Class(true) - Class(false);
    });

    /// <summary>d / |d|.</summary>
    public static Tensor Unit(Tensor direction) => WrappedTensorDisposeScope(() => direction.to(float64) / direction.to(float64).square().sum().sqrt());

    /// <summary>The part of a direction that changes none of the others: its projection on their span is taken away (Shen et al. 2020, section 3.2, "conditional manipulation").</summary>
    /// <param name="direction">[D].</param>
    /// <param name="others">Each [D]; they need not be orthogonal or of unit length.</param>
    public static Tensor Orthogonal(Tensor direction, params IReadOnlyList<Tensor> others) => WrappedTensorDisposeScope(() =>
    {
        var d = direction.to(float64);
        List<Tensor> basis = [];
        foreach (var other in others)
        {
            var fresh = basis.Aggregate(other.to(float64), Without);
            if (Length(fresh) > 1e-9 * Length(other)) basis.Add(Unit(fresh));      // else it lies in the span of the earlier ones
        }
        return basis.Aggregate(d.clone(), Without);
    });

    /// <summary>The unit normal of a separating plane, as long as the classes' means are apart along it: strength 1 moves the mean of one class to that of the other, as far as the normal sees.</summary>
    /// <param name="normal">[D], of any length but zero.</param>
    /// <param name="z">[N, D].</param>
    /// <param name="labels">Who has the attribute.</param>
    public static Tensor ScaledToMeans(Tensor normal, Tensor z, IReadOnlyList<bool> labels) => WrappedTensorDisposeScope(() =>
    {
        var n = Unit(normal);
        return n * n.dot(MeanDifference(z, labels));
    });

    /// <summary>z + s d for every strength s: [S, …].</summary>
    /// <param name="z">One latent, […].</param>
    /// <param name="direction">Of the same shape.</param>
    /// <param name="strengths">S numbers.</param>
    public static Tensor Edit(Tensor z, Tensor direction, IReadOnlyList<double> strengths) =>
        WrappedTensorDisposeScope(() => stack(strengths.Select(s => z + s * direction.to(z.dtype))));

    /// <summary>The same with z's own coordinate along the unit direction replaced by s: distances from the plane through the origin (Shen et al. 2020).</summary>
    /// <inheritdoc cref="Edit"/>
    public static Tensor EditFromBoundary(Tensor z, Tensor direction, IReadOnlyList<double> strengths) => WrappedTensorDisposeScope(() =>
    {
        var n = Unit(direction).to(z.dtype);
        return Edit(z - (z * n).sum() * n, n, strengths);
    });

    private static Tensor Without(Tensor vector, Tensor unit) => vector - vector.dot(unit) * unit;

    private static double Length(Tensor vector) => vector.to(float64).square().sum().sqrt().item<double>();

    private static Tensor Mean(Tensor x, long[] rows) => x.index_select(0, tensor(rows)).mean([0]);

    internal static Tensor Points(Tensor z, IReadOnlyList<bool> labels)
    {
        if (z.dim() != 2 || z.shape[0] != labels.Count)
            throw new ArgumentException($"{labels.Count} labels need latents of shape [{labels.Count}, D]; got [{string.Join(", ", z.shape)}].", nameof(z));
        return z.detach().to(float64, CPU);
    }

    private static (long[] With, long[] Without) Split(IReadOnlyList<bool> labels)
    {
        long[] with = [.. Rows(labels.Select(label => label))], without = [.. Rows(labels.Select(label => !label))];
        if (with.Length == 0 || without.Length == 0)
            throw new ArgumentException($"Examples with and without the attribute are needed; got {with.Length} with and {without.Length} without.", nameof(labels));
        return (with, without);
    }

    private static Dictionary<(bool Label, bool Confounder), long[]> Cells(IReadOnlyList<bool> labels, IReadOnlyList<bool> confounder)
    {
        if (labels.Count != confounder.Count) throw new ArgumentException($"There are {labels.Count} labels but {confounder.Count} of the other attribute.", nameof(confounder));
        var cells = new Dictionary<(bool, bool), long[]>();
        foreach (var (label, other) in new[] { (false, false), (false, true), (true, false), (true, true) })
        {
            cells[(label, other)] = [.. Rows(labels.Zip(confounder, (a, b) => a == label && b == other))];
            if (cells[(label, other)].Length == 0)
                throw new ArgumentException($"No example is {(label ? "with" : "without")} the attribute and {(other ? "with" : "without")} the other one; all four combinations are needed to tell them apart.", nameof(confounder));
        }
        return cells;
    }

    private static IEnumerable<long> Rows(IEnumerable<bool> chosen) => chosen.Select((yes, row) => (yes, row)).Where(pair => pair.yes).Select(pair => (long)pair.row);
}

using Imago.Data;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Metrics;

/// <summary>What a network says of attributes: a logit for each value of a choice, one number in [−1, 1] for a quantity, one after the other.</summary>
/// <param name="Attributes">The attributes.</param>
internal sealed record AttributeOutputs(IReadOnlyList<ImageAttribute> Attributes)
{
    /// <summary>Numbers in all.</summary>
    internal int Count => Attributes.Sum(Of);

    /// <summary>The numbers of each attribute, [B, values] or [B, 1].</summary>
    internal Tensor[] Heads(Tensor output) => output.split([.. Attributes.Select(attribute => (long)Of(attribute))], 1);

    /// <summary>Cross-entropies of the choices and four times the squared errors of the quantities on [−1, 1], each a mean over the items of which the attribute is known.</summary>
    /// <param name="output">[B, <see cref="Count"/>].</param>
    /// <param name="truth">[B, A], NaN where unknown.</param>
    internal Tensor Loss(Tensor output, Tensor truth) => Heads(output).Select((head, k) => Loss(head, truth.select(1, k), Attributes[k])).Aggregate((sum, term) => sum + term);

    internal static Tensor ToUnit(Tensor value, ImageAttribute of) => (value - of.Minimum) * (2 / (of.Maximum - of.Minimum)) - 1;

    internal static Tensor FromUnit(Tensor unit, ImageAttribute of) => (unit + 1) * ((of.Maximum - of.Minimum) / 2) + of.Minimum;

    private static Tensor Loss(Tensor head, Tensor truth, ImageAttribute of)
    {
        var isKnown = truth.isnan().logical_not();
        var known = isKnown.to(float32);
        var value = where(isKnown, truth, zeros_like(truth));
        var errors = of.Values.Count > 0 ? nn.functional.cross_entropy(head, value.to(int64), reduction: nn.Reduction.None) : 4 * (head.squeeze(1) - ToUnit(value, of)).square();
        return (known * errors).sum() / known.sum().clamp_min(1);
    }

    private static int Of(ImageAttribute attribute) => Math.Max(1, attribute.Values.Count);
}

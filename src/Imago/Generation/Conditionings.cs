using Imago.Models;
using static TorchSharp.torch;

namespace Imago.Generation;

/// <summary>Encoded conditions of batches, put together and mixed.</summary>
internal static class Conditionings
{
    /// <summary>Those of several batches as that of one. They are of one model, so that each tensor is there in all or in none.</summary>
    internal static Conditioning Join(IReadOnlyList<Conditioning> parts) => parts[0] with
    {
        Classes = Cat(parts, part => part.Classes),
        Tokens = Cat(parts, part => part.Tokens),
        TokenMask = Cat(parts, part => part.TokenMask),
        Pooled = Cat(parts, part => part.Pooled),
        Sizes = Cat(parts, part => part.Sizes),
        GuidanceEmbedding = Cat(parts, part => part.GuidanceEmbedding),
        Channels = Cat(parts, part => part.Channels),
    };

    /// <summary>Some rows of a batch, in an order of one's own.</summary>
    internal static Conditioning Rows(Conditioning batch, IReadOnlyList<long> rows)
    {
        var index = tensor(rows.ToArray());
        Tensor? Of(Tensor? all) => all?.index_select(0, index.to(all.device));
        return batch with { Classes = Of(batch.Classes), Tokens = Of(batch.Tokens), TokenMask = Of(batch.TokenMask), Pooled = Of(batch.Pooled), Sizes = Of(batch.Sizes) };
    }

    /// <summary>(1 − t) a + t b for each picture; a token counts if it does at either end.</summary>
    /// <param name="a">At t = 0.</param>
    /// <param name="b">At t = 1.</param>
    /// <param name="shares">t of each picture.</param>
    /// <exception cref="ArgumentException">The conditions are class numbers, between which there is nothing.</exception>
    internal static Conditioning Between(Conditioning a, Conditioning b, IReadOnlyList<double> shares)
    {
        if (a.Classes is { } numbers && !numbers.is_floating_point() && !numbers.Equals(b.Classes!))
            throw new ArgumentException("This model is told the number of a class, and between two numbers there is no class; interpolate between seeds of one class.");
        return a with
        {
            Classes = a.Classes is { } classes && classes.is_floating_point() ? Mix(classes, b.Classes!) : a.Classes,
            Tokens = a.Tokens is { } tokens ? Mix(tokens, b.Tokens!) : null,
            TokenMask = a.TokenMask is { } mask ? maximum(mask, b.TokenMask!) : null,
            Pooled = a.Pooled is { } pooled ? Mix(pooled, b.Pooled!) : null,
            Sizes = a.Sizes is { } sizes ? Mix(sizes, b.Sizes!) : null,
        };

        Tensor Mix(Tensor from, Tensor to)
        {
            var t = tensor(shares.Select(share => (float)share).ToArray(), device: from.device).to(from.dtype).view([shares.Count, .. Enumerable.Repeat(1L, (int)from.dim() - 1)]);
            return from + t * (to - from);
        }
    }

    private static Tensor? Cat(IReadOnlyList<Conditioning> parts, Func<Conditioning, Tensor?> select) =>
        select(parts[0]) is null ? null : cat([.. parts.Select(part => select(part)!)]);
}

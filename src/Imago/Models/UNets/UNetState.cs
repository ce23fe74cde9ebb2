using Imago.Models.Blocks;
using static TorchSharp.torch;

namespace Imago.Models.UNets;

/// <summary>What goes along with the feature map through a U-Net: the context of its blocks, the skips, and what other networks add.</summary>
internal sealed class UNetState(BlockContext context, Conditioning condition)
{
    private readonly Queue<Tensor> features = new(condition.AdapterFeatures ?? []);
    private Stack<Tensor> skips = new();

    internal BlockContext Context { get; } = context;

    /// <summary>Keeps a feature map of the way down for the way up.</summary>
    internal Tensor Keep(Tensor h)
    {
        skips.Push(h);
        return h;
    }

    /// <summary>The skip for the next layer of the way up.</summary>
    internal Tensor Take() => skips.Pop();

    /// <summary>The size that the next layer of the way up needs.</summary>
    internal Size NextSize => new(skips.Peek().shape[2..]);

    /// <summary>h with the next feature of an adapter, if one is left.</summary>
    internal Tensor Adapt(Tensor h) => features.TryDequeue(out var feature) ? h + feature : h;

    /// <summary>h with the next feature of an adapter, also where it was kept as a skip.</summary>
    internal Tensor AdaptKept(Tensor h)
    {
        if (features.Count == 0) return h;
        skips.Pop();
        return Keep(Adapt(h));
    }

    /// <summary>h with the feature that is left after the way down, if it fits (that of SDXL's adapters does).</summary>
    internal Tensor AdaptMiddle(Tensor h) => features.TryPeek(out var feature) && feature.shape.AsSpan().SequenceEqual(h.shape) ? Adapt(h) : h;

    /// <summary>The backbone and the skip as they are concatenated in a level of the way up.</summary>
    internal (Tensor Backbone, Tensor Skip) Balance(Tensor h, Tensor skip, int level) => condition.FreeU?.Apply(h, skip, level) ?? (h, skip);

    /// <summary>Adds a ControlNet's residuals to the skips.</summary>
    /// <exception cref="ArgumentException">There are not as many as skips.</exception>
    internal void AddResiduals()
    {
        if (condition.SkipResiduals is not { } residuals) return;
        if (residuals.Count != skips.Count) throw new ArgumentException($"{residuals.Count} residuals were given for the U-Net's {skips.Count} skips.");
        skips = new(skips.Reverse().Zip(residuals, (skip, residual) => skip + residual));
    }
}

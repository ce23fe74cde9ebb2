using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Models.Blocks;

/// <summary>What a condition does to the branches of a block (adaptive layer norm, Peebles and Xie 2023): gates, scales and shifts are [B, 1, D].</summary>
/// <param name="X">The normalised and modulated input of the attention, [B, L, D].</param>
/// <param name="Gate">The attention's result is multiplied by it.</param>
/// <param name="FeedForwardShift">Added to the normalised input of the feed-forward layer.</param>
/// <param name="FeedForwardScale">1 plus this multiplies it first.</param>
/// <param name="FeedForwardGate">The feed-forward layer's result is multiplied by it.</param>
internal sealed record Modulated(Tensor X, Tensor Gate, Tensor FeedForwardShift, Tensor FeedForwardScale, Tensor FeedForwardGate)
{
    /// <summary>The input of a second attention, [B, L, D].</summary>
    internal Tensor? SecondX { get; init; }

    /// <summary>The second attention's result is multiplied by it.</summary>
    internal Tensor? SecondGate { get; init; }
}

/// <summary>Modulation as one operation each.</summary>
internal static class Modulation
{
    /// <summary>x (1 + scale) + shift.</summary>
    internal static Tensor Modulate(this Tensor x, Tensor shift, Tensor scale) => shift.addcmul(x, 1 + scale, 1);

    /// <summary>x + gate · branch.</summary>
    internal static Tensor AddGated(this Tensor x, Tensor gate, Tensor branch) => x.addcmul(gate, branch, 1);

    /// <summary>linear(condition) in equal parts, each [B, 1, D].</summary>
    internal static Tensor[] Parts(this Linear linear, Tensor condition, int count) => linear.call(condition).unsqueeze(1).chunk(count, -1);
}

/// <summary>
/// adaLN-zero: the condition gives shift, scale and gate of the attention and of the feed-forward layer, and again of a second attention in some networks. Fields are
/// the keys of diffusers' <c>AdaLayerNormZero</c> and <c>SD35AdaLayerNormZeroX</c>.
/// </summary>
internal sealed class AdaLayerNormZero : nn.Module<Tensor, Tensor, Modulated>
{
    private readonly int _parts;
    private readonly TimeAndClass? emb;
    private readonly Linear linear;

    internal AdaLayerNormZero(int width, bool twoAttentions = false, int? classes = null)
        : base(nameof(AdaLayerNormZero))
    {
        _parts = twoAttentions ? 9 : 6;
        emb = classes is { } count ? new TimeAndClass(width, count) : null;
        linear = new Linear(width, _parts * width);
        RegisterComponents();
    }

    /// <summary>The condition of a network that has one for each block, [B, D]: waves of the time and classes, embedded and added.</summary>
    internal Tensor Embed(Tensor waves, Tensor classes) => emb!.call(waves, classes);

    /// <summary>At first no branch adds anything.</summary>
    internal void Close() => linear.Zero();

    /// <summary>Modulates.</summary>
    /// <param name="x">Tokens [B, L, D].</param>
    /// <param name="condition">The activated condition [B, D].</param>
    public override Modulated forward(Tensor x, Tensor condition)
    {
        var normalised = LayerNorm.Normalise(x, 1e-6);
        var part = linear.Parts(condition, _parts);
        var modulated = new Modulated(normalised.Modulate(part[0], part[1]), part[2], part[3], part[4], part[5]);
        return _parts == 6 ? modulated : modulated with { SecondX = normalised.Modulate(part[6], part[7]), SecondGate = part[8] };
    }
}

/// <summary>The embeddings of time and class, added; one row more than there are classes stands for none. Fields are the keys of diffusers' <c>CombinedTimestepLabelEmbeddings</c>.</summary>
internal sealed class TimeAndClass : nn.Module<Tensor, Tensor, Tensor>
{
    private readonly TimestepEmbedding timestep_embedder;
    private readonly ClassTable class_embedder;

    internal TimeAndClass(int width, int classes)
        : base(nameof(TimeAndClass))
    {
        timestep_embedder = new TimestepEmbedding(256, width, Activation.Silu.Function());
        class_embedder = new ClassTable(classes + 1, width);
        RegisterComponents();
    }

    /// <summary>Embeds.</summary>
    /// <param name="waves">Of the time, [B, 256].</param>
    /// <param name="classes">Numbers of classes, int64 [B]; or what is to be added instead of a row of the table, [B, D].</param>
    public override Tensor forward(Tensor waves, Tensor classes) =>
        timestep_embedder.call(waves, null) + (classes.is_floating_point() ? classes : class_embedder.call(classes)).to(waves.dtype);

    private sealed class ClassTable : nn.Module<Tensor, Tensor>
    {
        private readonly Embedding embedding_table;

        internal ClassTable(int count, int width)
            : base(nameof(ClassTable))
        {
            embedding_table = new Embedding(count, width, std: 0.02);
            RegisterComponents();
        }

        public override Tensor forward(Tensor classes) => embedding_table.call(classes);
    }
}

/// <summary>Layer norm with scale and shift (in this order) from the condition; fields are the keys of diffusers' <c>AdaLayerNormContinuous</c>.</summary>
internal sealed class AdaLayerNorm : nn.Module<Tensor, Tensor, Tensor>
{
    private readonly Linear linear;

    internal AdaLayerNorm(int width)
        : base(nameof(AdaLayerNorm))
    {
        linear = new Linear(width, 2 * width);
        RegisterComponents();
    }

    /// <summary>At first the condition changes nothing.</summary>
    internal void Close() => linear.Zero();

    /// <summary>Modulates tokens [B, L, D] by the activated condition [B, D].</summary>
    public override Tensor forward(Tensor x, Tensor condition)
    {
        var part = linear.Parts(condition, 2);
        return LayerNorm.Normalise(x, 1e-6).Modulate(shift: part[1], scale: part[0]);
    }
}

/// <summary>Layer norm without weights, as a layer.</summary>
internal sealed class PlainLayerNorm : nn.Module<Tensor, Tensor>
{
    private readonly double _eps;

    internal PlainLayerNorm(double eps)
        : base(nameof(PlainLayerNorm)) => _eps = eps;

    public override Tensor forward(Tensor x) => LayerNorm.Normalise(x, _eps);
}

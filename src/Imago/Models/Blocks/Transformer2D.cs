using Imago.Layers.Kernels;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Imago.Models.Blocks;

/// <summary>What a <see cref="Transformer2D"/> is made of.</summary>
/// <param name="Channels">Of the feature map and of the tokens inside.</param>
/// <param name="Heads">Heads of every attention.</param>
/// <param name="ContextChannels">Channels of the tokens attended to.</param>
/// <param name="Layers">Number of transformer blocks.</param>
/// <param name="NormGroups">Groups of the normalisation before them.</param>
/// <param name="LinearProjection">Whether the maps in and out are linear layers over the tokens, not 1×1 convolutions of the feature map (the same function, other shapes).</param>
/// <param name="OnlyCross">Whether the first attention of a block attends to the context too.</param>
internal sealed record TransformerShape(int Channels, int Heads, int ContextChannels, int Layers, int NormGroups, bool LinearProjection, bool OnlyCross);

/// <summary>x + proj_out(blocks(proj_in(norm x))) over the positions of a feature map; fields are the keys of diffusers' <c>Transformer2DModel</c> in U-Nets.</summary>
internal sealed class Transformer2D : BlockAttention
{
    private readonly bool _linear;
    private readonly GroupNorm norm;
    private readonly nn.Module<Tensor, Tensor> proj_in;
    private readonly ModuleList<BasicTransformerBlock> transformer_blocks;
    private readonly nn.Module<Tensor, Tensor> proj_out;

    internal Transformer2D(TransformerShape shape)
        : base(nameof(Transformer2D))
    {
        _linear = shape.LinearProjection;
        norm = new GroupNorm(shape.NormGroups, shape.Channels, eps: 1e-6);
        proj_in = Projection(shape);
        transformer_blocks = nn.ModuleList([.. Enumerable.Range(0, shape.Layers).Select(_ => new BasicTransformerBlock(shape))]);
        proj_out = Projection(shape);
        RegisterComponents();
    }

    /// <summary>Transforms.</summary>
    /// <param name="x">[B, C, H, W].</param>
    /// <param name="context">What is attended to, [B, L, D].</param>
    /// <param name="bias">Added to the logits of the cross-attentions, [B, 1, 1, L]; or none.</param>
    public override Tensor forward(Tensor x, Tensor? context, Tensor? bias) => WrappedTensorDisposeScope(() =>
    {
        var h = norm.call(x);
        h = _linear ? proj_in.call(FeatureMap.ToTokens(h)) : FeatureMap.ToTokens(proj_in.call(h));
        foreach (var block in transformer_blocks) h = block.call(h, context, bias);
        h = _linear ? FeatureMap.FromTokens(proj_out.call(h), x) : proj_out.call(FeatureMap.FromTokens(h, x));
        return x + h;
    });

    private static nn.Module<Tensor, Tensor> Projection(TransformerShape shape) =>
        shape.LinearProjection ? new Linear(shape.Channels, shape.Channels) : new Conv2d(shape.Channels, shape.Channels, 1);

    internal override void ZeroBranch() => Zero.Fill(proj_out);
}

/// <summary>Self-attention, cross-attention and a feed-forward layer, each h + f(norm h); fields are the keys of diffusers' class of this name.</summary>
internal sealed class BasicTransformerBlock : nn.Module<Tensor, Tensor?, Tensor?, Tensor>
{
    private readonly bool _onlyCross;
    private readonly LayerNorm norm1;
    private readonly Attention attn1;
    private readonly LayerNorm norm2;
    private readonly Attention attn2;
    private readonly LayerNorm norm3;
    private readonly FeedForward ff;

    internal BasicTransformerBlock(TransformerShape shape)
        : base(nameof(BasicTransformerBlock))
    {
        _onlyCross = shape.OnlyCross;
        var self = new AttentionShape(shape.Channels, shape.Heads, shape.Channels / shape.Heads);
        var cross = self with { ContextChannels = shape.ContextChannels };
        norm1 = new LayerNorm(shape.Channels);
        attn1 = new Attention(shape.OnlyCross ? cross : self);
        norm2 = new LayerNorm(shape.Channels);
        attn2 = new Attention(cross);
        norm3 = new LayerNorm(shape.Channels);
        ff = new FeedForward(new GatedGelu(shape.Channels, 4 * shape.Channels), 4 * shape.Channels, shape.Channels);
        RegisterComponents();
    }

    public override Tensor forward(Tensor h, Tensor? context, Tensor? bias) => WrappedTensorDisposeScope(() =>
    {
        h = h + (_onlyCross ? attn1.call(norm1.call(h), context, bias) : attn1.call(norm1.call(h), null, null));
        h = h + attn2.call(norm2.call(h), context, bias);
        return h + ff.call(norm3.call(h));
    });
}

/// <summary>net.2(net.0 x): two linear layers around a non-linearity that is part of the first. The dropout that diffusers counts as net.1 has no weights.</summary>
internal sealed class FeedForward : nn.Module<Tensor, Tensor>
{
    private readonly ModuleList<nn.Module<Tensor, Tensor>> net;

    /// <summary>A feed-forward layer.</summary>
    /// <param name="first">The first linear layer with its non-linearity.</param>
    /// <param name="inner">Channels that it gives.</param>
    /// <param name="outChannels">Channels of the output.</param>
    internal FeedForward(nn.Module<Tensor, Tensor> first, int inner, int outChannels)
        : base(nameof(FeedForward))
    {
        net = nn.ModuleList(first, nn.Identity(), new Linear(inner, outChannels));
        RegisterComponents();
    }

    public override Tensor forward(Tensor x) => WrappedTensorDisposeScope(() => net[2].call(net[0].call(x)));
}

/// <summary>GEGLU (Shazeer 2020): one linear layer to twice the width, its first half times the exact GELU of the second.</summary>
internal sealed class GatedGelu : nn.Module<Tensor, Tensor>
{
    private readonly Linear proj;

    internal GatedGelu(int inChannels, int outChannels)
        : base(nameof(GatedGelu))
    {
        proj = new Linear(inChannels, 2 * outChannels);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x) => WrappedTensorDisposeScope(() =>
    {
        var both = proj.call(x);
        if (GeluKernel.Takes(both)) return GeluKernel.Gate(both);
        var halves = both.chunk(2, -1);
        return halves[0] * nn.functional.gelu(halves[1]);
    });
}

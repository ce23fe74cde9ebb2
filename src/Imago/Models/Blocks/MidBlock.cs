using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Imago.Models.Blocks;

/// <summary>The attentions of a level of a network.</summary>
/// <param name="Create">Makes one for feature maps of so many channels.</param>
/// <param name="Crosses">Whether it attends to the tokens of the <see cref="BlockContext"/>.</param>
internal sealed record LevelAttention(Func<int, BlockAttention> Create, bool Crosses);

/// <summary>A residual block, then perhaps an attention and another residual block: the lowest resolution of U-Nets and autoencoders.</summary>
internal sealed class MidBlock : nn.Module<Tensor, BlockContext, Tensor>
{
    private readonly bool _crosses;
    private readonly ModuleList<BlockAttention>? attentions;
    private readonly ModuleList<ResnetBlock> resnets;

    /// <summary>The middle.</summary>
    /// <param name="channels">Channels of input and output.</param>
    /// <param name="style">Of the residual blocks.</param>
    /// <param name="attention">Between the residual blocks; null for none.</param>
    /// <param name="blocks">Residual blocks: one or two.</param>
    /// <param name="outputScale">What the residual blocks' sums are divided by.</param>
    internal MidBlock(int channels, ResnetStyle style, LevelAttention? attention, int blocks = 2, double outputScale = 1)
        : base(nameof(MidBlock))
    {
        _crosses = attention?.Crosses ?? false;
        attentions = attention is null ? null : nn.ModuleList(attention.Create(channels));
        resnets = nn.ModuleList([.. Enumerable.Range(0, blocks).Select(_ => new ResnetBlock(channels, channels, style, outputScale: outputScale))]);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x, BlockContext context) => WrappedTensorDisposeScope(() =>
    {
        var h = context.Layer(resnets[0], attentions?[0], _crosses, x);
        return resnets.Count == 1 ? h : context.Layer(resnets[1], null, false, h);
    });

    /// <summary>Branches begin at zero, so that a fresh block passes its input on.</summary>
    internal void ZeroBranches()
    {
        foreach (var resnet in resnets) resnet.ZeroBranch();
        foreach (var attention in attentions ?? []) attention.ZeroBranch();
    }
}

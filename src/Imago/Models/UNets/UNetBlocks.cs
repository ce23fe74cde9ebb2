using Imago.Models.Blocks;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using Upsample = Imago.Models.Blocks.Upsample;

namespace Imago.Models.UNets;

/// <summary>A level of the way down: residual blocks with attentions, then the map is halved. Every result is kept as a skip.</summary>
internal sealed class UNetDownBlock : nn.Module<Tensor, UNetState, Tensor>
{
    private readonly bool _crosses;
    private readonly Func<Tensor, BlockContext, Tensor>? _halve;
    private readonly ModuleList<BlockAttention>? attentions;
    private readonly ModuleList<ResnetBlock> resnets;
    private readonly nn.Module? downsamplers;

    internal UNetDownBlock(int inChannels, UNetLevel level, ResnetStyle style, int padding)
        : base(nameof(UNetDownBlock))
    {
        _crosses = level.Attention?.Crosses ?? false;
        resnets = nn.ModuleList([.. Enumerable.Range(0, level.Layers).Select(i => new ResnetBlock(i == 0 ? inChannels : level.Channels, level.Channels, style))]);
        attentions = level.Attention is { } attention ? nn.ModuleList([.. resnets.Select(_ => attention.Create(level.Channels))]) : null;
        (downsamplers, _halve) = Downsampler(level, style, padding);
        RegisterComponents();
    }

    public override Tensor forward(Tensor h, UNetState state)
    {
        for (int i = 0; i < resnets.Count; i++)
        {
            h = state.Context.Layer(resnets[i], attentions?[i], _crosses, h);
            if (_crosses && i == resnets.Count - 1) h = state.Adapt(h);
            state.Keep(h);
        }
        if (_halve is not null) h = state.Keep(_halve(h, state.Context));
        return _crosses ? h : state.AdaptKept(h);
    }

    /// <summary>Branches begin at zero, so that a fresh block passes its input on.</summary>
    internal void ZeroBranches()
    {
        foreach (var resnet in resnets) resnet.ZeroBranch();
        foreach (var attention in attentions ?? []) attention.ZeroBranch();
    }

    private static (nn.Module?, Func<Tensor, BlockContext, Tensor>?) Downsampler(UNetLevel level, ResnetStyle style, int padding)
    {
        switch (level.Sampling)
        {
            case Sampling.Convolution:
                var convolution = new Downsample(level.Channels, padding);
                return (nn.ModuleList(convolution), (h, _) => convolution.call(h));
            case Sampling.Resnet:
                var resnet = new ResnetBlock(level.Channels, level.Channels, style, Resize.Halve);
                return (nn.ModuleList(resnet), (h, context) => context.Layer(resnet, null, false, h));
            default:
                return (null, null);
        }
    }
}

/// <summary>A level of the way up: each layer takes a skip behind its input's channels; then the map grows to the size of the next skip.</summary>
internal sealed class UNetUpBlock : nn.Module<Tensor, UNetState, Tensor>
{
    private readonly int _level;
    private readonly bool _crosses;
    private readonly Func<Tensor, UNetState, Tensor>? _grow;
    private readonly ModuleList<BlockAttention>? attentions;
    private readonly ModuleList<ResnetBlock> resnets;
    private readonly nn.Module? upsamplers;

    /// <summary>A level.</summary>
    /// <param name="index">Its number, from the middle upwards.</param>
    /// <param name="inChannels">Channels of its input.</param>
    /// <param name="skipChannels">Channels of the skips, one for each layer.</param>
    /// <param name="level">What it is made of.</param>
    /// <param name="style">Of its residual blocks.</param>
    internal UNetUpBlock(int index, int inChannels, IReadOnlyList<int> skipChannels, UNetLevel level, ResnetStyle style)
        : base(nameof(UNetUpBlock))
    {
        (_level, _crosses) = (index, level.Attention?.Crosses ?? false);
        resnets = nn.ModuleList([.. skipChannels.Select((skip, i) => new ResnetBlock((i == 0 ? inChannels : level.Channels) + skip, level.Channels, style))]);
        attentions = level.Attention is { } attention ? nn.ModuleList([.. resnets.Select(_ => attention.Create(level.Channels))]) : null;
        (upsamplers, _grow) = Upsampler(level, style);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x, UNetState state) => WrappedTensorDisposeScope(() =>
    {
        var h = x;
        for (int i = 0; i < resnets.Count; i++)
        {
            var (backbone, skip) = state.Balance(h, state.Take(), _level);
            h = state.Context.Layer(resnets[i], attentions?[i], _crosses, backbone, skip);
        }
        return _grow is null ? h : _grow(h, state);
    });

    /// <summary>Branches begin at zero, so that a fresh block passes its input on.</summary>
    internal void ZeroBranches()
    {
        foreach (var resnet in resnets) resnet.ZeroBranch();
        foreach (var attention in attentions ?? []) attention.ZeroBranch();
    }

    private static (nn.Module?, Func<Tensor, UNetState, Tensor>?) Upsampler(UNetLevel level, ResnetStyle style)
    {
        switch (level.Sampling)
        {
            case Sampling.Convolution:
                var convolution = new Upsample(level.Channels);
                return (nn.ModuleList(convolution), (h, state) => convolution.call(h, state.NextSize));
            case Sampling.Resnet:
                var resnet = new ResnetBlock(level.Channels, level.Channels, style, Resize.Double);
                return (nn.ModuleList(resnet), (h, state) => state.Context.Layer(resnet, null, false, h));
            default:
                return (null, null);
        }
    }
}

using Imago.Autoencoders;
using Imago.Images;
using Imago.Models.Blocks;
using Imago.Probability;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using Upsample = Imago.Models.Blocks.Upsample;

namespace Imago.Models;

/// <summary>The network of <see cref="KlConfig"/>; fields are the keys of diffusers' AutoencoderKL.</summary>
internal sealed class KlAutoencoder : Autoencoder
{
    private readonly KlConfig _config;
    private readonly KlEncoder encoder;
    private readonly KlDecoder decoder;
    private readonly Conv2d? quant_conv;
    private readonly Conv2d? post_quant_conv;
    private readonly Parameter? log_sigma;

    internal KlAutoencoder(KlConfig config)
        : base(nameof(KlAutoencoder))
    {
        _config = config;
        encoder = new KlEncoder(config, 2 * config.LatentChannels);
        decoder = new KlDecoder(config);
        quant_conv = config.UseQuantConv ? new Conv2d(2 * config.LatentChannels, 2 * config.LatentChannels, 1) : null;
        post_quant_conv = config.UsePostQuantConv ? new Conv2d(config.LatentChannels, config.LatentChannels, 1) : null;
        log_sigma = config.LearnedSigma ? new Parameter(zeros(1)) : null;
        RegisterComponents();
    }

    public override AutoencoderConfig Config => _config;

    public override int Channels => _config.InChannels;

    public override (int Height, int Width) ImageSize => (_config.SampleSize, _config.SampleSize);

    public override PixelRange Pixels => PixelRange.MinusOneToOne;

    public override DecoderOutput Output => DecoderOutput.Mean;

    public override bool IsVariational => true;

    public override Tensor? LogSigma => log_sigma;

    private int Factor => 1 << (_config.BlockOutChannels.Count - 1);

    public override long[] LatentShape(int height, int width) => height > 0 && width > 0 && height % Factor == 0 && width % Factor == 0
        ? [_config.LatentChannels, height / Factor, width / Factor]
        : throw new ArgumentException($"The network takes images whose sides are multiples of {Factor}, not {width}×{height} pixels: resize or crop them.");

    public override DiagonalGaussian Encode(Tensor x) => Posterior(Moments(x));

    /// <summary>Mean and raw log-variance, stacked along the channels: [B, 2D, h, w].</summary>
    internal Tensor Moments(Tensor x) => encoder.call(x).Through(quant_conv);

    /// <summary>The posterior of <see cref="Moments"/>; the log-variance is clamped to [−30, 20].</summary>
    internal static DiagonalGaussian Posterior(Tensor moments)
    {
        var halves = moments.chunk(2, 1);
        return new DiagonalGaussian(halves[0], halves[1].clamp(-30, 20));
    }

    public override Tensor Decode(Tensor z) => decoder.call(z.Through(post_quant_conv));
}

/// <summary>conv_in → down blocks → mid block → norm, act, conv_out.</summary>
internal sealed class KlEncoder : nn.Module<Tensor, Tensor>
{
    private readonly ResnetStyle _style;
    private readonly Conv2d conv_in;
    private readonly ModuleList<DownBlock> down_blocks;
    private readonly MidBlock mid_block;
    private readonly GroupNorm conv_norm_out;
    private readonly Conv2d conv_out;

    internal KlEncoder(KlConfig config, int outChannels)
        : base(nameof(KlEncoder))
    {
        _style = config.Style;
        var widths = config.BlockOutChannels;
        conv_in = new Conv2d(config.InChannels, widths[0], 3, padding: 1);
        down_blocks = nn.ModuleList([.. widths.Select((width, i) => new DownBlock(config, widths[Math.Max(0, i - 1)], width, last: i + 1 == widths.Count))]);
        mid_block = new MidBlock(widths[^1], _style, config.MidAttention);
        conv_norm_out = _style.Norm(widths[^1]);
        conv_out = new Conv2d(widths[^1], outChannels, 3, padding: 1);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x) =>
        x.InTurn([conv_in.call, .. down_blocks.Select(block => (Func<Tensor, Tensor>)block.call), h => mid_block.call(h, BlockContext.None), conv_norm_out.call, _style.Activation.Function(), conv_out.call]);

    private sealed class DownBlock : nn.Module<Tensor, Tensor>
    {
        private readonly ModuleList<ResnetBlock> resnets;
        private readonly ModuleList<Downsample>? downsamplers;

        internal DownBlock(KlConfig config, int inChannels, int outChannels, bool last)
            : base(nameof(DownBlock))
        {
            resnets = nn.ModuleList([.. Enumerable.Range(0, config.LayersPerBlock).Select(i => new ResnetBlock(i == 0 ? inChannels : outChannels, outChannels, config.Style))]);
            downsamplers = last ? null : nn.ModuleList(new Downsample(outChannels, padding: 0));
            RegisterComponents();
        }

        public override Tensor forward(Tensor x) => x.InTurn([.. resnets.Select(resnet => (Func<Tensor, Tensor>)(h => resnet.call(h, null))), .. (downsamplers ?? []).Select(layer => (Func<Tensor, Tensor>)layer.call)]);
    }
}

/// <summary>conv_in → mid block → up blocks → norm, act, conv_out.</summary>
internal sealed class KlDecoder : nn.Module<Tensor, Tensor>
{
    private readonly ResnetStyle _style;
    private readonly Conv2d conv_in;
    private readonly MidBlock mid_block;
    private readonly ModuleList<UpBlock> up_blocks;
    private readonly GroupNorm conv_norm_out;
    private readonly Conv2d conv_out;

    internal KlDecoder(KlConfig config)
        : base(nameof(KlDecoder))
    {
        _style = config.Style;
        int[] widths = [.. config.BlockOutChannels.Reverse()];
        conv_in = new Conv2d(config.LatentChannels, widths[0], 3, padding: 1);
        mid_block = new MidBlock(widths[0], _style, config.MidAttention);
        up_blocks = nn.ModuleList([.. widths.Select((width, i) => new UpBlock(config, widths[Math.Max(0, i - 1)], width, last: i + 1 == widths.Length))]);
        conv_norm_out = _style.Norm(widths[^1]);
        conv_out = new Conv2d(widths[^1], config.OutChannels, 3, padding: 1);
        RegisterComponents();
    }

    public override Tensor forward(Tensor z) =>
        z.InTurn([conv_in.call, h => mid_block.call(h, BlockContext.None), .. up_blocks.Select(block => (Func<Tensor, Tensor>)block.call), conv_norm_out.call, _style.Activation.Function(), conv_out.call]);

    private sealed class UpBlock : nn.Module<Tensor, Tensor>
    {
        private readonly ModuleList<ResnetBlock> resnets;
        private readonly ModuleList<Upsample>? upsamplers;

        internal UpBlock(KlConfig config, int inChannels, int outChannels, bool last)
            : base(nameof(UpBlock))
        {
            resnets = nn.ModuleList([.. Enumerable.Range(0, config.LayersPerBlock + 1).Select(i => new ResnetBlock(i == 0 ? inChannels : outChannels, outChannels, config.Style))]);
            upsamplers = last ? null : nn.ModuleList(new Upsample(outChannels));
            RegisterComponents();
        }

        public override Tensor forward(Tensor x) => x.InTurn([.. resnets.Select(resnet => (Func<Tensor, Tensor>)(h => resnet.call(h, null))), .. (upsamplers ?? []).Select(layer => (Func<Tensor, Tensor>)(h => layer.call(h, null)))]);
    }
}

using Imago.Adversarial;
using Imago.Layers;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Imago.Models;

/// <summary>
/// From noise to images: a linear layer, then at each resolution a residual block, then twice the size (after R3GAN, Huang et al. 2024, section 4: no normalisation, no tricks).
/// </summary>
internal sealed class GanGenerator : nn.Module<Tensor, Tensor>
{
    private readonly Linear start;
    private readonly ModuleList<GanBlock> blocks;
    private readonly ModuleList<Conv2d> narrow;
    private readonly Conv2d to_pixels;
    private readonly long[] _map;

    internal GanGenerator(GanConfig config)
        : base(nameof(GanGenerator))
    {
        int[] widths = [.. config.Widths.Reverse()];
        _map = [widths[0], config.Height >> config.Halvings, config.Width >> config.Halvings];
        start = new Linear(config.Latent, (int)(_map[0] * _map[1] * _map[2]));
        blocks = nn.ModuleList([.. widths.Select(width => new GanBlock(width))]);
        narrow = nn.ModuleList([.. widths.Zip(widths.Skip(1), (from, to) => new Conv2d(from, to, 1))]);
        to_pixels = new Conv2d(widths[^1], config.Channels, 3, padding: 1);
        RegisterComponents();
    }

    /// <param name="z">Standard normal noise, [B, Z].</param>
    /// <returns>Images in about [−1, 1], [B, C, H, W].</returns>
    public override Tensor forward(Tensor z)
    {
        var h = blocks[0].call(start.call(z).view([z.shape[0], .. _map]));
        for (var i = 0; i < narrow.Count; i++) h = blocks[i + 1].call(nn.functional.interpolate(narrow[i].call(h), scale_factor: [2, 2], mode: InterpolationMode.Bilinear, align_corners: false));
        return to_pixels.call(nn.functional.leaky_relu(h, 0.2));
    }
}

/// <summary>From images to one number each, the larger the more like the data: the generator's mirror image.</summary>
internal sealed class GanDiscriminator : nn.Module<Tensor, Tensor>
{
    private readonly Conv2d from_pixels;
    private readonly ModuleList<GanBlock> blocks;
    private readonly ModuleList<Conv2d> widen;
    private readonly Linear score;

    internal GanDiscriminator(GanConfig config)
        : base(nameof(GanDiscriminator))
    {
        var widths = config.Widths;
        from_pixels = new Conv2d(config.Channels, widths[0], 3, padding: 1);
        blocks = nn.ModuleList([.. widths.Select(width => new GanBlock(width))]);
        widen = nn.ModuleList([.. widths.Zip(widths.Skip(1), (from, to) => new Conv2d(from, to, 1))]);
        score = new Linear(widths[^1] * (config.Height >> config.Halvings) * (config.Width >> config.Halvings), 1);
        RegisterComponents();
    }

    /// <param name="x">Images, [B, C, H, W].</param>
    /// <returns>[B].</returns>
    public override Tensor forward(Tensor x)
    {
        var h = blocks[0].call(from_pixels.call(x));
        for (var i = 0; i < widen.Count; i++) h = blocks[i + 1].call(nn.functional.avg_pool2d(widen[i].call(h), 2));
        return score.call(nn.functional.leaky_relu(h, 0.2).flatten(1)).squeeze(1);
    }
}

/// <summary>x + conv2(a(conv1(a(x)))), 3×3, the last one beginning at zero (Zhang et al. 2019, "Fixup").</summary>
internal sealed class GanBlock : nn.Module<Tensor, Tensor>
{
    private readonly Conv2d conv1;
    private readonly Conv2d conv2;

    internal GanBlock(int width)
        : base(nameof(GanBlock))
    {
        conv1 = new Conv2d(width, width, 3, padding: 1);
        conv2 = new Conv2d(width, width, 3, padding: 1);
        nn.init.zeros_(conv2.weight);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x) => x + conv2.call(nn.functional.leaky_relu(conv1.call(nn.functional.leaky_relu(x, 0.2)), 0.2));
}

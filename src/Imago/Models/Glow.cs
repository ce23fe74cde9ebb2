using Imago.Flows;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Imago.Models;

/// <summary>
/// Glow (Kingma and Dhariwal 2018): at each level 2×2 pixels become channels, then come steps of normalisation, mixing of channels and coupling, then half of the channels leave.
/// </summary>
public sealed record GlowConfig : FlowConfig
{
    /// <summary>Levels, each at half of the resolution of the one before.</summary>
    public int Levels { get; init; } = 3;

    /// <summary>Steps of each level.</summary>
    public int Steps { get; init; } = 8;

    /// <summary>Channels inside the couplings.</summary>
    public int Hidden { get; init; } = 128;

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        Require(Levels is > 0 and <= 10, "levels", Levels, "between 1 and 10");
        var factor = 1 << Levels;
        Require(Height % factor == 0 && Width % factor == 0, "levels", Levels, $"such that {Width}×{Height} pixels can be halved so many times");
        Require(Steps is > 0 and <= 256, "steps", Steps, "between 1 and 256");
        Require(Hidden is > 0 and <= 8192, "hidden", Hidden, "between 1 and 8192");
    }

    internal override NormalizingFlow Build() => new Glow(this);
}

/// <summary>The network of <see cref="GlowConfig"/>.</summary>
internal sealed class Glow : NormalizingFlow
{
    private readonly GlowConfig _config;
    private readonly ModuleList<GlowLevel> levels;

    internal Glow(GlowConfig config)
        : base(nameof(Glow))
    {
        _config = config;
        levels = nn.ModuleList([.. Enumerable.Range(0, config.Levels).Select(level => new GlowLevel(config.Channels << (level + 2), config, isLast: level == config.Levels - 1))]);
        RegisterComponents();
    }

    public override FlowConfig Config => _config;

    public override ScalarType ComputeType
    {
        get => base.ComputeType;
        set
        {
            base.ComputeType = value;
            foreach (var bijection in modules().OfType<Bijection>()) bijection.ComputeType = value;
        }
    }

    public override (Tensor Z, Tensor LogDeterminant) Encode(Tensor x)
    {
        var (h, logDeterminant, latents) = (x, zeros(x.shape[0], device: x.device), new List<Tensor>());
        foreach (var level in levels)
        {
            (var z, h, var added) = level.Forward(h);
            latents.Add(z.flatten(1));
            logDeterminant += added;
        }
        return (cat(latents, 1), logDeterminant);
    }

    public override Tensor Decode(Tensor z)
    {
        var shapes = Shapes();
        var latents = z.split([.. shapes.Select(shape => shape.Aggregate((product, size) => product * size))], 1);
        var h = levels[^1].Inverse(latents[^1].view([z.shape[0], .. shapes[^1]]), null);
        for (var level = levels.Count - 2; level >= 0; level--) h = levels[level].Inverse(latents[level].view([z.shape[0], .. shapes[level]]), h);
        return h;
    }

    /// <summary>[C, H, W] of what leaves each level: 2·C·2^ℓ channels at H/2^(ℓ+1) positions a side, twice as many at the last.</summary>
    private List<long[]> Shapes() => [.. Enumerable.Range(0, _config.Levels).Select(level =>
        new long[] { (long)_config.Channels << (level + (level == _config.Levels - 1 ? 2 : 1)), _config.Height >> (level + 1), _config.Width >> (level + 1) })];
}

/// <summary>One resolution of <see cref="Glow"/>.</summary>
internal sealed class GlowLevel : nn.Module
{
    private readonly ModuleList<Bijection> steps;
    private readonly Gaussianize prior;
    private readonly bool _isLast;

    /// <param name="channels">Channels after the squeeze.</param>
    /// <param name="config">Steps and widths.</param>
    /// <param name="isLast">Whether all channels leave here.</param>
    internal GlowLevel(int channels, GlowConfig config, bool isLast)
        : base(nameof(GlowLevel))
    {
        _isLast = isLast;
        steps = nn.ModuleList<Bijection>([.. Enumerable.Range(0, config.Steps).SelectMany(_ => new Bijection[] { new ActNorm(channels), new InvertibleConvolution(channels), new AffineCoupling(channels, config.Hidden) })]);
        prior = isLast ? new Gaussianize(channels, 0) : new Gaussianize(channels / 2, channels / 2);
        RegisterComponents();
    }

    /// <returns>What leaves as noise, what goes on to the next level, and the logarithm of the determinant.</returns>
    internal (Tensor Z, Tensor H, Tensor LogDeterminant) Forward(Tensor x)
    {
        var (h, logDeterminant) = (nn.functional.pixel_unshuffle(x, 2), zeros(x.shape[0], device: x.device));
        foreach (var step in steps)
        {
            (h, var added) = step.Forward(h);
            logDeterminant += added;
        }
        var (stays, leaves) = _isLast ? (null, h) : (h.chunk(2, 1)[0], h.chunk(2, 1)[1]);
        var (z, last) = prior.Forward(leaves, stays);
        return (z, stays ?? h, logDeterminant + last);
    }

    internal Tensor Inverse(Tensor z, Tensor? stays)
    {
        var leaves = prior.Inverse(z, stays);
        var h = stays is null ? leaves : cat([stays, leaves], 1);
        for (var i = steps.Count - 1; i >= 0; i--) h = steps[i].Inverse(h);
        return nn.functional.pixel_shuffle(h, 2);
    }
}

using Imago.Data;
using Imago.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Generation.Conditions;

/// <summary>
/// float32 [B, 6] in pixels, NaN for unknown → two linear layers over sines and cosines of every size (Vaswani et al. 2017, section 3.5; Podell et al. 2023, section 2.2) and whether
/// it is known; or the pixels as they are.
/// </summary>
internal sealed class SizeCondition : ConditionPart
{
    private const int Sizes = 6;
    private readonly Linear? linear_1;
    private readonly Linear? linear_2;
    private readonly int _frequencies;

    internal SizeCondition(SizeConditionConfig config, int width)
        : base(config)
    {
        _frequencies = config.Frequencies;
        linear_1 = config.Embed ? new Linear(Sizes * (1 + 2 * _frequencies), width) : null;
        linear_2 = config.Embed ? new Linear(width, width) : null;
        RegisterComponents();
    }

    protected override double Unknown => double.NaN;

    internal override Tensor Read(IReadOnlyList<Condition> batch) => Read(batch.Select(condition => condition.Sizes), batch.Count);

    // The loader does not keep the sizes of files: an image is taken to be whole.
    internal override Tensor Read(ImageBatch batch) => Read(Enumerable.Repeat(ImageSizes.Whole((int)batch.Bytes.shape[2], (int)batch.Bytes.shape[3]), batch.Count), batch.Count);

    internal override Conditioning forward(Tensor input, ScalarType type)
    {
        var known = input.isnan().logical_not();
        var pixels = where(known, input, zeros_like(input));
        if (linear_1 is null || linear_2 is null) return new() { Sizes = pixels };
        var frequencies = exp(-Math.Log(10000) / _frequencies * arange(_frequencies, dtype: float32, device: input.device));
        var phase = pixels.unsqueeze(-1) * frequencies;
        var waves = cat([phase.sin(), phase.cos()], -1) * known.unsqueeze(-1);
        var features = cat([known.to(float32), waves.flatten(1)], 1);
        return new() { Pooled = linear_2.call(nn.functional.silu(linear_1.call(features.to(type)))) };
    }

    private static Tensor Read(IEnumerable<ImageSizes?> sizes, int count) => tensor(sizes.SelectMany(Numbers).ToArray()).view(count, Sizes);

    private static float[] Numbers(ImageSizes? sizes) => sizes is null
        ? [float.NaN, float.NaN, float.NaN, float.NaN, float.NaN, float.NaN]
        : [sizes.OriginalHeight, sizes.OriginalWidth, sizes.Top, sizes.Left, sizes.Height, sizes.Width];
}

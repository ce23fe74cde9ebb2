using static TorchSharp.torch;

namespace Imago.Diffusion;

/// <summary>Bounds on estimates of x₀.</summary>
public static class Thresholding
{
    /// <summary>clamp(x₀, −s, s)/s per image, s the quantile of |x₀| but at least 1 and at most <paramref name="largest"/> (Saharia et al. 2022).</summary>
    /// <param name="x0">Estimates, [B, …].</param>
    /// <param name="ratio">Which quantile, in [0, 1].</param>
    /// <param name="largest">The most that s may be, at least 1.</param>
    public static Tensor Dynamic(Tensor x0, double ratio = 0.995, double largest = 1)
    {
        if (!(ratio is >= 0 and <= 1)) throw new ArgumentOutOfRangeException(nameof(ratio), ratio, "A quantile lies in [0, 1].");
        if (!(largest >= 1)) throw new ArgumentOutOfRangeException(nameof(largest), largest, "The largest bound is at least 1.");
        var s = Quantile(x0.abs().flatten(1), ratio).clamp(1, largest).reshape([x0.shape[0], .. Enumerable.Repeat(1L, (int)x0.dim() - 1)]);
        return minimum(maximum(x0, -s), s) / s;
    }

    /// <summary>Quantiles of rows, linear between order statistics: [B, N] → [B].</summary>
    private static Tensor Quantile(Tensor rows, double ratio)
    {
        var sorted = rows.sort(1).Values;
        var at = ratio * (rows.shape[1] - 1);
        var low = (long)Math.Floor(at);
        var high = Math.Min(low + 1, rows.shape[1] - 1);
        return lerp(sorted.select(1, low), sorted.select(1, high), at - low);
    }
}

using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Diffusion;

/// <summary>Sources of noise for stochastic samplers.</summary>
public static class NoiseSources
{
    /// <summary>Independent normal numbers for the whole batch from one generator.</summary>
    /// <param name="like">A tensor of the sample's shape, type and device.</param>
    /// <param name="generator">Advanced by every draw.</param>
    public static NoiseSource Independent(Tensor like, Generator generator)
    {
        var (shape, type, device) = (like.shape, like.dtype, like.device);
        return (_, _) => Draw(shape, type, device, generator);
    }

    /// <summary>Independent normal numbers, those of each image from a generator of its own, so that an image depends on its seed and not on its batch.</summary>
    /// <param name="like">A tensor of the sample's shape, type and device, [B, …].</param>
    /// <param name="generators">B of them, advanced by every draw.</param>
    /// <exception cref="ArgumentException">There are not as many generators as images.</exception>
    public static NoiseSource PerImage(Tensor like, IReadOnlyList<Generator> generators)
    {
        var (shape, type, device) = (like.shape[1..], like.dtype, like.device);
        if (generators.Count != like.shape[0]) throw new ArgumentException($"{generators.Count} generators for a batch of {like.shape[0]}; give one for each image.", nameof(generators));
        return (_, _) => stack(generators.Select(generator => Draw(shape, type, device, generator)));
    }

    /// <summary>Drawn where the generator is, and 16-bit numbers in fp32: the same numbers on every device, and no coarse ones.</summary>
    private static Tensor Draw(long[] shape, ScalarType type, Device device, Generator generator) =>
        randn(shape, type == float64 ? float64 : float32, generator.device, generator: generator).to(type).to(device);

    /// <summary>
    /// Noise along Brownian paths in σ/α, one for each image: (W(b) − W(a)) / √|b − a| for a step from a to b. What is drawn for a stretch of the way does not depend
    /// on the steps it is taken in, so that the same seed gives nearly the same image with any number of steps. The numbers are those of k-diffusion's
    /// <c>BrownianTreeNoiseSampler</c>.
    /// </summary>
    /// <param name="like">A tensor of the sample's shape, type and device, [B, …].</param>
    /// <param name="minRatio">The least σ/α that is visited, above 0.</param>
    /// <param name="maxRatio">The largest finite σ/α that is visited; a step from pure noise counts as one from here.</param>
    /// <param name="seeds">One for the whole batch as a single path, or one for each image.</param>
    /// <param name="time">The path's clock, a monotone function of σ/α; σ/α itself if it is null.</param>
    /// <returns>The source. It holds the paths, a few dozen tensors of the sample's size, until it is collected.</returns>
    /// <exception cref="ArgumentException">There are neither one nor B seeds, or the range is empty.</exception>
    public static NoiseSource BrownianTree(Tensor like, double minRatio, double maxRatio, IReadOnlyList<ulong> seeds, Func<double, double>? time = null)
    {
        if (seeds.Count != 1 && seeds.Count != like.shape[0]) throw new ArgumentException($"{seeds.Count} seeds for a batch of {like.shape[0]}; give one, or one for each image.", nameof(seeds));
        var (first, last) = (Clock(minRatio), Clock(maxRatio));
        var (isBatch, device) = (seeds.Count == 1 && like.shape[0] != 1, like.device);
        var shape = isBatch ? like.shape : like.shape[1..];
        var trees = seeds.Select(seed => new BrownianTree(shape, like.dtype, Math.Min(first, last), Math.Max(first, last), seed)).ToArray();
        return (from, to) =>
        {
            var (a, b) = (Clock(Math.Min(from.Ratio, maxRatio)), Clock(Math.Min(to.Ratio, maxRatio)));
            if (a == b || Math.Min(to.Ratio, from.Ratio) < minRatio * (1 - 1e-6))
                throw new ArgumentOutOfRangeException(nameof(to), $"A step from σ/α = {from.Ratio:g6} to {to.Ratio:g6} leaves the Brownian path, which runs from {maxRatio:g6} to {minRatio:g6}; make it longer, or use independent noise.");
            var sign = (first > last) != (a > b) ? -1 : 1;
            var increments = trees.Select(tree => tree.Increment(Math.Min(a, b), Math.Max(a, b)) * (sign / Math.Sqrt(Math.Abs(b - a))));
            return (isBatch ? increments.First() : stack(increments)).to(device);
        };

        // In fp32, as the times of the other implementations.
        double Clock(double ratio) => (float)(time is null ? (float)ratio : time((float)ratio));
    }

    /// <summary>Noise along Brownian paths over the range of a schedule.</summary>
    /// <param name="like">A tensor of the sample's shape, type and device, [B, …].</param>
    /// <param name="schedule">The levels that will be visited.</param>
    /// <param name="seeds">One for the whole batch as a single path, or one for each image.</param>
    public static NoiseSource BrownianTree(Tensor like, NoiseSchedule schedule, IReadOnlyList<ulong> seeds)
    {
        var ratios = schedule.Where(level => !level.IsClean && level.Alpha > 0).Select(level => level.Ratio).DefaultIfEmpty(1).ToArray();
        var fromPureNoise = schedule.Any(level => level.Alpha == 0);
        return BrownianTree(like, ratios.Min() * (ratios.Length == 1 ? 0.5 : 1), ratios.Max() * (fromPureNoise || ratios.Length == 1 ? 2 : 1), seeds);
    }
}

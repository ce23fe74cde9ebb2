using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Diffusion;

/// <summary>A network's word on one step back.</summary>
/// <param name="x">The noisy images, [B, C, H, W].</param>
/// <param name="level">How noisy they are.</param>
/// <returns>The estimate of x₀, and what the network says of the variance where it learned it (else null), both [B, C, H, W].</returns>
public delegate (Tensor X0, Tensor? Variance) ReverseEstimator(Tensor x, NoiseLevel level);

/// <summary>How a bound is evaluated.</summary>
public sealed record BoundOptions
{
    /// <summary>Steps drawn for each batch, one from each of so many equal parts of the chain; null for all. The last step, the decoder, is always evaluated.</summary>
    public int? StepsPerBatch { get; init; }

    /// <summary>Seed of steps and noise.</summary>
    public long Seed { get; init; }
}

/// <summary>A point of the rate–distortion curve of progressive coding (Ho et al. 2020, section 4.3).</summary>
/// <param name="Step">The step, or the middle of a part of the chain.</param>
/// <param name="Rate">Bits per dimension sent up to and with this step.</param>
/// <param name="Distortion">Root mean squared error of the estimate of x₀ in it, in grey levels of 255.</param>
public readonly record struct RatePoint(double Step, double Rate, double Distortion);

/// <summary>A bound over a set of images, in bits per dimension.</summary>
/// <param name="Images">How many.</param>
/// <param name="BitsPerDimension">The bound of −log₂ p(x₀) per number of an image: prior, steps and decoder.</param>
/// <param name="StandardError">Its standard error: over the images where all steps are evaluated, else over the batches, each of which draws its own steps. NaN for a single one.</param>
/// <param name="Prior">The prior's term.</param>
/// <param name="Decoder">The last step's term.</param>
/// <param name="Curve">Rate and distortion, noisiest first.</param>
public sealed record BoundReport(int Images, double BitsPerDimension, double StandardError, double Prior, double Decoder, IReadOnlyList<RatePoint> Curve);

/// <summary>Evaluates the variational bound of trained networks on images, in memory for one batch at one step.</summary>
public static class VariationalBoundEvaluation
{
    /// <summary>The bound of a network.</summary>
    /// <param name="bound">The chain and its variances.</param>
    /// <param name="estimate">The network.</param>
    /// <param name="batches">Images with 8-bit pixels in [−1, 1], or of any numbers where the bound is one of a density, [B, C, H, W]; each is disposed by whoever made it.</param>
    /// <param name="options">All steps or some, seed.</param>
    /// <param name="progress">Told the images done; the total is not known here and given as 0.</param>
    /// <param name="cancellationToken">Stops before the next step of a batch.</param>
    /// <exception cref="ArgumentException">There is no image, or fewer than one or more steps than the chain has are asked for.</exception>
    public static BoundReport Evaluate(
        VariationalBound bound, ReverseEstimator estimate, IEnumerable<Tensor> batches, BoundOptions options, IProgress<WorkProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        var parts = Parts(bound.Steps, options.StepsPerBatch);
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        using var generator = new Generator((ulong)options.Seed);
        var (totals, prior) = (new List<double[]>(), 0.0);
        var (bits, errors) = (new double[parts.Count], new double[parts.Count]);
        foreach (var x0 in batches)
        {
            using var batch = NewDisposeScope();
            var ofPrior = Numbers(bound.Prior(x0));
            var sums = (double[])ofPrior.Clone();
            for (int part = 0; part < parts.Count; part++)
            {
                cancellationToken.ThrowIfCancellationRequested();
                var (begin, count) = parts[part];
                var (terms, squares) = Step(bound, estimate, x0, begin + (int)Numbers(randint(count, [1], generator: generator))[0], generator);
                for (int i = 0; i < sums.Length; i++) sums[i] += count * terms[i];
                bits[part] += count * terms.Sum();
                errors[part] += squares.Sum();
            }
            totals.Add(sums);
            prior += ofPrior.Sum();
            progress?.Report(new WorkProgress(totals.Sum(sums => sums.Length), 0));
        }
        return totals.Count > 0 ? Report(totals, options.StepsPerBatch is null, prior, bits, errors, parts) : throw new ArgumentException("There are no images to evaluate a bound on.", nameof(batches));
    }

    /// <summary>Term and squared error of x̂₀ of every image at one step, with fresh noise.</summary>
    private static (double[] Bits, double[] SquaredError) Step(VariationalBound bound, ReverseEstimator estimate, Tensor x0, int step, Generator generator)
    {
        using var scope = NewDisposeScope();
        int[] steps = [.. Enumerable.Repeat(step, (int)x0.shape[0])];
        var level = bound.LevelOf(step);
        var x = Estimates.Noisy(x0, randn(x0.shape, generator: generator).to(x0.dtype).to(x0.device), level);
        var (estimated, variance) = estimate(x, level);
        return (Numbers(bound.Term(x0, x, bound.Reverse(x, estimated, variance, steps), steps)), Numbers((x0 - estimated).square().flatten(1).mean([1L])));
    }

    /// <summary>The chain in equal parts, the last step for itself.</summary>
    private static List<(int Begin, int Count)> Parts(int steps, int? wanted)
    {
        var parts = wanted ?? steps - 1;
        if (parts < 1 || parts > steps - 1) throw new ArgumentOutOfRangeException(nameof(wanted), wanted, $"Of a chain of {steps} steps, 1 to {steps - 1} can be drawn for each image.");
        return [.. Enumerable.Range(0, parts).Select(i => (Begin: i * (steps - 1) / parts, End: (i + 1) * (steps - 1) / parts)).Select(part => (part.Begin, part.End - part.Begin)), (steps - 1, 1)];
    }

    private static BoundReport Report(List<double[]> totals, bool ofImages, double prior, double[] bits, double[] errors, List<(int Begin, int Count)> parts)
    {
        var images = totals.Sum(batch => batch.Length);
        var (mean, rate) = (totals.Sum(batch => batch.Sum()) / images, prior / images);
        var curve = parts.Select((part, i) => new RatePoint(part.Begin + (part.Count - 1) / 2.0, rate += bits[i] / images, 127.5 * Math.Sqrt(errors[i] / images))).ToList();
        var independent = ofImages ? [.. totals.SelectMany(batch => batch).Select(total => total - mean)] : totals.Select(batch => batch.Sum(total => total - mean)).ToList();
        var n = independent.Count;
        var error = Math.Sqrt(independent.Sum(deviation => deviation * deviation) * n / (n - 1.0)) / images;
        return new(images, mean, n > 1 ? error : double.NaN, prior / images, bits[^1] / images, curve);
    }

    private static double[] Numbers(Tensor values) => [.. values.to(float64).cpu().data<double>()];
}

using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Flows;

/// <summary>How likely a flow finds pictures.</summary>
/// <param name="Images">How many.</param>
/// <param name="LogProbability">Mean of the bound on log P, in nats an image.</param>
/// <param name="BitsPerDimension">The same as −log₂ P for each number of an image.</param>
/// <param name="StandardError">Standard error of that over the images; NaN for a single one.</param>
/// <param name="Samples">Draws of dequantisation for each image.</param>
public sealed record FlowReport(int Images, double LogProbability, double BitsPerDimension, double StandardError, int Samples);

/// <summary>Evaluates a flow on pictures.</summary>
public static class FlowLikelihood
{
    /// <summary>
    /// log P(bytes) ≥ E log ¹⁄K Σₖ p(bytes + uₖ) / 256ᴰ: with K = 1 the usual figure, with more a tighter bound (Burda et al. 2016, for uniform dequantisation).
    /// </summary>
    /// <param name="flow">The flow; left in evaluation mode.</param>
    /// <param name="batches">uint8 [B, C, H, W]; each is disposed by whoever made it.</param>
    /// <param name="samples">Draws of dequantisation for each image, K.</param>
    /// <param name="seed">Seed of the draws.</param>
    /// <param name="progress">Told the images done; the total is not known here and given as 0.</param>
    /// <param name="cancellationToken">Stops before the next draw of a batch.</param>
    /// <exception cref="ArgumentException">There is no image, or fewer than one sample is asked for.</exception>
    public static FlowReport Evaluate(NormalizingFlow flow, IEnumerable<Tensor> batches, int samples = 1, long seed = 0, IProgress<WorkProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(samples, 1);
        flow.eval();
        using var noGrad = no_grad();
        using var generator = new Generator((ulong)seed);
        var device = flow.parameters().First().device;
        var values = new List<double>();
        foreach (var bytes in batches)
        {
            using var scope = NewDisposeScope();
            var draws = new List<Tensor>();
            for (var k = 0; k < samples; k++)
            {
                cancellationToken.ThrowIfCancellationRequested();
                draws.Add(flow.LogProbability(bytes.to(device), generator).to(float64));
            }
            var bound = stack(draws).logsumexp(0) - Math.Log(samples);
            values.AddRange(bound.cpu().data<double>().ToArray());
            progress?.Report(new WorkProgress(values.Count, 0));
        }
        if (values.Count == 0) throw new ArgumentException("There is no image to evaluate on.", nameof(batches));
        var mean = values.Average();
        var deviation = Math.Sqrt(values.Sum(value => (value - mean) * (value - mean)) / (values.Count - 1));
        return new(values.Count, mean, flow.BitsPerDimension(mean), flow.BitsPerDimension(-deviation / Math.Sqrt(values.Count)), samples);
    }
}

using Imago.Randomness;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Metrics;

/// <summary>
/// The Inception Score exp(E KL(p(y|x) ‖ p(y))) of Salimans et al. 2016: how sure a classifier is of each picture, and how many classes the pictures have between them.
/// Its published values use the logits of the FID network without their bias (<c>logits_unbiased</c>), 50,000 pictures and 10 splits.
/// </summary>
public static class InceptionScore
{
    /// <summary>Mean and standard deviation over splits.</summary>
    /// <param name="logits">[N, classes].</param>
    /// <param name="splits">Splits; the i-th holds rows ⌊iN/splits⌋ to ⌊(i + 1)N/splits⌋ − 1.</param>
    /// <param name="shuffleSeed">Seed of NumPy's permutation that comes first, torch-fidelity's default being 2020; null for the order given.</param>
    /// <exception cref="ArgumentException">There are fewer pictures than splits, or a logit is not a finite number.</exception>
    public static Estimate Of(Tensor logits, int splits = 10, uint? shuffleSeed = 2020) => Estimate.Of(OfSplits(logits, splits, shuffleSeed));

    /// <summary>The score of each split, in order.</summary>
    /// <inheritdoc cref="Of"/>
    public static IReadOnlyList<double> OfSplits(Tensor logits, int splits = 10, uint? shuffleSeed = 2020)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(splits, 1);
        FeatureMatrix.Check(logits, fewest: splits, nameof(logits));
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var count = logits.shape[0];
        var ordered = shuffleSeed is { } seed ? logits.index_select(0, tensor(new NumpyRandom(seed).Permutation((int)count))) : logits;
        long Start(int split) => split * count / splits;
        return [.. Enumerable.Range(0, splits).Select(i => OfAll(ordered[(int)Start(i)..(int)Start(i + 1)]))];
    }

    /// <summary>The score of each run of so many pictures, as guided-diffusion's evaluator takes it (5000 at a time, the last run shorter); its result is their mean.</summary>
    /// <param name="logits">[N, classes].</param>
    /// <param name="size">Pictures in a run.</param>
    /// <exception cref="ArgumentException">There are no pictures, or a logit is not a finite number.</exception>
    public static IReadOnlyList<double> OfRuns(Tensor logits, int size = 5000)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(size, 1);
        FeatureMatrix.Check(logits, fewest: 1, nameof(logits));
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        return [.. logits.split(size).Select(OfAll)];
    }

    /// <summary>exp of the mean over pictures of Σ p (log p − log p̄), in float64.</summary>
    private static double OfAll(Tensor logits)
    {
        var logP = nn.functional.log_softmax(logits.to(float64), 1);
        var p = logP.exp();
        var logMarginal = p.mean([0L], keepdim: true).log();
        var terms = where(p > 0, p * (logP - logMarginal), zeros_like(p));      // p log p is 0 at 0
        return terms.sum(1).mean().exp().item<double>();
    }
}

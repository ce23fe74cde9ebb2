using static TorchSharp.torch;

namespace Imago.Probability;

/// <summary>How log q(z) of a batch is estimated when q(z) = mean of q(z|x) over a data set of N images. The estimators disagree by tens of nats.</summary>
public enum TotalCorrelationEstimator
{
    /// <summary>Minibatch stratified sampling as appendix C of Chen et al. 2018 has it: weight 1/N on an image's own posterior.</summary>
    Stratified,

    /// <summary>The weights of the authors' code, which pythae copied: 1/N lies in the first column instead of on the diagonal.</summary>
    StratifiedPublishedCode,

    /// <summary>As disentangling-vae: the same weights, added to every latent before the sum, so that log q(z) counts them D times.</summary>
    StratifiedPerLatent,

    /// <summary>Minibatch weighted sampling (Chen et al. 2018, Eq. 5): logsumexp over the batch − log(N·B).</summary>
    Weighted,

    /// <summary>As disentanglement_lib: without the constant −log(N·B), which changes values but no gradient.</summary>
    WeightedNoConstant,
}

/// <summary>
/// The densities of a batch of latents that the decomposition of the KL term needs (Chen et al. 2018, Eq. 2):
/// KL = mutual information + total correlation + dimension-wise KL. Each is [B], one entry an image, in nats.
/// </summary>
/// <param name="LogPosterior">log q(z|x).</param>
/// <param name="LogAggregate">log q(z).</param>
/// <param name="LogMarginals">Σⱼ log q(zⱼ).</param>
/// <param name="LogPrior">log p(z).</param>
public sealed record AggregatePosterior(Tensor LogPosterior, Tensor LogAggregate, Tensor LogMarginals, Tensor LogPrior)
{
    /// <summary>Mean of log q(z|x) − log q(z): what a latent tells of its image. Scalar.</summary>
    public Tensor MutualInformation => (LogPosterior - LogAggregate).mean();

    /// <summary>Mean of log q(z) − Σⱼ log q(zⱼ): how dependent the latents are. Scalar.</summary>
    public Tensor TotalCorrelation => (LogAggregate - LogMarginals).mean();

    /// <summary>Mean of Σⱼ log q(zⱼ) − log p(z). Scalar.</summary>
    public Tensor DimensionWiseKl => (LogMarginals - LogPrior).mean();

    /// <summary>KL(q(z) ‖ p(z)), the part of the KL term that no image accounts for (Hoffman and Johnson 2016). Scalar.</summary>
    public Tensor MarginalKl => (LogAggregate - LogPrior).mean();

    /// <summary>The densities of a minibatch of a larger data set.</summary>
    /// <param name="posterior">q(z|x) of every image, [B, D].</param>
    /// <param name="z">One sample of each, [B, D].</param>
    /// <param name="datasetSize">N, the images in the data set.</param>
    /// <param name="estimator">How log q(z) is estimated.</param>
    public static AggregatePosterior OfBatch(DiagonalGaussian posterior, Tensor z, long datasetSize, TotalCorrelationEstimator estimator)
    {
        var pairs = PairDensities(posterior, z);                                            // log q(z_i,d | x_j), [B, B, D]
        var batch = z.shape[0];
        var (logAggregate, logMarginals) = estimator switch
        {
            TotalCorrelationEstimator.Weighted => (
                pairs.sum(2).logsumexp(1) - Math.Log((double)datasetSize * batch),
                (pairs.logsumexp(1) - Math.Log((double)datasetSize * batch)).sum(1)),
            TotalCorrelationEstimator.WeightedNoConstant => (pairs.sum(2).logsumexp(1), pairs.logsumexp(1).sum(1)),
            TotalCorrelationEstimator.StratifiedPerLatent => Weighted(pairs, PublishedWeights(batch, datasetSize, z), perLatent: true),
            TotalCorrelationEstimator.StratifiedPublishedCode => Weighted(pairs, PublishedWeights(batch, datasetSize, z), perLatent: false),
            _ => Weighted(pairs, StratifiedWeights(batch, datasetSize, z), perLatent: false),
        };
        return new AggregatePosterior(posterior.LogDensity(z), logAggregate, logMarginals, DiagonalGaussian.LogPrior(z));
    }

    /// <summary>The densities when the given posteriors are the whole data set: q(z) is exactly their mixture.</summary>
    /// <param name="posterior">q(z|x) of every image, [N, D].</param>
    /// <param name="z">One sample of each, [N, D].</param>
    /// <remarks>Computed in blocks of rows, in memory proportional to N, not N².</remarks>
    public static AggregatePosterior OfDataset(DiagonalGaussian posterior, Tensor z)
    {
        var n = z.shape[0];
        var rows = Math.Max(1, 4_000_000 / Math.Max(1, n * z.shape[1]));
        var (aggregate, marginals) = (new List<Tensor>(), new List<Tensor>());
        for (long begin = 0; begin < n; begin += rows)
        {
            using var scope = NewDisposeScope();
            var pairs = PairDensities(posterior, z.narrow(0, begin, Math.Min(rows, n - begin)));
            aggregate.Add((pairs.sum(2).logsumexp(1) - Math.Log(n)).MoveToOuterDisposeScope());
            marginals.Add((pairs.logsumexp(1) - Math.Log(n)).sum(1).MoveToOuterDisposeScope());
        }
        return new AggregatePosterior(posterior.LogDensity(z), cat(aggregate), cat(marginals), DiagonalGaussian.LogPrior(z));
    }

    /// <summary>log q(z_i,d | x_j) for every pair, [I, J, D].</summary>
    private static Tensor PairDensities(DiagonalGaussian posterior, Tensor z) =>
        new DiagonalGaussian(posterior.Mean.unsqueeze(0), posterior.LogVar.unsqueeze(0)).LogDensityPerLatent(z.unsqueeze(1));

    private static (Tensor Aggregate, Tensor Marginals) Weighted(Tensor pairs, Tensor logWeights, bool perLatent)
    {
        var weighted = logWeights.unsqueeze(2) + pairs;
        var aggregate = perLatent ? weighted.sum(2) : logWeights + pairs.sum(2);
        return (aggregate.logsumexp(1), weighted.logsumexp(1).sum(1));
    }

    /// <summary>Row i: 1/N at column i, (N − M)/(N·M) at column i + 1 mod B, 1/M elsewhere, M = B − 1.</summary>
    private static Tensor StratifiedWeights(long batch, long datasetSize, Tensor like)
    {
        var (n, m) = ((double)datasetSize, (double)(batch - 1));
        var own = eye(batch, dtype: like.dtype, device: like.device);
        var next = own.roll(1, 1);
        return (own / n + next * ((n - m) / (n * m)) + (1 - own - next) / m).log();
    }

    /// <summary>The matrix of the published code: column 0 holds 1/N, column 1 (N − M)/(N·M), which stands also at [M − 1, 0]; 1/M elsewhere.</summary>
    private static Tensor PublishedWeights(long batch, long datasetSize, Tensor like)
    {
        var (n, m) = ((double)datasetSize, (double)(batch - 1));
        var weights = new double[batch, batch];
        for (var i = 0; i < batch; i++)
        {
            for (var j = 0; j < batch; j++) weights[i, j] = j switch { 0 => 1 / n, 1 => (n - m) / (n * m), _ => 1 / m };
        }
        weights[batch - 2, 0] = (n - m) / (n * m);
        return tensor(weights, dtype: like.dtype, device: like.device).log();
    }
}

using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Probability;

/// <summary>Vectors replaced by their nearest codes.</summary>
/// <param name="Distances">Squared distance of every vector to every code, [N, K].</param>
/// <param name="Indices">The nearest code, int64 [N]; the first of equals.</param>
/// <param name="Codes">Those codes, [N, D].</param>
public sealed record Quantized(Tensor Distances, Tensor Indices, Tensor Codes);

/// <summary>State of a codebook that follows its vectors by moving averages.</summary>
/// <param name="ClusterSize">Average number of vectors of each code, [K].</param>
/// <param name="Sum">Average of their sum, [K, D].</param>
/// <param name="Codebook">The codes, [K, D].</param>
public sealed record CodebookAverages(Tensor ClusterSize, Tensor Sum, Tensor Codebook);

/// <summary>Vector quantisation (van den Oord, Vinyals and Kavukcuoglu 2017).</summary>
public static class VectorQuantization
{
    /// <summary>The nearest code of every vector, by |z|² + |e|² − 2 z·e.</summary>
    /// <param name="z">[N, D].</param>
    /// <param name="codebook">[K, D].</param>
    public static Quantized Nearest(Tensor z, Tensor codebook)
    {
        var distances = z.square().sum(1, keepdim: true) + codebook.square().sum(1) - 2 * z.matmul(codebook.t());
        var indices = distances.argmin(1);
        return new Quantized(distances, indices, codebook.index_select(0, indices));
    }

    /// <summary>[B, D, h, w] → [B·h·w, D], position by position.</summary>
    public static Tensor ToVectors(Tensor map) => map.permute(0, 2, 3, 1).flatten(0, 2);

    /// <summary>The inverse of <see cref="ToVectors"/> for a map of the shape of <paramref name="like"/>.</summary>
    public static Tensor ToMap(Tensor vectors, Tensor like) => vectors.view(like.shape[0], like.shape[2], like.shape[3], -1).permute(0, 3, 1, 2);

    /// <summary>mean (sg(e) − z)²: pulls vectors to their codes (Eq. 3, third term, without β). Mean over all elements.</summary>
    public static Tensor Commitment(Tensor z, Tensor codes) => (codes.detach() - z).square().mean();

    /// <summary>mean (e − sg(z))²: pulls codes to their vectors (Eq. 3, second term). Mean over all elements.</summary>
    public static Tensor CodebookLoss(Tensor z, Tensor codes) => (codes - z.detach()).square().mean();

    /// <summary>The codes' value with the vectors' gradient: z + sg(e − z).</summary>
    public static Tensor StraightThrough(Tensor z, Tensor codes) => z + (codes - z).detach();

    /// <summary>exp of the entropy of code use: how many of K codes are in use.</summary>
    public static Tensor Perplexity(Tensor indices, long codes)
    {
        var p = Counts(indices, codes, float64) / indices.numel();
        return (-p.xlogy(p)).sum().exp();
    }

    /// <summary>
    /// One update by moving averages with Laplace smoothing (appendix A.1): N ← γN + (1 − γ)n, m ← γm + (1 − γ)Σz, e = m/Ñ,
    /// Ñ = (N + ε)/(ΣN + Kε)·ΣN.
    /// </summary>
    /// <param name="state">Before.</param>
    /// <param name="z">The vectors of this batch, [N, D].</param>
    /// <param name="indices">Their codes, int64 [N].</param>
    /// <param name="decay">γ.</param>
    /// <param name="epsilon">ε.</param>
    /// <param name="keepSmoothed">Keeps Ñ as the state, as pythae does, so that smoothing accumulates; sonnet keeps N.</param>
    public static CodebookAverages Average(CodebookAverages state, Tensor z, Tensor indices, double decay = 0.99, double epsilon = 1e-5, bool keepSmoothed = false)
    {
        var codes = state.Codebook.shape[0];
        var size = decay * state.ClusterSize + (1 - decay) * Counts(indices, codes, z.dtype);
        var sum = decay * state.Sum + (1 - decay) * zeros_like(state.Codebook).index_add(0, indices, z, 1);
        var smoothed = SmoothedSize(size, epsilon);
        return new CodebookAverages(keepSmoothed ? smoothed : size, sum, sum / smoothed.unsqueeze(1));
    }

    /// <summary>Ñ = (N + ε)/(ΣN + Kε)·ΣN.</summary>
    public static Tensor SmoothedSize(Tensor clusterSize, double epsilon)
    {
        var total = clusterSize.sum();
        return (clusterSize + epsilon) / (total + clusterSize.shape[0] * epsilon) * total;
    }

    /// <summary>How many vectors each code has, [K].</summary>
    public static Tensor Counts(Tensor indices, long codes, ScalarType type) => indices.bincount(null, codes).to(type);
}

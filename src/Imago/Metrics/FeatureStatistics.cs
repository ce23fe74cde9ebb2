using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Metrics;

/// <summary>
/// Mean and covariance of features that come in batches, in float64. Batches and partial results are combined by their means and centred sums
/// (Chan, Golub and LeVeque 1979, Eq. 2.1), so that neither order nor the cutting into batches matters beyond rounding.
/// </summary>
public sealed class FeatureStatistics : IDisposable
{
    private readonly Tensor _mean;
    private readonly Tensor _scatter;
    private readonly float[] _sums;

    /// <summary>Statistics of nothing yet.</summary>
    /// <param name="dimension">D, numbers in a feature vector.</param>
    public FeatureStatistics(int dimension)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(dimension, 1);
        Dimension = dimension;
        _sums = new float[dimension];
        _mean = zeros(dimension, dtype: float64).DetachFromDisposeScope();
        _scatter = zeros(dimension, dimension, dtype: float64).DetachFromDisposeScope();
    }

    /// <summary>D, numbers in a feature vector.</summary>
    public int Dimension { get; }

    /// <summary>N, feature vectors so far.</summary>
    public long Count { get; private set; }

    /// <summary>Mean of the features, [D], float64; the caller owns it.</summary>
    /// <exception cref="InvalidOperationException">There are none.</exception>
    public Tensor Mean => Count > 0 ? _mean.clone() : throw new InvalidOperationException("There are no features to take a mean of.");

    /// <summary>Covariance of the features, divided by N − 1, [D, D], float64; the caller owns it.</summary>
    /// <exception cref="InvalidOperationException">There are fewer than two.</exception>
    public Tensor Covariance => Count > 1 ? _scatter / (Count - 1.0) : throw new InvalidOperationException($"A covariance needs at least two feature vectors; there {(Count == 1 ? "is one" : "are none")}.");

    /// <summary>Covariance of the features, divided by N, [D, D], float64; the caller owns it.</summary>
    /// <exception cref="InvalidOperationException">There are none.</exception>
    public Tensor PopulationCovariance => Count > 0 ? _scatter / (double)Count : throw new InvalidOperationException("There are no features to take a covariance of.");

    /// <summary>
    /// The mean that NumPy's <c>mean(axis=0)</c> takes of a float32 matrix, [D], as float64; the caller owns it. Rows are added one after another in float32, in the
    /// order in which they came (shards as wholes); at 50,000 rows that loses the fifth digit.
    /// </summary>
    /// <exception cref="InvalidOperationException">There are none.</exception>
    public Tensor SinglePrecisionMean
    {
        get
        {
            if (Count == 0) throw new InvalidOperationException("There are no features to take a mean of.");
            using var sums = tensor(_sums);
            using var mean = sums / (float)Count;
            return mean.to(float64);
        }
    }

    /// <summary>Statistics of features that are all there.</summary>
    /// <param name="features">[N, D].</param>
    public static FeatureStatistics Of(Tensor features)
    {
        ArgumentNullException.ThrowIfNull(features);
        if (features.dim() != 2) throw new ArgumentException($"Features are [N, D]; got [{string.Join(", ", features.shape)}].", nameof(features));
        var statistics = new FeatureStatistics((int)features.shape[1]);
        statistics.Add(features);
        return statistics;
    }

    /// <summary>Adds a batch.</summary>
    /// <param name="features">[B, D], of any floating-point type.</param>
    /// <exception cref="ArgumentException">They have another shape, or one of them is not a finite number.</exception>
    public void Add(Tensor features)
    {
        ArgumentNullException.ThrowIfNull(features);
        if (features.dim() != 2 || features.shape[1] != Dimension) throw new ArgumentException($"Features are [B, {Dimension}]; got [{string.Join(", ", features.shape)}].", nameof(features));
        if (features.shape[0] == 0) return;
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var x = features.cpu().to(float64);
        if (!x.isfinite().all().item<bool>()) throw new ArgumentException("A feature is not a finite number; the network or the picture it was taken of is broken.", nameof(features));
        var mean = x.mean([0L]);
        var centred = x - mean;
        Combine(x.shape[0], mean, centred.t().matmul(centred));
        var rows = x.to(float32).contiguous().data<float>().ToArray();
        for (var start = 0; start < rows.Length; start += Dimension) AddTo(_sums, rows.AsSpan(start, Dimension));
    }

    /// <summary>Adds what others have gathered: shards of one set.</summary>
    /// <param name="other">Statistics of the same dimension.</param>
    /// <exception cref="ArgumentException">They are of another dimension.</exception>
    public void Add(FeatureStatistics other)
    {
        ArgumentNullException.ThrowIfNull(other);
        if (other.Dimension != Dimension) throw new ArgumentException($"These are statistics of {Dimension} numbers; those to add are of {other.Dimension}.", nameof(other));
        if (other.Count == 0) return;
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        Combine(other.Count, other._mean, other._scatter);
        AddTo(_sums, (float[])other._sums.Clone());
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _mean.Dispose();
        _scatter.Dispose();
    }

    private static void AddTo(float[] sums, ReadOnlySpan<float> row)
    {
        for (var i = 0; i < sums.Length; i++) sums[i] += row[i];
    }

    private void Combine(long count, Tensor mean, Tensor scatter)
    {
        var (n, m) = ((double)Count, (double)count);
        var delta = mean - _mean;
        _scatter.add_(scatter + n * m / (n + m) * outer(delta, delta));
        _mean.add_(m / (n + m) * delta);
        Count += count;
    }
}

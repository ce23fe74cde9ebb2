using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Metrics.Disentanglement;

/// <summary>How far codes depend on each other, without knowing any factor.</summary>
public static class UnsupervisedScores
{
    /// <summary>Total correlation of the Gaussian with the codes' covariance, ½(Σ log Cᵢᵢ − log det C), nats.</summary>
    /// <param name="covariance">C, [D, D], positive definite; a constant code gives NaN.</param>
    public static double GaussianTotalCorrelation(Tensor covariance)
    {
        using var scope = NewDisposeScope();
        var c = covariance.to(float64);
        return 0.5 * (c.diagonal().log().sum() - linalg.eigvalsh(c).log().sum()).item<double>();
    }

    /// <summary>Squared Wasserstein distance of the Gaussian from the one with independent codes, 2 tr C − 2 tr(√C diag(C) √C)^½.</summary>
    /// <param name="covariance">C, [D, D].</param>
    public static double GaussianWasserstein(Tensor covariance)
    {
        using var scope = NewDisposeScope();
        var c = covariance.to(float64);
        return FrechetDistance.Between(zeros_like(c[0]), c, zeros_like(c[0]), c.diagonal().diag());
    }

    /// <summary>The same, divided by tr C.</summary>
    /// <inheritdoc cref="GaussianWasserstein" path="/param"/>
    public static double NormalisedGaussianWasserstein(Tensor covariance)
    {
        using var trace = covariance.to(float64).trace();
        return GaussianWasserstein(covariance) / trace.item<double>();
    }

    /// <summary>Mutual information of two different binned codes, on average, nats.</summary>
    /// <param name="codes">[N, D].</param>
    /// <param name="bins">Bins of a code.</param>
    public static double MutualInformation(Tensor codes, int bins = 20)
    {
        long[][] binned = [.. Columns.Of(codes).Select(code => DiscreteInformation.Bins(code, bins))];
        var information = DiscreteInformation.Matrix(binned, binned);
        var pairs = from i in Enumerable.Range(0, binned.Length) from j in Enumerable.Range(0, binned.Length) where i != j select information[i, j];
        return pairs.Average();
    }
}

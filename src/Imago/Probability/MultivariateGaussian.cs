using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Probability;

/// <summary>A Gaussian with a full covariance, N(m, S), in float64.</summary>
/// <param name="mean">m, [D].</param>
/// <param name="covariance">S, symmetric and positive definite, [D, D].</param>
public sealed class MultivariateGaussian(Tensor mean, Tensor covariance)
{
    /// <summary>m, [D].</summary>
    public Tensor Mean { get; } = mean.to(float64);

    /// <summary>S, [D, D].</summary>
    public Tensor Covariance { get; } = covariance.to(float64);

    private long Dimension => Mean.shape[0];

    /// <summary>log N(x; m, S) = −½(D log 2π + log det S + (x − m)ᵀ S⁻¹ (x − m)).</summary>
    public double LogDensity(Tensor x)
    {
        using var scope = NewDisposeScope();
        var r = (x.to(float64) - Mean).unsqueeze(1);
        return -0.5 * (Dimension * Math.Log(2 * Math.PI) + LogDeterminant + r.t().matmul(linalg.solve(Covariance, r)).item<double>());
    }

    /// <summary>Differential entropy, ½(D(1 + log 2π) + log det S).</summary>
    public double Entropy => 0.5 * (Dimension * (1 + Math.Log(2 * Math.PI)) + LogDeterminant);

    /// <summary>KL(this ‖ other) = ½(tr(S₂⁻¹S₁) + (m₂ − m₁)ᵀ S₂⁻¹ (m₂ − m₁) − D + log det S₂ − log det S₁).</summary>
    public double Kl(MultivariateGaussian other)
    {
        using var scope = NewDisposeScope();
        var trace = linalg.solve(other.Covariance, Covariance).diagonal().sum();
        var r = (other.Mean - Mean).unsqueeze(1);
        var mahalanobis = r.t().matmul(linalg.solve(other.Covariance, r));
        return 0.5 * (trace.item<double>() + mahalanobis.item<double>() - Dimension + other.LogDeterminant - LogDeterminant);
    }

    /// <summary>The squared 2-Wasserstein distance, |m₁ − m₂|² + tr(S₁ + S₂ − 2(S₂^½ S₁ S₂^½)^½): the Fréchet distance of FID.</summary>
    public double Wasserstein2Squared(MultivariateGaussian other)
    {
        using var scope = NewDisposeScope();
        var root = SquareRoot(other.Covariance);
        var cross = linalg.eigvalsh(root.matmul(Covariance).matmul(root)).clamp_min(0).sqrt().sum();
        var traces = Covariance.diagonal().sum() + other.Covariance.diagonal().sum();
        return ((Mean - other.Mean).square().sum() + traces - 2 * cross).item<double>();
    }

    private double LogDeterminant
    {
        get
        {
            using var scope = NewDisposeScope();
            return 2 * linalg.cholesky(Covariance).diagonal().log().sum().item<double>();
        }
    }

    /// <summary>The symmetric root of a symmetric positive matrix.</summary>
    private static Tensor SquareRoot(Tensor matrix)
    {
        var (values, vectors) = linalg.eigh(matrix);
        return (vectors * values.clamp_min(0).sqrt()).matmul(vectors.t());
    }
}

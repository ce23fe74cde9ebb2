using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Probability;

/// <summary>
/// The variational autoencoder that can be solved: z ~ N(0, I), x = W z + b + σ ε (probabilistic PCA, Tipping and Bishop 1999). Evidence, posterior and bound are
/// in closed form, in float64; a trained network's estimates can be tested against it.
/// </summary>
/// <param name="w">W, [P, D].</param>
/// <param name="b">b, [P].</param>
/// <param name="sigma">σ, the standard deviation of the noise.</param>
public sealed class LinearGaussianModel(Tensor w, Tensor b, double sigma)
{
    private readonly Tensor _w = w.to(float64), _b = b.to(float64);

    private long Pixels => _w.shape[0];

    private long Latents => _w.shape[1];

    /// <summary>p(x) = N(b, W Wᵀ + σ² I).</summary>
    public MultivariateGaussian Evidence => new(_b, _w.matmul(_w.t()) + sigma * sigma * eye(Pixels, dtype: float64));

    /// <summary>p(z|x) = N(M Wᵀ (x − b)/σ², M), M = (I + Wᵀ W/σ²)⁻¹.</summary>
    /// <param name="x">[P].</param>
    public MultivariateGaussian Posterior(Tensor x)
    {
        var covariance = linalg.inv(eye(Latents, dtype: float64) + _w.t().matmul(_w) / (sigma * sigma));
        return new MultivariateGaussian(covariance.matmul(_w.t()).matmul(x.to(float64) - _b) / (sigma * sigma), covariance);
    }

    /// <summary>E_q[log p(x|z)] = −½(P log 2πσ² + (|x − b − W μ|² + Σ σ_q² |W_d|²)/σ²) for a diagonal q.</summary>
    /// <param name="x">[P].</param>
    /// <param name="q">Mean and log-variance, [1, D].</param>
    public double ExpectedReconstruction(Tensor x, DiagonalGaussian q)
    {
        using var scope = NewDisposeScope();
        var (mean, variance) = (q.Mean.to(float64).squeeze(0), q.LogVar.to(float64).exp().squeeze(0));
        var bias = (x.to(float64) - _b - _w.matmul(mean)).square().sum();
        var spread = (_w.square().sum([0]) * variance).sum();
        return -0.5 * (Pixels * Math.Log(2 * Math.PI * sigma * sigma) + (bias + spread).item<double>() / (sigma * sigma));
    }

    /// <summary>E_q[log p(x|z)] − KL(q ‖ p(z)).</summary>
    /// <inheritdoc cref="ExpectedReconstruction" path="/param"/>
    public double Elbo(Tensor x, DiagonalGaussian q)
    {
        using var scope = NewDisposeScope();
        return ExpectedReconstruction(x, q) - q.Kl().to(float64).item<double>();
    }

    /// <summary>KL(q ‖ p(z|x)) = log p(x) − ELBO.</summary>
    /// <inheritdoc cref="ExpectedReconstruction" path="/param"/>
    public double KlToPosterior(Tensor x, DiagonalGaussian q)
    {
        using var scope = NewDisposeScope();
        var approximate = new MultivariateGaussian(q.Mean.squeeze(0), diag(q.LogVar.to(float64).exp().squeeze(0)));
        return approximate.Kl(Posterior(x));
    }
}

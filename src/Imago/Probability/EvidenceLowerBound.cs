using static Imago.Probability.Information;

namespace Imago.Probability;

/// <summary>
/// The decomposition log p(x) = ELBO + KL(q(z) ‖ p(z|x)) for one observation x and a finite latent z, every term of it
/// (Jordan et al. 1999; Kingma and Welling 2014, Eqs. 1 to 3).
/// </summary>
public sealed record EvidenceLowerBound
{
    private EvidenceLowerBound(double[] posterior, double logEvidence, double reconstruction, double klToPrior, double klToPosterior) =>
        (Posterior, LogEvidence, Reconstruction, KlToPrior, KlToPosterior) = (posterior, logEvidence, reconstruction, klToPrior, klToPosterior);

    /// <summary>Computes every term.</summary>
    /// <param name="prior">p(z).</param>
    /// <param name="likelihood">p(x|z) of the observation, for each z.</param>
    /// <param name="q">q(z), the approximate posterior.</param>
    public static EvidenceLowerBound Of(IReadOnlyList<double> prior, IReadOnlyList<double> likelihood, IReadOnlyList<double> q)
    {
        var posterior = BayesTheorem(prior, likelihood, out var evidence);
        return new EvidenceLowerBound(
            posterior, Math.Log(evidence),
            reconstruction: Sum(q.Count, i => XLogY(q[i], likelihood[i])),
            klToPrior: KullbackLeibler(q, prior),
            klToPosterior: KullbackLeibler(q, posterior));
    }

    /// <summary>p(z|x) = p(x|z) p(z)/p(x), with p(x) = Σ_z p(x|z) p(z) (Bayes 1763).</summary>
    /// <param name="prior">p(z).</param>
    /// <param name="likelihood">p(x|z) of the observation, for each z.</param>
    /// <param name="evidence">p(x).</param>
    public static double[] BayesTheorem(IReadOnlyList<double> prior, IReadOnlyList<double> likelihood, out double evidence)
    {
        var total = evidence = Expectation(prior, likelihood);
        return [.. prior.Select((p, i) => p * likelihood[i] / total)];
    }

    /// <summary>p(z|x), the true posterior.</summary>
    public IReadOnlyList<double> Posterior { get; }

    /// <summary>log p(x).</summary>
    public double LogEvidence { get; }

    /// <summary>E_q[log p(x|z)].</summary>
    public double Reconstruction { get; }

    /// <summary>KL(q(z) ‖ p(z)).</summary>
    public double KlToPrior { get; }

    /// <summary>KL(q(z) ‖ p(z|x)): the gap between the bound and log p(x).</summary>
    public double KlToPosterior { get; }

    /// <summary>E_q[log p(x|z)] − KL(q(z) ‖ p(z)): never above log p(x).</summary>
    public double Elbo => Reconstruction - KlToPrior;
}

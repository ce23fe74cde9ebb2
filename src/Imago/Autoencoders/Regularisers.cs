using Imago.Probability;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Imago.Autoencoders;

/// <summary>Where the floor of free bits is applied.</summary>
public enum FreeBitsForm
{
    /// <summary>To the mean over the batch of each latent's KL (Kingma et al. 2016, Eq. 15).</summary>
    BatchMeanPerLatent,

    /// <summary>To the KL of every latent of every image.</summary>
    PerImagePerLatent,

    /// <summary>To the KL of every image.</summary>
    PerImage,
}

/// <summary>The terms beside the reconstruction. Each is a scalar: nats per image, averaged over the batch.</summary>
public static class Regularisers
{
    /// <summary>The KL term with a floor, below which it has no gradient: Σ max(λ, KL).</summary>
    /// <param name="posterior">q(z|x), [B, …].</param>
    /// <param name="lambda">The floor in nats, per latent or per image.</param>
    /// <param name="form">What the floor applies to.</param>
    public static Tensor FreeBits(DiagonalGaussian posterior, double lambda, FreeBitsForm form) => form switch
    {
        FreeBitsForm.PerImage => posterior.Kl().clamp_min(lambda).mean(),
        FreeBitsForm.PerImagePerLatent => posterior.KlPerLatent().clamp_min(lambda).flatten(1).sum(1).mean(),
        _ => posterior.KlPerLatent().mean([0]).clamp_min(lambda).sum(),
    };

    /// <summary>|KL − C|, which holds the KL term at a capacity that grows during training (Burgess et al. 2018, Eq. 8, without its γ).</summary>
    /// <param name="posterior">q(z|x), [B, …].</param>
    /// <param name="capacity">C in nats.</param>
    /// <param name="perImage">Takes the absolute value for every image, as pythae does, instead of the batch's mean.</param>
    public static Tensor Capacity(DiagonalGaussian posterior, double capacity, bool perImage = false) => perImage
        ? (posterior.Kl() - capacity).abs().mean()
        : (posterior.Kl().mean() - capacity).abs();

    /// <summary>The covariance of the latents over a batch, divided by B: of the posterior means, or of the samples (DIP-VAE II), [D, D].</summary>
    public static Tensor LatentCovariance(DiagonalGaussian posterior, bool ofSamples)
    {
        var centred = posterior.Mean - posterior.Mean.mean([0], keepdim: true);
        var covariance = centred.t().matmul(centred) / posterior.Mean.shape[0];
        return ofSamples ? covariance + diag(posterior.LogVar.exp().mean([0])) : covariance;
    }

    /// <summary>λ_od Σ_{i≠j} C² + λ_d Σ (C_ii − 1)²: pulls the covariance of the latents to the identity (Kumar, Sattigeri and Balakrishnan 2018, Eqs. 6 and 7).</summary>
    /// <param name="covariance">C, [D, D].</param>
    /// <param name="offDiagonal">λ_od.</param>
    /// <param name="diagonal">λ_d; the authors use 10·λ_od for type I and λ_od for type II.</param>
    public static Tensor DisentangledPrior(Tensor covariance, double offDiagonal, double diagonal)
    {
        var variances = covariance.diagonal();
        return offDiagonal * (covariance.square().sum() - variances.square().sum()) + diagonal * (variances - 1).square().sum();
    }

    /// <summary>½·mean |z|², the embedding loss of regularised autoencoders (Ghosh et al. 2020, Eq. 4).</summary>
    /// <param name="z">[B, …].</param>
    public static Tensor Embedding(Tensor z) => 0.5 * z.square().flatten(1).sum(1).mean();

    /// <summary>The mean over images of |∂ Σ output / ∂ input|²: how steep a network is (Ghosh et al. 2020, Eq. 8). Needs second derivatives.</summary>
    /// <param name="output">What the network gave, [B, …].</param>
    /// <param name="input">What it was given, [B, …], part of the graph of <paramref name="output"/>.</param>
    public static Tensor GradientPenalty(Tensor output, Tensor input)
    {
        var gradient = autograd.grad([output.sum()], [input], retain_graph: true, create_graph: true)[0];
        return gradient.square().flatten(1).sum(1).mean();
    }

    /// <summary>Mean of logit₀ − logit₁ of a discriminator between q(z) (class 0) and the product of its marginals (class 1): an estimate of the total correlation (Kim and Mnih 2018, Eq. 3).</summary>
    /// <param name="logits">[B, 2].</param>
    public static Tensor TotalCorrelationOfLogits(Tensor logits) => (logits.select(1, 0) - logits.select(1, 1)).mean();

    /// <summary>The loss of that discriminator: ½(CE(joint, class 0) + CE(permuted, class 1)) (Kim and Mnih 2018, algorithm 2).</summary>
    /// <param name="joint">Logits of latents, [B, 2].</param>
    /// <param name="permuted">Logits of latents whose entries come from different images, [B, 2].</param>
    public static Tensor DiscriminatorLoss(Tensor joint, Tensor permuted)
    {
        var first = zeros(joint.shape[0], dtype: int64, device: joint.device);
        return 0.5 * (cross_entropy(joint, first) + cross_entropy(permuted, first + 1));
    }

    /// <summary>Latents whose entries come from different images: a sample of the product of marginals (Kim and Mnih 2018, algorithm 1).</summary>
    /// <param name="z">[B, D].</param>
    /// <param name="permutations">One permutation of the batch for each latent, int64 [D, B].</param>
    public static Tensor PermuteLatents(Tensor z, Tensor permutations) => z.gather(0, permutations.t());
}

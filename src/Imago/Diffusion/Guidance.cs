using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Diffusion;

/// <summary>
/// Formulas of guidance: pure functions of a network's answers, [B, C, H, W], with the condition (c), without it (u), and by a network made worse (t). They hold
/// for x₀, ε, v and the flow alike; those that are not linear give another picture for each.
/// </summary>
public static class Guidance
{
    /// <summary>u + w(c − u) (Ho and Salimans 2022, with the scale as it is usually counted: 1 is no guidance); in the original formulation c + w(c − u) (their Eq. 6, 0 is none).</summary>
    /// <param name="c">With the condition.</param>
    /// <param name="u">Without it, or with a negative one.</param>
    /// <param name="w">The scale: a number, or one for each image.</param>
    /// <param name="original">Which formulation.</param>
    public static Tensor ClassifierFree(Tensor c, Tensor u, Scalar w, bool original = false) => (original ? c : u) + w * (c - u);

    /// <inheritdoc cref="ClassifierFree(Tensor, Tensor, Scalar, bool)"/>
    public static Tensor ClassifierFree(Tensor c, Tensor u, Tensor w, bool original = false) => (original ? c : u) + w * (c - u);

    /// <summary>φ g std(c)/std(g) + (1 − φ) g: guidance without its excess of contrast (Lin et al. 2024, Eqs. 15 and 16). Standard deviations are each image's own.</summary>
    /// <param name="guided">g.</param>
    /// <param name="c">With the condition.</param>
    /// <param name="phi">φ: 0 changes nothing, 0.7 is usual.</param>
    public static Tensor Rescaled(Tensor guided, Tensor c, double phi) => phi * guided * (Deviation(c) / Deviation(guided)) + (1 - phi) * guided;

    /// <summary>u ⟨c, u⟩/|u|²: the multiple of u that is nearest to c (Fan et al. 2025, CFG-Zero*, Eq. 9).</summary>
    /// <param name="c">With the condition.</param>
    /// <param name="u">Without it.</param>
    public static Tensor Nearest(Tensor c, Tensor u) => u * (Dot(c, u) / (Dot(u, u) + 1e-8));

    /// <summary>
    /// u projected on the direction in which c and u agree most: the first right singular vector of the matrix (c; u) (Kwon et al. 2025, TCFG). With
    /// tan 2θ = 2⟨c, u⟩/(|c|² − |u|²) it is sin θ (cos θ c + sin θ u).
    /// </summary>
    /// <param name="c">With the condition.</param>
    /// <param name="u">Without it.</param>
    public static Tensor Tangential(Tensor c, Tensor u)
    {
        var theta = 0.5 * atan2(2 * Dot(c, u), Dot(c, c) - Dot(u, u));
        return theta.sin() * (theta.cos() * c + theta.sin() * u);
    }

    /// <summary>A guiding difference shortened where it is longer than r (Sadat et al. 2024, Eq. 8).</summary>
    /// <param name="difference">c − u.</param>
    /// <param name="threshold">r; 0 for no bound.</param>
    /// <param name="dims">The dimensions of a norm; null for all of an image.</param>
    public static Tensor Bounded(Tensor difference, double threshold, long[]? dims = null) =>
        threshold > 0 ? difference * (threshold / Dot(difference, difference, dims).sqrt()).clamp_max(1) : difference.alias();

    /// <summary>A guiding difference of which the part along c, which only adds saturation, counts η (Sadat et al. 2024, section 4.1).</summary>
    /// <param name="difference">c − u.</param>
    /// <param name="c">With the condition.</param>
    /// <param name="eta">η: 1 changes nothing.</param>
    /// <param name="dims">The dimensions of a product; null for all of an image.</param>
    public static Tensor Projected(Tensor difference, Tensor c, double eta, long[]? dims = null)
    {
        var parallel = Dot(difference, c, dims) / Dot(c, c, dims).clamp_min(1e-24) * c;
        return difference - parallel + eta * parallel;
    }

    /// <summary>exp(−a |c − u|/|u|), one number for each image: how much guidance is left where the condition changes much.</summary>
    /// <param name="c">With the condition.</param>
    /// <param name="u">Without it.</param>
    /// <param name="a">How fast it falls.</param>
    public static Tensor Moderation(Tensor c, Tensor u, double a) => (-a * (Dot(c - u, c - u) / Dot(u, u)).sqrt()).exp();

    /// <summary>max(0, s − a (1000 − t)): perturbed-attention guidance that ends before the details (Ahn et al. 2024, as pipelines have it).</summary>
    /// <param name="scale">s.</param>
    /// <param name="adaptive">a.</param>
    /// <param name="time">t in [0, 1000).</param>
    public static double AdaptiveScale(double scale, double adaptive, double time) => adaptive > 0 ? Math.Max(0, scale - adaptive * (1000 - time)) : scale;

    /// <summary>
    /// One DDIM or Euler step of CFG++ (Chung et al. 2024, Algorithm 2): the estimate of x₀ is interpolated between the branches, the noise is the unconditional one:
    /// x' = α' (u + λ(c − u)) + σ' (x − α u)/σ.
    /// </summary>
    /// <param name="c">The estimate of x₀ with the condition.</param>
    /// <param name="u">The estimate without it.</param>
    /// <param name="x">The sample.</param>
    /// <param name="from">Its level.</param>
    /// <param name="to">The level to go to.</param>
    /// <param name="lambda">λ in [0, 1].</param>
    public static Tensor PlusPlusStep(Tensor c, Tensor u, Tensor x, NoiseLevel from, NoiseLevel to, double lambda) =>
        to.Alpha * ClassifierFree(c, u, lambda) + to.Sigma * Estimates.Epsilon(x, u, from);

    /// <summary>
    /// Classifier guidance (Dhariwal and Nichol 2021, Eq. 14) in terms of x₀: x̂₀ + (σ²/α) s ∇ₓ log p(y|x), the classifier having been trained on noisy images.
    /// At α = 0, where x says nothing of the class, x̂₀ stays.
    /// </summary>
    /// <param name="denoise">Estimates x₀ with or without condition.</param>
    /// <param name="logProbability">log p(y|x) of each image, [B], differentiable in x.</param>
    /// <param name="scale">s.</param>
    /// <param name="bound">
    /// The most that (σ²/α) ∇ₓ log p(y|x) = E[x₀|x, y] − E[x₀|x] can be in a number: 2 for pixels in [−1, 1]. A learned gradient exceeds it where α is small.
    /// </param>
    public static Denoiser ByClassifier(Denoiser denoise, Func<Tensor, NoiseLevel, Tensor> logProbability, double scale, double bound = double.PositiveInfinity) => (x, level) =>
        level.Alpha == 0 ? denoise(x, level) : denoise(x, level) + scale * (level.Sigma * level.Sigma / level.Alpha * Gradient(z => logProbability(z, level), x)).clamp(-bound, bound);

    private static Tensor Gradient(Func<Tensor, Tensor> function, Tensor x)
    {
        using var gradients = enable_grad();
        using var scope = NewDisposeScope();
        var z = x.detach().clone().requires_grad_();
        return autograd.grad([function(z).sum()], [z])[0].MoveToOuterDisposeScope();
    }

    private static long[] OfImage(Tensor x) => [.. Enumerable.Range(1, (int)x.dim() - 1).Select(dim => (long)dim)];

    private static Tensor Dot(Tensor a, Tensor b, long[]? dims = null) => (a * b).sum(dims ?? OfImage(a), keepdim: true);

    private static Tensor Deviation(Tensor x) => x.std(OfImage(x), unbiased: true, keepdim: true);
}

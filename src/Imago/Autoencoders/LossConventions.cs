namespace Imago.Autoencoders;

/// <summary>
/// Weights of the KL term in other libraries, and what they mean in Imago's convention: nats summed over pixels and latents of an image, averaged over
/// the batch. Below, D is the number of numbers in an image (channels × height × width) and M the number of latents.
/// </summary>
public static class LossConventions
{
    /// <summary>β·M/D: a weight that compares networks of different sizes (Higgins et al. 2017, section 4.2).</summary>
    public static double NormalisedBeta(double beta, int latents, int imageNumbers) => beta * latents / imageNumbers;

    /// <summary>
    /// A Keras VAE with a mean over pixels of binary cross-entropy and −w·mean over latents of (1 + log σ² − μ² − σ²): multiply the loss by D, then the
    /// KL term is ½Σ(…) times β = 2·w·D/M. With w = 5·10⁻⁴, 28×28 pixels and 2 latents, β = 0.392.
    /// </summary>
    public static double KerasBeta(double weight, int imageNumbers, int latents) => 2 * weight * imageNumbers / latents;

    /// <summary>
    /// A mean over pixels of binary cross-entropy and w·(−½)·<b>sum</b> over latents of (1 + log σ² − μ² − σ²): β = w·D.
    /// </summary>
    public static double MeanCrossEntropyBeta(double weight, int imageNumbers) => weight * imageNumbers;

    /// <summary>
    /// AntixK/PyTorch-VAE: a mean over pixels of the squared error and w times the KL. Half the squared error summed is the Gaussian of unit variance, so
    /// β = w·D/2: with w = 0.00025 and 3×64×64 pixels, 1.536.
    /// </summary>
    public static double PyTorchVaeBeta(double klWeight, int imageNumbers) => klWeight * imageNumbers / 2;

    /// <summary>A library whose reconstruction is the squared error summed without the ½ of a Gaussian of unit variance: β = w/2.</summary>
    public static double SquaredErrorBeta(double klWeight) => klWeight / 2;

    /// <summary>disentangling-vae with <c>rec_dist: gaussian</c>: 255 times the squared error, so that β = w/510 against half the squared error.</summary>
    public static double DisentanglingVaeGaussianBeta(double klWeight) => klWeight / 510;

    /// <summary>A Gaussian of standard deviation σ instead of β: half the squared error over σ² plus KL has the minimum of half the squared error plus β·KL at σ = √β.</summary>
    public static double SigmaOfBeta(double beta) => Math.Sqrt(beta);
}

namespace Imago.Images;

/// <summary>What the numbers of a floating-point picture mean.</summary>
public enum PixelRange
{
    /// <summary>Black is 0, white is 1: what Bernoulli likelihoods and metrics expect.</summary>
    ZeroToOne,

    /// <summary>Black is −1, white is 1: what the Stable Diffusion autoencoders and diffusion models expect.</summary>
    MinusOneToOne,
}

using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Adversarial;

/// <summary>What the two players of a generative adversarial network play for.</summary>
public enum AdversarialGame
{
    /// <summary>Each generated picture against a real one (Jolicoeur-Martineau 2019), as in R3GAN (Huang et al. 2024, Eq. 2): its penalised form has local convergence and no dropped modes.</summary>
    Relativistic,

    /// <summary>The original game with the generator's non-saturating loss (Goodfellow et al. 2014, section 3).</summary>
    NonSaturating,
}

/// <summary>Losses of adversarial games, from scores: large for real, small for generated. Each is a mean over the batch.</summary>
public static class AdversarialLosses
{
    /// <summary>The discriminator's loss.</summary>
    /// <param name="game">The game.</param>
    /// <param name="real">D(x), [B].</param>
    /// <param name="generated">D(G(z)), [B].</param>
    public static Tensor Discriminator(AdversarialGame game, Tensor real, Tensor generated) => game switch
    {
        AdversarialGame.Relativistic => nn.functional.softplus(generated - real).mean(),                                            // −E log σ(D(x) − D(G(z)))
        AdversarialGame.NonSaturating => nn.functional.softplus(-real).mean() + nn.functional.softplus(generated).mean(),           // −E log σ(D(x)) − E log(1 − σ(D(G(z))))
        _ => throw new ArgumentOutOfRangeException(nameof(game), game, "There is no such game."),
    };

    /// <summary>The generator's loss.</summary>
    /// <inheritdoc cref="Discriminator"/>
    public static Tensor Generator(AdversarialGame game, Tensor real, Tensor generated) => game switch
    {
        AdversarialGame.Relativistic => nn.functional.softplus(real - generated).mean(),                                            // −E log σ(D(G(z)) − D(x))
        AdversarialGame.NonSaturating => nn.functional.softplus(-generated).mean(),                                                 // −E log σ(D(G(z)))
        _ => throw new ArgumentOutOfRangeException(nameof(game), game, "There is no such game."),
    };

    /// <summary>E ‖∂D(x)/∂x‖²: R₁ on real pictures, R₂ on generated ones (Mescheder et al. 2018, Eq. 9 and 10, without the factor γ/2).</summary>
    /// <param name="x">Pictures that require gradients, [B, C, H, W].</param>
    /// <param name="scores">D(x), [B].</param>
    public static Tensor GradientPenalty(Tensor x, Tensor scores) =>
        autograd.grad([scores.sum()], [x], retain_graph: true, create_graph: true)[0].square().flatten(1).sum(1).mean();
}

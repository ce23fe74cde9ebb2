using Imago.Data;
using Imago.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Adversarial;

/// <summary>What an adversarial training pursues.</summary>
public sealed record AdversarialObjective
{
    /// <summary>The game.</summary>
    public AdversarialGame Game { get; init; } = AdversarialGame.Relativistic;

    /// <summary>γ: the discriminator pays γ/2 times the squared gradient at real and at generated pictures. 0 for no penalty.</summary>
    public double Gamma { get; init; } = 1;

    /// <summary>Whether generated pictures are penalised too (R₂), which the relativistic game needs to converge.</summary>
    public bool PenalizeGenerated { get; init; } = true;

    /// <summary>Throws when a value is out of range.</summary>
    /// <exception cref="ArgumentException">The message names it.</exception>
    public void Validate()
    {
        if (Gamma is not (>= 0 and < double.PositiveInfinity)) throw new ArgumentOutOfRangeException(nameof(Gamma), Gamma, "The weight of the penalty is 0 or more.");
    }
}

/// <summary>The two players of any adversarial training: whoever makes pictures, and the discriminator that tells them from real ones.</summary>
public static class AdversarialPlay
{
    /// <summary>
    /// L_G of the game for the generator; L_D + γ/2 (R₁ + R₂) for the discriminator. Both see fresh pictures of the generator for the same real batch, the generator first.
    /// </summary>
    /// <param name="objective">Game and penalties.</param>
    /// <param name="generator">The module that learns to make pictures.</param>
    /// <param name="discriminator">Pictures [B, C, H, W] → scores [B].</param>
    /// <param name="pictures">Real pictures and as many generated ones, both float32 in the discriminator's range, with gradients into the generator.</param>
    /// <param name="optimizer">How both change.</param>
    /// <typeparam name="TBatch">What a batch is.</typeparam>
    public static IReadOnlyList<Player<TBatch>> Players<TBatch>(
        AdversarialObjective objective, nn.Module generator, nn.Module<Tensor, Tensor> discriminator, Func<TBatch, StepContext, (Tensor Real, Tensor Generated)> pictures, OptimizerConfig optimizer)
        where TBatch : IBatch
    {
        return [new("generator", generator, GeneratorLoss, optimizer), new("discriminator", discriminator, DiscriminatorLoss, optimizer)];

        LossTerms GeneratorLoss(TBatch batch, StepContext step)
        {
            var (x, g) = pictures(batch, step);
            var (real, generated) = (discriminator.call(x), discriminator.call(g));
            return new LossTerms(AdversarialLosses.Generator(objective.Game, real, generated), [("margin", (real - generated).mean())]);
        }

        LossTerms DiscriminatorLoss(TBatch batch, StepContext step)
        {
            var (x, g) = WithoutGradient(() => pictures(batch, step));
            (x, g) = (x.detach().requires_grad_(objective.Gamma > 0), g.detach().requires_grad_(objective.Gamma > 0 && objective.PenalizeGenerated));
            var (real, generated) = (discriminator.call(x), discriminator.call(g));
            var game = AdversarialLosses.Discriminator(objective.Game, real, generated);
            if (objective.Gamma == 0) return new LossTerms(game, [("game", game)]);
            var r1 = AdversarialLosses.GradientPenalty(x, real);
            var r2 = objective.PenalizeGenerated ? AdversarialLosses.GradientPenalty(g, generated) : zeros_like(r1);
            return new LossTerms(game + objective.Gamma / 2 * (r1 + r2), [("game", game), ("r1", r1), ("r2", r2)]);
        }
    }

    private static T WithoutGradient<T>(Func<T> compute)
    {
        using var noGrad = no_grad();
        return compute();
    }
}

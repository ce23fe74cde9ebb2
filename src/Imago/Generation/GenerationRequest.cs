using Imago.Diffusion;
using Imago.Images;

namespace Imago.Generation;

/// <summary>One picture that is asked for. The same wish gives the same picture, whatever is asked for beside it.</summary>
/// <param name="Seed">Where its noise comes from.</param>
/// <param name="Condition">What it is to be of.</param>
public sealed record PictureWish(long Seed, Condition Condition)
{
    /// <summary>Another wish that this one is on the way to; null for none.</summary>
    public PictureWish? Towards { get; init; }

    /// <summary>How far on that way, 0 to 1: noise along the great circle, encoded conditions along the straight line.</summary>
    public double Share { get; init; }

    /// <summary>Pictures of one condition from consecutive seeds.</summary>
    /// <param name="condition">What they are to be of.</param>
    /// <param name="count">How many.</param>
    /// <param name="seed">Seed of the first.</param>
    public static IReadOnlyList<PictureWish> Many(Condition condition, int count, long seed = 0) => [.. Enumerable.Range(0, count).Select(i => new PictureWish(seed + i, condition))];

    /// <summary>Pictures on the way from one wish to another, both ends included.</summary>
    /// <param name="first">The first.</param>
    /// <param name="last">The last.</param>
    /// <param name="count">How many, at least 2.</param>
    public static IReadOnlyList<PictureWish> Between(PictureWish first, PictureWish last, int count)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 2);
        return [.. Enumerable.Range(0, count).Select(i => first with { Towards = last, Share = i / (count - 1.0) })];
    }
}

/// <summary>A picture that is changed rather than drawn from nothing.</summary>
/// <param name="Picture">The picture; it is brought to the model's size.</param>
public sealed record StartImage(PixelImage Picture)
{
    /// <summary>How much of the way from noise is gone again: 1 for all of it, so that nothing of the picture is left; 0 for none.</summary>
    public double Strength { get; init; } = 0.6;

    /// <summary>
    /// What the picture is of: it is then drawn not from fresh noise but from the noise that the model makes it of under this condition (<see cref="Inversion.OfEuler"/>, unguided).
    /// What the new condition does not change stays. Null for fresh noise.
    /// </summary>
    public Condition? Inverted { get; init; }

    /// <summary>White where the picture is drawn anew, black where it stays exactly as it is; null to draw all anew.</summary>
    public PixelImage? Mask { get; init; }
}

/// <summary>What is to be drawn, and how. What is null is the model's own default.</summary>
public sealed record GenerationRequest
{
    /// <summary>The pictures.</summary>
    public IReadOnlyList<PictureWish> Pictures { get; init; } = [new(0, Condition.None)];

    /// <summary>Name of the method, as in <see cref="Samplers.All"/>. For an inverted picture it is Euler's by default, which the inversion undoes exactly.</summary>
    public string? Sampler { get; init; }

    /// <summary>Steps of a whole run.</summary>
    public int? Steps { get; init; }

    /// <summary>Name of the spacing, as in <see cref="Spacings.All"/>.</summary>
    public string? Spacing { get; init; }

    /// <summary>Scale of classifier-free guidance; 1 for none. By default the model's own for pictures of something, and none for others.</summary>
    public double? Guidance { get; init; }

    /// <summary>The steps at which it acts.</summary>
    public GuidanceInterval GuidanceInterval { get; init; } = GuidanceInterval.Whole;

    /// <summary>φ of <see cref="Diffusion.Guidance.Rescaled"/>; 0 for none.</summary>
    public double Rescale { get; init; }

    /// <summary>A picture to start from.</summary>
    public StartImage? Start { get; init; }

    /// <summary>Moments of each run to keep, evenly spread over its steps; 0 for none.</summary>
    public int Moments { get; init; }

    /// <summary>Pictures that are drawn at once; null for about as many as have a quarter of a million numbers.</summary>
    public int? Batch { get; init; }
}

/// <summary>How a run stood after a step.</summary>
/// <param name="Step">Steps made.</param>
/// <param name="Level">The level reached.</param>
/// <param name="Noisy">What the sampler goes on from.</param>
/// <param name="Estimate">The clean picture that the model saw in it.</param>
public sealed record GenerationMoment(int Step, NoiseLevel Level, PixelImage Noisy, PixelImage Estimate);

/// <summary>A picture that was drawn.</summary>
/// <param name="Wish">What was asked for.</param>
/// <param name="Image">The picture.</param>
/// <param name="Moments">How it came about, if that was asked for.</param>
public sealed record GeneratedPicture(PictureWish Wish, PixelImage Image, IReadOnlyList<GenerationMoment> Moments)
{
    /// <summary>What was drawn in the model's own numbers, [C, H, W] of <see cref="DiffusionModel.Shape"/> one after the other: pixels, or latents for <see cref="LatentEdit"/>.</summary>
    public IReadOnlyList<float> Drawn { get; init; } = [];
}

using Imago.Diffusion;
using Imago.Images;
using static TorchSharp.torch;

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
/// <param name="Picture">The picture; it is brought to the size that is drawn. Null where <see cref="Pixels"/> or <see cref="Latents"/> stand for it.</param>
public sealed record StartImage(PixelImage? Picture)
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

    /// <summary>Draws only the mask's surroundings, so many pixels wide, at the full size, and puts them back; null to draw the whole picture.</summary>
    public int? MaskPadding { get; init; }

    /// <summary>How a picture of another shape is brought to the size; null for the model's own way: stretched for published pipelines, cropped for others.</summary>
    public PictureFit? Fit { get; init; }

    /// <summary>The picture as numbers instead, [1, 3, H, W] in [−1, 1].</summary>
    public Tensor? Pixels { get; init; }

    /// <summary>The picture as the model draws it instead, [B or 1, …]: what <see cref="ImageGenerator.GenerateLatents"/> gave.</summary>
    public Tensor? Latents { get; init; }
}

/// <summary>A third branch of guidance: the network made worse, from which pictures are led away.</summary>
/// <param name="Guidance">How strongly, and when.</param>
public sealed record Perturbation(PerturbationConfig Guidance)
{
    /// <summary>Numbers of a transformer's blocks that it goes without (skip-layer guidance).</summary>
    public IReadOnlyCollection<int>? SkippedBlocks { get; init; }

    /// <summary>Regular expressions of names of a U-Net's layers whose self-attention sees no other place (perturbed-attention guidance): <c>mid</c>, <c>down_blocks.1</c>, ….</summary>
    public IReadOnlyCollection<string>? PerturbedLayers { get; init; }

    /// <summary>Numbers of a transformer's blocks in which no place of the image sees another one (perturbed-attention guidance).</summary>
    public IReadOnlyCollection<int>? PerturbedBlocks { get; init; }
}

/// <summary>What is to be drawn, and how. What is null is the model's own default.</summary>
public sealed record GenerationRequest
{
    /// <summary>The pictures.</summary>
    public IReadOnlyList<PictureWish> Pictures { get; init; } = [new(0, Condition.None)];

    /// <summary>Rows of the pictures; null for the model's own, or those of the picture that a run of a published pipeline starts from.</summary>
    public int? Height { get; init; }

    /// <summary>Columns of the pictures; null as for <see cref="Height"/>.</summary>
    public int? Width { get; init; }

    /// <summary>Name of the method, as in <see cref="Samplers.All"/>, or <c>scheduler</c> for the one that the model was published with. For an inverted picture it is Euler's by default, which the inversion undoes exactly.</summary>
    public string? Sampler { get; init; }

    /// <summary>A scheduler as diffusers writes it, in place of method and spacing.</summary>
    public SchedulerConfig? Scheduler { get; init; }

    /// <summary>The timesteps of a scheduler, in place of a number of steps.</summary>
    public IReadOnlyList<double>? Timesteps { get; init; }

    /// <summary>The σ of a scheduler, in place of a number of steps.</summary>
    public IReadOnlyList<double>? Sigmas { get; init; }

    /// <summary>η of DDIM or γ of TCD, where the scheduler is one of these.</summary>
    public double? Eta { get; init; }

    /// <summary>The share of the noise that is taken away before the run ends, so that another model can go on; null for all of it.</summary>
    public double? DenoisingEnd { get; init; }

    /// <summary>The share of the noise that another model has taken away already from <see cref="StartImage.Latents"/>; null where the start is to be noised.</summary>
    public double? DenoisingStart { get; init; }

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

    /// <summary>Guidance away from the network made worse.</summary>
    public IReadOnlyList<Perturbation> Perturbations { get; init; } = [];

    /// <summary>Whose random numbers seeds stand for.</summary>
    public NoiseKind NoiseKind { get; init; }

    /// <summary>Random numbers of one's own for a batch of wishes, in place of those of their seeds.</summary>
    public Func<IReadOnlyList<PictureWish>, RunNoise>? Noise { get; init; }

    /// <summary>Told after every step how each batch stands: for previews. It must be quick, for the run waits.</summary>
    public Action<GenerationStep>? OnStep { get; init; }

    /// <summary>Put around the guided denoiser: to watch what it estimates, or to change it.</summary>
    public Func<Denoiser, Denoiser>? Around { get; init; }

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

/// <summary>How a batch stands after a step. The tensors belong to the run; keep copies.</summary>
/// <param name="Wishes">What is drawn.</param>
/// <param name="Step">Steps made.</param>
/// <param name="Steps">Steps of the run.</param>
/// <param name="Level">The level reached.</param>
/// <param name="Sample">What the sampler goes on from, [B, …].</param>
/// <param name="Estimate">What the model saw in it, [B, …].</param>
public sealed record GenerationStep(IReadOnlyList<PictureWish> Wishes, int Step, int Steps, NoiseLevel Level, Tensor Sample, Tensor Estimate);

/// <summary>A picture that was drawn.</summary>
/// <param name="Wish">What was asked for.</param>
/// <param name="Image">The picture.</param>
/// <param name="Moments">How it came about, if that was asked for.</param>
public sealed record GeneratedPicture(PictureWish Wish, PixelImage Image, IReadOnlyList<GenerationMoment> Moments)
{
    /// <summary>What was drawn in the model's own numbers, [C, H, W] of <see cref="DiffusionModel.Shape"/> one after the other: pixels, or latents for <see cref="LatentEdit"/>.</summary>
    public IReadOnlyList<float> Drawn { get; init; } = [];
}

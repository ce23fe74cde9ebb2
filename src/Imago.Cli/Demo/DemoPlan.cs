namespace Imago.Cli.Demo;

/// <summary>How much the demo does. Everything follows from the minutes, never from the clock, so that a seed gives the same page.</summary>
/// <param name="Minutes">About how long it takes on two cores.</param>
/// <param name="Seed">Of faces, weights and noise.</param>
/// <param name="Folder">Where the page goes.</param>
internal sealed record DemoPlan(double Minutes, long Seed, string Folder)
{
    internal const double DefaultMinutes = 4;

    /// <summary>Side of the pictures, in pixels.</summary>
    internal const int Size = 64;

    internal const int Latents = 32;

    internal const int BatchSize = 32;

    /// <summary>λ of the VAE of the story.</summary>
    internal const double Lambda = 20;

    /// <summary>The weights that are compared: too small, right, too large.</summary>
    internal static IReadOnlyList<double> Lambdas { get; } = [0.5, Lambda, 400];

    /// <summary>Faces to learn from.</summary>
    internal int Faces => Math.Clamp((int)(3000 * Minutes), 500, 60_000);

    /// <summary>Faces held out.</summary>
    internal int HeldOut => Math.Clamp((int)(250 * Minutes), 100, 2000);

    /// <summary>Training steps of the autoencoder and of the VAE.</summary>
    internal long Steps => Scaled(1450);

    /// <summary>Training steps of each of the models whose λ are compared.</summary>
    internal long LambdaSteps => Scaled(400);

    /// <summary>Training steps of the network that measures smiles.</summary>
    internal long JudgeSteps => Scaled(450);

    /// <summary>Training steps of the denoiser of codes, and of that of pixels: about equally long.</summary>
    internal long CodeSteps => Scaled(950);

    /// <inheritdoc cref="CodeSteps"/>
    internal long PixelSteps => Scaled(950);

    /// <summary>Faces that the denoiser of codes sees in a step; they are small.</summary>
    internal const int CodeBatch = 128;

    /// <summary>Faces that the denoiser of pixels sees in a step.</summary>
    internal const int PixelBatch = 16;

    /// <summary>Faces that are drawn to compare ways of drawing.</summary>
    internal int Judged => Math.Clamp((int)(64 * Minutes), 24, 256);

    private long Scaled(double atDefault) => Math.Max(20, (long)(atDefault * Minutes / DefaultMinutes));
}

namespace Imago.Diffusion;

/// <summary>
/// Levels that were optimised for published networks, ten steps each (Align Your Steps, Sabour et al. 2024, as published). σ is σ/α of the process; the lists of
/// σ end at the clean image.
/// </summary>
public static class AlignYourSteps
{
    /// <summary>Training steps for Stable Diffusion 1.5.</summary>
    public static IReadOnlyList<int> StableDiffusionTimesteps { get; } = [999, 850, 736, 645, 545, 455, 343, 233, 124, 24];

    /// <summary>σ for Stable Diffusion 1.5.</summary>
    public static IReadOnlyList<double> StableDiffusionSigmas { get; } = [14.615, 6.475, 3.861, 2.697, 1.886, 1.396, 0.963, 0.652, 0.399, 0.152, 0];

    /// <summary>Training steps for SDXL.</summary>
    public static IReadOnlyList<int> StableDiffusionXLTimesteps { get; } = [999, 845, 730, 587, 443, 310, 193, 116, 53, 13];

    /// <summary>σ for SDXL.</summary>
    public static IReadOnlyList<double> StableDiffusionXLSigmas { get; } = [14.615, 6.315, 3.771, 2.181, 1.342, 0.862, 0.555, 0.38, 0.234, 0.113, 0];

    /// <summary>σ for Stable Video Diffusion.</summary>
    public static IReadOnlyList<double> StableVideoDiffusionSigmas { get; } = [700, 54.5, 15.886, 7.977, 4.248, 1.789, 0.981, 0.403, 0.173, 0.034, 0];
}

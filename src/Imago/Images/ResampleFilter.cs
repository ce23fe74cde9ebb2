namespace Imago.Images;

/// <summary>A resampling kernel: a weight for each distance from the centre, in pixels of the coarser grid.</summary>
/// <param name="Name">What it is called: <c>bicubic</c>.</param>
/// <param name="Radius">Distance from which on the weight is zero.</param>
/// <param name="Weight">The weight at a distance.</param>
/// <remarks>The kernels are those of Pillow, so that metrics which prescribe "Pillow bicubic" get it.</remarks>
public sealed record ResampleFilter(string Name, double Radius, Func<double, double> Weight)
{
    /// <summary>Mean over the area that a pixel covers.</summary>
    public static ResampleFilter Box { get; } = new("box", 0.5, x => x is > -0.5 and <= 0.5 ? 1 : 0);

    /// <summary>The triangle: linear interpolation, averaged when the picture shrinks.</summary>
    public static ResampleFilter Bilinear { get; } = new("bilinear", 1, x => Math.Max(0, 1 - Math.Abs(x)));

    /// <summary>The sinc windowed by a Hamming window, one lobe wide.</summary>
    public static ResampleFilter Hamming { get; } = new("hamming", 1, x => Math.Abs(x) >= 1 ? 0 : Sinc(x) * (0.54 + 0.46 * Math.Cos(Math.PI * x)));

    /// <summary>Keys' cubic (1981) with a = −1/2.</summary>
    public static ResampleFilter Bicubic { get; } = new("bicubic", 2, x => Cubic(Math.Abs(x)));

    /// <summary>The sinc windowed by its own central lobe, three lobes wide.</summary>
    public static ResampleFilter Lanczos { get; } = new("lanczos", 3, x => x is >= -3 and < 3 ? Sinc(x) * Sinc(x / 3) : 0);

    /// <summary>No kernel: the source pixel that the middle of the target pixel lies in.</summary>
    public static ResampleFilter Nearest { get; } = new("nearest", 0, _ => 1);

    /// <summary>Every kernel.</summary>
    public static IReadOnlyList<ResampleFilter> All { get; } = [Box, Bilinear, Hamming, Bicubic, Lanczos];

    // (a + 2)|x|³ − (a + 3)x² + 1 up to 1; a|x|³ − 5a x² + 8a|x| − 4a up to 2.
    private static double Cubic(double x) => x switch
    {
        < 1 => (1.5 * x - 2.5) * x * x + 1,
        < 2 => -0.5 * (((x - 5) * x + 8) * x - 4),
        _ => 0,
    };

    private static double Sinc(double x) => x == 0 ? 1 : Math.Sin(Math.PI * x) / (Math.PI * x);
}

namespace Imago.Data.Faces;

/// <summary>
/// Everything that decides a portrait; each factor can be set by itself (<c>factors with { Smile = 1 }</c>) and changes only its own part
/// of the picture. Left and right are the viewer's. The default is a plain, neutral face.
/// </summary>
/// <remarks>
/// Ranges, names and distributions are in <see cref="FaceAttributes.All"/>; values outside the ranges are refused by <see cref="FacePainter"/>.
/// </remarks>
public sealed record FaceFactors
{
    /// <summary>Mouth: -1 a deep frown, 0 level, from about 0.3 on it opens, 1 an open grin with teeth.</summary>
    public double Smile { get; init; }

    /// <summary>How far the lids are open: 0.5 sleepy, 1 wide.</summary>
    public double EyeOpenness { get; init; } = 0.8;

    /// <summary>Size of the eyes, as a multiple of the average: 0.85 to 1.15.</summary>
    public double EyeSize { get; init; } = 1;

    /// <summary>Colour of the iris.</summary>
    public EyeColor EyeColor { get; init; }

    /// <summary>Where the eyes look: -1 far left, 1 far right.</summary>
    public double GazeX { get; init; }

    /// <summary>Where the eyes look: -1 up, 1 down.</summary>
    public double GazeY { get; init; }

    /// <summary>Height of the brows: -1 lowered, 1 raised.</summary>
    public double BrowHeight { get; init; }

    /// <summary>Slope of the brows: -1 inner ends down (angry), 1 inner ends up (worried).</summary>
    public double BrowAngle { get; init; }

    /// <summary>Roll of the head in degrees, clockwise positive: -10 to 10.</summary>
    public double HeadTilt { get; init; }

    /// <summary>Yaw of the head in degrees, towards the right positive: -20 to 20.</summary>
    public double HeadTurn { get; init; }

    /// <summary>Width of the head: -1 narrow, 1 wide.</summary>
    public double FaceWidth { get; init; }

    /// <summary>Shape of the jaw: -1 pointed, 1 square.</summary>
    public double Jaw { get; init; }

    /// <summary>Skin: 0 fair, 1 very dark.</summary>
    public double SkinTone { get; init; } = 0.3;

    /// <summary>How the face presents.</summary>
    public FacePresentation Presentation { get; init; }

    /// <summary>Cut of the hair.</summary>
    public HairStyle HairStyle { get; init; } = HairStyle.Swept;

    /// <summary>Colour of hair, brows and beard.</summary>
    public HairColor HairColor { get; init; } = HairColor.Brown;

    /// <summary>Spectacles.</summary>
    public Glasses Glasses { get; init; }

    /// <summary>Hair of the lower face.</summary>
    public Beard Beard { get; init; }

    /// <summary>Where the light stands: -1 left, 0 above, 1 right.</summary>
    public double LightX { get; init; } = -0.5;

    /// <summary>Colour of the light: -1 cool, 1 warm.</summary>
    public double LightWarmth { get; init; }

    /// <summary>Colour behind the head.</summary>
    public Background Background { get; init; }

    /// <summary>Brightness of the background: -1 deeper, 1 paler.</summary>
    public double BackgroundShade { get; init; }

    /// <summary>What is worn.</summary>
    public Clothing Clothing { get; init; }

    /// <summary>Colour of the clothing.</summary>
    public ClothingColor ClothingColor { get; init; } = ClothingColor.Blue;

    /// <summary>The factors of face number <paramref name="index"/> under <paramref name="seed"/>; the same on every platform.</summary>
    /// <remarks>
    /// All factors are independent, with one exception: only men are drawn with a <see cref="Beard"/>
    /// (set it on any face with a <c>with</c> expression).
    /// </remarks>
    public static FaceFactors Draw(ulong seed, long index)
    {
        FactorRandom random = new(seed, index);
        FaceFactors factors = new();
        for (int k = 0; k < FaceAttributes.All.Count; k++)
            factors = FaceAttributes.All[k].Set(factors, FaceAttributes.All[k].Quantile(random.Uniform(k)));
        return factors.Presentation == FacePresentation.Woman ? factors with { Beard = Beard.None } : factors;
    }
}

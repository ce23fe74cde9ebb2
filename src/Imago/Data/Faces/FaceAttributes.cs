namespace Imago.Data.Faces;

/// <summary>One factor of <see cref="FaceFactors"/> as a number: its name and range, how to read and set it, how it is distributed.</summary>
public sealed class FaceAttribute
{
    private FaceAttribute(
        ImageAttribute attribute, Func<FaceFactors, double> get, Func<FaceFactors, double, FaceFactors> set, Func<double, double> quantile)
    {
        Attribute = attribute;
        Get = get;
        Set = set;
        Quantile = quantile;
    }

    /// <summary>Name, range, names of the values of a choice, description.</summary>
    public ImageAttribute Attribute { get; }

    /// <summary>The factor's value; for a choice its number.</summary>
    public Func<FaceFactors, double> Get { get; }

    /// <summary>The same face with the factor set; a choice is rounded to the nearest value.</summary>
    public Func<FaceFactors, double, FaceFactors> Set { get; }

    /// <summary>The inverse distribution function, of u in [0, 1), by which <see cref="FaceFactors.Draw"/> chooses the value.</summary>
    public Func<double, double> Quantile { get; }

    /// <summary>A quantity, uniform in each half of its range; the fraction <paramref name="below"/> of the faces lies in the lower half.</summary>
    internal static FaceAttribute Quantity(
        string name, double minimum, double maximum, string description, Func<FaceFactors, double> get,
        Func<FaceFactors, double, FaceFactors> set, double below = 0.5)
    {
        double half = (maximum - minimum) / 2;
        double Quantile(double u) => u < below ? minimum + (half * u / below) : maximum - (half * (1 - u) / (1 - below));
        return new FaceAttribute(new ImageAttribute(name, minimum, maximum, [], description), get, set, Quantile);
    }

    /// <summary>A choice whose values have the given relative weights.</summary>
    internal static FaceAttribute Choice<T>(
        string name, string description, Func<FaceFactors, T> get, Func<FaceFactors, T, FaceFactors> set, params double[] weights)
        where T : struct, Enum
    {
        string[] values = [.. Enum.GetNames<T>().Select(v => v.ToLowerInvariant())];
        double total = weights.Sum(), sum = 0;
        double[] cumulative = [.. weights.Select(w => (sum += w) / total)];
        return new FaceAttribute(
            new ImageAttribute(name, 0, values.Length - 1, values, description),
            f => Convert.ToInt32(get(f), System.Globalization.CultureInfo.InvariantCulture),
            (f, v) => set(f, (T)Enum.ToObject(typeof(T), (int)Math.Round(v))),
            u => cumulative.TakeWhile(c => c <= u).Count());
    }
}

/// <summary>The catalogue of the factors of a face; a factor is added here and in <see cref="FaceFactors"/>.</summary>
public static class FaceAttributes
{
    /// <summary>All factors; the order is that of <see cref="ImageItem.Attributes"/> and numbers the random draws, so new ones go last.</summary>
    public static IReadOnlyList<FaceAttribute> All { get; } =
    [
        FaceAttribute.Quantity("smile", -1, 1, "mouth: -1 frown, 0 level, 1 open grin with teeth", f => f.Smile, (f, v) => f with { Smile = v }, below: 0.36),
        FaceAttribute.Quantity("eye_openness", 0.5, 1, "lids: 0.5 sleepy, 1 wide open", f => f.EyeOpenness, (f, v) => f with { EyeOpenness = v }),
        FaceAttribute.Quantity("eye_size", 0.85, 1.15, "size of the eyes, times the average", f => f.EyeSize, (f, v) => f with { EyeSize = v }),
        FaceAttribute.Choice("eye_color", "colour of the iris", f => f.EyeColor, (f, v) => f with { EyeColor = v }, 2, 1, 1),
        FaceAttribute.Quantity("gaze_x", -1, 1, "eyes look to the viewer's -1 left … 1 right", f => f.GazeX, (f, v) => f with { GazeX = v }),
        FaceAttribute.Quantity("gaze_y", -1, 1, "eyes look -1 up … 1 down", f => f.GazeY, (f, v) => f with { GazeY = v }),
        FaceAttribute.Quantity("brow_height", -1, 1, "brows: -1 lowered … 1 raised", f => f.BrowHeight, (f, v) => f with { BrowHeight = v }),
        FaceAttribute.Quantity("brow_angle", -1, 1, "brows: inner ends -1 down … 1 up", f => f.BrowAngle, (f, v) => f with { BrowAngle = v }),
        FaceAttribute.Quantity("head_tilt", -10, 10, "roll of the head, degrees clockwise", f => f.HeadTilt, (f, v) => f with { HeadTilt = v }),
        FaceAttribute.Quantity("head_turn", -20, 20, "yaw of the head, degrees to the viewer's right", f => f.HeadTurn, (f, v) => f with { HeadTurn = v }),
        FaceAttribute.Quantity("face_width", -1, 1, "head: -1 narrow … 1 wide", f => f.FaceWidth, (f, v) => f with { FaceWidth = v }),
        FaceAttribute.Quantity("jaw", -1, 1, "jaw: -1 pointed … 1 square", f => f.Jaw, (f, v) => f with { Jaw = v }),
        FaceAttribute.Quantity("skin_tone", 0, 1, "skin: 0 fair … 1 very dark", f => f.SkinTone, (f, v) => f with { SkinTone = v }),
        FaceAttribute.Choice("presentation", "how the face presents", f => f.Presentation, (f, v) => f with { Presentation = v }, 1, 1),
        FaceAttribute.Choice("hair_style", "cut of the hair", f => f.HairStyle, (f, v) => f with { HairStyle = v }, 2, 3, 5, 4, 4, 4, 4, 4, 4, 4, 4, 4),
        FaceAttribute.Choice("hair_color", "colour of hair, brows and beard", f => f.HairColor, (f, v) => f with { HairColor = v }, 5, 5, 4, 4, 2, 2, 2),
        FaceAttribute.Choice("glasses", "spectacles", f => f.Glasses, (f, v) => f with { Glasses = v }, 3, 1, 1),
        FaceAttribute.Choice("beard", "hair of the lower face (men only)", f => f.Beard, (f, v) => f with { Beard = v }, 5, 2, 2, 3),
        FaceAttribute.Quantity("light_x", -1, 1, "light from -1 left, 0 above, 1 right", f => f.LightX, (f, v) => f with { LightX = v }),
        FaceAttribute.Quantity("light_warmth", -1, 1, "light: -1 cool … 1 warm", f => f.LightWarmth, (f, v) => f with { LightWarmth = v }),
        FaceAttribute.Choice("background", "colour behind the head", f => f.Background, (f, v) => f with { Background = v }, 1, 1, 1, 1, 1, 1, 1),
        FaceAttribute.Quantity("background_shade", -1, 1, "background: -1 deeper … 1 paler", f => f.BackgroundShade, (f, v) => f with { BackgroundShade = v }),
        FaceAttribute.Choice("clothing", "what is worn", f => f.Clothing, (f, v) => f with { Clothing = v }, 1, 1, 1),
        FaceAttribute.Choice("clothing_color", "colour of the clothing", f => f.ClothingColor, (f, v) => f with { ClothingColor = v }, 1, 1, 1, 1, 1, 1, 1),
    ];
}

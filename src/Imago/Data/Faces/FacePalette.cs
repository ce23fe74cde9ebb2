using SkiaSharp;

namespace Imago.Data.Faces;

/// <summary>The colours of one portrait, tinted by its light.</summary>
internal sealed class FacePalette
{
    private static readonly uint[] _skins = [0xFFE4D2, 0xF8CBA8, 0xE3A87E, 0xBE7F50, 0x8A5433, 0x5C3724];
    private static readonly uint[] _hairs = [0x2B2530, 0x70462A, 0xC4532B, 0xEBC06C, 0xB9B6BF, 0xEF87AB, 0x4B80D2];
    private static readonly uint[] _irises = [0x6A3F22, 0x3F8FD6, 0x4A9A55];
    private static readonly uint[] _clothes = [0xD9524E, 0x3E6FB6, 0x4D9769, 0xF0B63E, 0xF4F0EA, 0x33333E, 0x7B58A9];
    private static readonly uint[] _backgrounds = [0x86C1E9, 0x96D1A0, 0xF7D873, 0xF6B3C4, 0xB8A1E2, 0xF8B076, 0xC3CAD3];

    private readonly double _warmth;
    private readonly double _lightX;

    internal FacePalette(FaceFactors f)
    {
        _warmth = f.LightWarmth;
        _lightX = f.LightX;
        Skin = Tint(Ramp(_skins, f.SkinTone));
        SkinShade = Shade(Skin, 1);
        SkinLine = Mix(Shade(Skin, 1.6), Rgb(0x40181C), 0.35);
        SkinLight = Mix(Skin, Tint(Rgb(0xFFF3E2)), 0.35);
        Blush = Mix(Skin, Tint(Rgb(0xE8453F)), 0.55);
        Lip = Mix(Skin, Tint(Mix(Rgb(0xB0303F), Rgb(0xE0606C), f.SkinTone)), f.Presentation == FacePresentation.Woman ? 0.72 : 0.38);
        Hair = Tint(Rgb(_hairs[(int)f.HairColor]));
        HairShade = Shade(Hair, 1.1);
        HairLight = Mix(Hair, Tint(Rgb(0xFFF0D8)), f.HairColor == HairColor.Black ? 0.22 : 0.38);
        Brow = Mix(Hair, Rgb(0x241A1C), 0.45);
        Beard = Apart(Mix(Hair, Rgb(0x241A1C), 0.30), Skin);
        Stubble = Mix(Beard, Rgb(0x7C7C86), 0.4);
        Iris = Tint(Rgb(_irises[(int)f.EyeColor]));
        EyeWhite = Tint(Rgb(0xFCFAF6));
        Ink = Rgb(0x2A1C22);
        Cloth = Tint(Rgb(_clothes[(int)f.ClothingColor]));
        Backdrop = Mix(
            Rgb(_backgrounds[(int)f.Background]), f.BackgroundShade < 0 ? Rgb(0x3A3550) : SKColors.White, Math.Abs(f.BackgroundShade) * 0.28);
    }

    internal SKColor Skin { get; }

    internal SKColor SkinShade { get; }

    internal SKColor SkinLine { get; }

    internal SKColor SkinLight { get; }

    internal SKColor Blush { get; }

    internal SKColor Lip { get; }

    internal SKColor Hair { get; }

    internal SKColor HairShade { get; }

    internal SKColor HairLight { get; }

    internal SKColor Brow { get; }

    internal SKColor Beard { get; }

    internal SKColor Stubble { get; }

    internal SKColor Iris { get; }

    internal SKColor EyeWhite { get; }

    internal SKColor Ink { get; }

    internal SKColor Cloth { get; }

    internal SKColor Backdrop { get; }

    /// <summary>A colour under this portrait's light.</summary>
    internal SKColor Tint(SKColor c) => new(Byte(c.Red * (1 + (0.03 * _warmth))), c.Green, Byte(c.Blue * (1 - (0.09 * _warmth))), c.Alpha);

    /// <summary>A gradient across a form of the given centre and radius, from the lit side over the colour itself to the shaded side.</summary>
    internal SKShader Lit(SKColor color, double x, double y, double radius, double depth = 1)
    {
        double norm = Math.Sqrt((_lightX * _lightX) + 0.5), dx = _lightX / norm * radius, dy = -Math.Sqrt(0.5) / norm * radius;
        return SKShader.CreateLinearGradient(
            new SKPoint((float)(x + dx), (float)(y + dy)),
            new SKPoint((float)(x - dx), (float)(y - dy)),
            [Mix(color, Tint(Rgb(0xFFF6E8)), 0.20 * depth), color, color, Shade(color, 0.85 * depth)],
            [0, 0.32f, 0.6f, 1],
            SKShaderTileMode.Clamp);
    }

    /// <summary>The colour in shadow: darker and a little warmer; <paramref name="amount"/> 1 is the usual shadow.</summary>
    internal static SKColor Shade(SKColor c, double amount) => new(
        Byte(c.Red * (1 - (0.20 * amount))), Byte(c.Green * (1 - (0.29 * amount))), Byte(c.Blue * (1 - (0.27 * amount))), c.Alpha);

    internal static SKColor Mix(SKColor a, SKColor b, double t) => new(
        Byte(a.Red + ((b.Red - a.Red) * t)), Byte(a.Green + ((b.Green - a.Green) * t)), Byte(a.Blue + ((b.Blue - a.Blue) * t)));

    internal static SKColor Rgb(uint rgb) => new(0xFF000000 | rgb);

    /// <summary>The colour, darkened where it is about as bright as what it lies on, so that it can be told from it.</summary>
    private static SKColor Apart(SKColor c, SKColor ground)
    {
        double difference = Math.Abs(Luma(c) - Luma(ground));
        return Mix(c, Rgb(0x0C080A), 0.65 * Math.Max(0, 1 - (difference / 60)));
    }

    private static double Luma(SKColor c) => (0.30 * c.Red) + (0.59 * c.Green) + (0.11 * c.Blue);

    private static SKColor Ramp(uint[] colors, double t)
    {
        double position = t * (colors.Length - 1);
        int i = Math.Min((int)position, colors.Length - 2);
        return Mix(Rgb(colors[i]), Rgb(colors[i + 1]), position - i);
    }

    private static byte Byte(double v) => (byte)Math.Clamp((int)(v + 0.5), 0, 255);
}

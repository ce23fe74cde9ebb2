using SkiaSharp;

namespace Imago.Data.Faces;

/// <summary>
/// One portrait on a canvas of 100 × 100 units, from the back to the front. The head has coordinates of its own: origin between the
/// cheeks, y down, the top of the skull at -31 and the chin at 31. The face turns about its vertical axis as on a sphere of its half-width,
/// but less far, since the outline does not turn with it.
/// </summary>
internal sealed partial class FaceDrawing(FaceFactors f, Sketch s)
{
    private const double CenterX = 50;
    private const double CenterY = 49;
    private const double Scale = 1.06;
    private const double Top = -31;
    private const double EyeY = -1;
    private const double MouthY = 18.4;

    private readonly FacePalette _p = new(f);
    private readonly double _r = 24.3 + (1.9 * f.FaceWidth);
    private readonly double _turn = 0.7 * f.HeadTurn * Math.PI / 180;
    private readonly bool _woman = f.Presentation == FacePresentation.Woman;

    /// <summary>Where the middle of the face goes when the head turns, at the depth of the eyes and mouth.</summary>
    private double Shift => AcrossTurn(0);

    internal void Draw()
    {
        DrawBackdrop();
        InHead(DrawHairBehind);
        DrawBody();
        InHead(() =>
        {
            DrawEars();
            DrawHead();
            DrawBeard();
            DrawMouth();
            DrawNose();
            DrawEyes();
            DrawHairInFront();
            DrawBrows();
            DrawGlasses();
        });
    }

    /// <summary>x of a point of the face at fraction <paramref name="u"/> of the half-width, after the turn.</summary>
    private double AcrossTurn(double u) => _r * Math.Sin(Math.Asin(u) + _turn);

    /// <summary>How much narrower things look there than without the turn.</summary>
    private double Foreshortening(double u) => Math.Cos(Math.Asin(u) + _turn) / Math.Cos(Math.Asin(u));

    private void InHead(Action draw)
    {
        s.Canvas.Save();
        s.Canvas.RotateDegrees((float)f.HeadTilt, (float)CenterX, 86);
        s.Canvas.Translate((float)CenterX, (float)CenterY);
        s.Canvas.Scale((float)Scale);
        draw();
        s.Canvas.Restore();
    }

    private void DrawBackdrop()
    {
        SKColor c = _p.Backdrop;
        s.Move(0, 0).Line(100, 0).Line(100, 100).Line(0, 100).Close().Fill(SKShader.CreateLinearGradient(
            new SKPoint(0, 0), new SKPoint(30, 100), [FacePalette.Mix(c, SKColors.White, 0.12), FacePalette.Shade(c, 0.35)], SKShaderTileMode.Clamp));
        s.Oval(50, 50, 45, 45).Fill(FacePalette.Mix(c, SKColors.White, 0.30));
    }

    private void DrawBody()
    {
        double w = _woman ? 8.6 : 11.2, shoulder = _woman ? 37 : 42;
        SKColor neck = FacePalette.Shade(_p.Skin, 0.55);
        s.Move(50 - w, 68).Line(50 + w, 68).Curve(50 + w, 84, 50 + w + 1, 87, 50 + w + 9, 97).Line(50 - w - 9, 97)
            .Curve(50 - w - 1, 87, 50 - w, 84, 50 - w, 68)
            .Close().Fill(_p.Lit(neck, 50, 80, 14));
        using SKPath body = s
            .Move(50 - w - 1.5, 85.5).Curve(50 - w - 5, 87.5, 50 - shoulder + 4, 88, 50 - shoulder, 100.5)
            .Line(50 + shoulder, 100.5).Curve(50 + shoulder - 4, 88, 50 + w + 5, 87.5, 50 + w + 1.5, 85.5)
            .Quad(50, f.Clothing == Clothing.Turtleneck ? 88 : 98, 50 - w - 1.5, 85.5).Close().Take();
        s.Fill(body, _p.Lit(_p.Cloth, 50, 96, 30));
        switch (f.Clothing)
        {
            case Clothing.Tee:
                s.Move(50 - w - 1.5, 85.5).Quad(50, 98, 50 + w + 1.5, 85.5).Stroke(FacePalette.Shade(_p.Cloth, 0.9), 1.6);
                break;
            case Clothing.Shirt:
                DrawCollar(w);
                break;
            case Clothing.Turtleneck:
                s.Move(50 - w - 1.5, 81).Quad(50, 85.5, 50 + w + 1.5, 81).Line(50 + w + 2.5, 89).Quad(50, 94, 50 - w - 2.5, 89).Close()
                    .Fill(_p.Lit(FacePalette.Mix(_p.Cloth, SKColors.White, 0.08), 50, 87, 14));
                s.Move(50 - w - 2.5, 89).Quad(50, 94, 50 + w + 2.5, 89).Stroke(FacePalette.Shade(_p.Cloth, 1), 0.9);
                break;
        }
    }

    private void DrawCollar(double w)
    {
        SKColor collar = FacePalette.Mix(_p.Cloth, SKColors.White, 0.18), edge = FacePalette.Shade(_p.Cloth, 0.9);
        s.Move(50, 93).Line(50, 101).Stroke(edge, 0.9);
        foreach (int side in Sides)
        {
            using SKPath flap = s.Move(50 + (side * (w + 0.5)), 83).Line(50 + (side * (w + 4.5)), 86.5).Line(50 + (side * (w - 1)), 97)
                .Line(50 + (side * 0.2), 92.5).Quad(50 + (side * (w - 2)), 90, 50 + (side * (w + 0.5)), 83).Close().Take();
            s.Fill(flap, collar);
            s.Move(50 + (side * (w + 4.5)), 86.5).Line(50 + (side * (w - 1)), 97).Line(50 + (side * 0.2), 92.5).Stroke(edge, 0.8);
        }
    }

    private void DrawEars()
    {
        foreach (int side in Sides)
        {
            double x = (side * (_r + 0.6)) - (0.13 * Shift);
            s.Oval(x, 2.5, 4.3, 6.4).Fill(_p.Lit(_p.Skin, x, 2.5, 9));
            s.Oval(x + (side * 0.5), 2.8, 2.2, 3.9).Fill(_p.SkinShade);
            if (_woman)
                s.Oval(x + (side * 0.6), 9.6, 1.5, 1.5).Fill(_p.Tint(FacePalette.Rgb(0xF2C14E)));
        }
    }

    private SKPath HeadOutline(double grow = 0)
    {
        double r = _r + grow, jaw = _r * (0.76 + (0.13 * f.Jaw) + (_woman ? -0.03 : 0.04)), chin = 0.5 * Shift, bottom = 31 + grow;
        return s.Move(0, Top - grow)
            .Curve(r * 0.60, Top - grow, r, -22, r, -5)
            .Curve(r, 6, jaw + 3 + (chin * 0.3) + grow, 15, jaw + (chin * 0.5) + (grow * 0.5), 20)
            .Curve(jaw * 0.80 + (chin * 0.8), 27.5 + (grow * 0.5), jaw * 0.42 + chin, bottom, chin, bottom)
            .Curve(-jaw * 0.42 + chin, bottom, -jaw * 0.80 + (chin * 0.8), 27.5 + (grow * 0.5), -jaw + (chin * 0.5) - (grow * 0.5), 20)
            .Curve(-jaw - 3 + (chin * 0.3) - grow, 15, -r, 6, -r, -5)
            .Curve(-r, -22, -r * 0.60, Top - grow, 0, Top - grow)
            .Close().Take();
    }

    private void DrawHead()
    {
        using SKPath head = HeadOutline();
        s.Canvas.Save();
        s.Canvas.ClipRect(new SKRect(-14, 20, 14, 45));
        s.Oval(0.15 * Shift, 27, 14, 9.5).Fill(FacePalette.Shade(_p.Skin, 1.15));
        s.Canvas.Restore();
        s.Fill(head, _p.Lit(_p.Skin, 0, 0, 31));
        s.Within(head, () =>
        {
            foreach (int side in Sides)
                s.Glow(AcrossTurn(side * 0.60), 10.5, 8 * Foreshortening(side * 0.60), 6.2, _p.Blush.WithAlpha(125));
            s.Glow(Shift + (f.LightX * 5), -16, 15, 8, _p.SkinLight.WithAlpha(120));
            if (f.HairStyle != HairStyle.Bald)
                DrawHairShadow();
        });
    }

    private void DrawHairShadow() =>
        s.Move(-30, Top).Line(30, Top).Line(30, -9).Line(-30, -9).Close().Fill(SKShader.CreateLinearGradient(
            new SKPoint(0, -21), new SKPoint(0, -9), [_p.SkinShade.WithAlpha(190), _p.SkinShade.WithAlpha(0)], SKShaderTileMode.Clamp));

    private void DrawNose()
    {
        double x = AcrossTurn(0) * 1.35, w = _woman ? 3.3 : 4.1, away = f.LightX >= 0 ? -1 : 1;
        s.Move(x + (away * 0.6), EyeY + 1).Quad(x + (away * 2.2), 4.5, x + (away * (w + 0.3)), 8.4)
            .Quad(x, 11.6, x - (w * 0.5 * away), 9.6).Close()
            .Fill(_p.SkinShade.WithAlpha(150));
        s.Move(x - w, 8.5).Curve(x - w + 0.6, 10.4, x - 1.4, 9.8, x, 10.8).Curve(x + 1.4, 9.8, x + w - 0.6, 10.4, x + w, 8.5)
            .Stroke(_p.SkinLine, 0.95);
        s.Oval(x - (away * 0.8), 6.6, 1.4, 1.7).Fill(_p.SkinLight.WithAlpha(190));
    }
}

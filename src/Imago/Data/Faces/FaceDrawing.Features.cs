using SkiaSharp;

namespace Imago.Data.Faces;

/// <content>Eyes, brows, mouth, beard, glasses.</content>
internal sealed partial class FaceDrawing
{
    private const double EyeAcross = 0.42;

    private static ReadOnlySpan<int> Sides => [-1, 1];

    private double MouthX => 0.95 * Shift;

    private void DrawEyes()
    {
        foreach (int side in Sides)
            DrawEye(side);
    }

    private void DrawEye(int side)
    {
        double x = AcrossTurn(side * EyeAcross), w = 6.9 * f.EyeSize * Foreshortening(side * EyeAcross), open = 7.0 * f.EyeOpenness * f.EyeSize;
        double inner = x - (side * w), outer = x + (side * w), top = EyeY - (1.22 * open), bottom = EyeY + (0.85 * open) + 0.8, iris = 4.8 * f.EyeSize;
        double gazeX = x + (1.9 * f.GazeX * f.EyeSize), gazeY = EyeY - (0.06 * open) + (1.5 * f.GazeY);
        Sketch UpperLid() => s.Move(inner, EyeY + 0.7).Curve(inner + (side * w * 0.30), top, outer - (side * w * 0.42), top - 0.5, outer, EyeY + 0.2);

        s.Move(inner + (side * w * 0.2), EyeY - (open * 0.75) - 1.1).Quad(x, top - 0.6, outer + (side * 0.2), EyeY - (open * 0.5) - 1.2)
            .Stroke(_p.SkinShade, 1.1);
        using SKPath white = UpperLid().Curve(outer - (side * w * 0.35), bottom, inner + (side * w * 0.4), bottom, inner, EyeY + 0.7)
            .Close().Take();
        s.Fill(white, _p.EyeWhite);
        s.Within(white, () =>
        {
            s.Oval(gazeX, gazeY, iris, iris).Fill(FacePalette.Shade(_p.Iris, 1.4));
            s.Oval(gazeX, gazeY + 0.3, iris * 0.84, iris * 0.84).Fill(SKShader.CreateLinearGradient(
                new SKPoint(0, (float)(gazeY - iris)), new SKPoint(0, (float)(gazeY + iris)),
                [FacePalette.Shade(_p.Iris, 0.5), FacePalette.Mix(_p.Iris, SKColors.White, 0.30)], SKShaderTileMode.Clamp));
            s.Oval(gazeX, gazeY, iris * 0.48, iris * 0.48).Fill(_p.Ink);
            UpperLid().Stroke(_p.Ink.WithAlpha(55), 3.2);
            s.Oval(gazeX + (f.LightX >= 0 ? 1.5 : -1.5), gazeY - 1.6, 1.4, 1.4).Fill(SKColors.White);
        });
        UpperLid().Stroke(_p.Ink, _woman ? 1.5 : 1.0);
        if (_woman)
            s.Move(outer - (side * 0.8), EyeY - 0.5).Quad(outer + (side * 1.2), EyeY - 0.9, outer + (side * 2.2), EyeY - 2.9)
                .Stroke(_p.Ink, 1.25);
    }

    private void DrawBrows()
    {
        double y = -11.3 - (2.2 * f.BrowHeight), thick = _woman ? 1.25 : 2.0, rise = 2.2 * f.BrowAngle;
        foreach (int side in Sides)
        {
            double inner = AcrossTurn(side * 0.17), middle = AcrossTurn(side * 0.45), outer = AcrossTurn(side * 0.72);
            s.Move(inner, y - rise + 0.4 + thick).Line(inner, y - rise + 0.4 - (thick * 0.4))
                .Quad(middle, y - 1.6 - thick, outer, y + (rise * 0.8) + 1.4)
                .Quad(middle, y - 1.2 + (thick * 0.8), inner, y - rise + 0.4 + thick).Close().Fill(_p.Brow);
        }
    }

    private void DrawMouth()
    {
        double x = MouthX, smile = Math.Max(f.Smile, 0), frown = Math.Max(-f.Smile, 0), grin = Math.Clamp((f.Smile - 0.25) / 0.75, 0, 1);
        double w = (9.4 + (3.8 * smile) - (0.2 * frown)) * Math.Cos(_turn);
        double corner = MouthY - (3.0 * smile) + (3.1 * frown), middle = MouthY + (1.9 * smile) - (1.5 * frown), bottom = middle + (6.9 * grin);
        double upper = corner + ((middle - corner) * 4 / 3), lower = corner + ((bottom - corner) * 4 / 3), full = _woman ? 1.25 : 0.9;
        s.Move(x - w, corner).Curve(x - (w * 0.5), upper - (1.9 * full), x - (w * 0.22), upper - (2.6 * full), x, middle - (1.5 * full))
            .Curve(x + (w * 0.22), upper - (2.6 * full), x + (w * 0.5), upper - (1.9 * full), x + w, corner)
            .Curve(x + (w * 0.72), lower + (2.9 * full), x - (w * 0.72), lower + (2.9 * full), x - w, corner).Close().Fill(_p.Lip);
        if (grin > 0)
            DrawOpenMouth(x, w, corner, upper, lower, bottom, grin);
        s.Move(x - w, corner).Curve(x - (w * 0.55), upper, x + (w * 0.55), upper, x + w, corner).Stroke(_p.Ink.WithAlpha(235), 1.4);
        foreach (int side in Sides)
            s.Move(x + (side * (w + 0.9)), corner - 1.1).Quad(x + (side * (w + 0.9)), corner, x + (side * w), corner)
                .Stroke(_p.SkinLine, 1);
        s.Oval(x, bottom + (1.3 * full), 3.2, 0.7).Fill(FacePalette.Mix(_p.Lip, SKColors.White, 0.35).WithAlpha(170));
    }

    private void DrawOpenMouth(double x, double w, double corner, double upper, double lower, double bottom, double grin)
    {
        double band = 1.0 + (3.4 * grin);
        using SKPath inside = s.Move(x - w, corner).Curve(x - (w * 0.55), upper, x + (w * 0.55), upper, x + w, corner)
            .Curve(x + (w * 0.72), lower, x - (w * 0.72), lower, x - w, corner).Close().Take();
        s.Fill(inside, FacePalette.Rgb(0x5E1A24));
        s.Within(inside, () =>
        {
            s.Oval(x, bottom + 1.4, w * 0.52, 3.4).Fill(FacePalette.Rgb(0xDE6A70));
            s.Move(x - w, corner - 2).Line(x + w, corner - 2).Line(x + w, corner + (band * 0.2))
                .Curve(x + (w * 0.6), upper + band, x - (w * 0.6), upper + band, x - w, corner + (band * 0.2)).Close().Fill(_p.EyeWhite);
        });
    }

    private void DrawBeard()
    {
        if (f.Beard == Beard.None)
            return;
        double x = MouthX;
        if (f.Beard != Beard.Moustache)
            DrawFullBeard(x, f.Beard == Beard.Stubble ? _p.Stubble.WithAlpha(115) : _p.Beard, f.Beard == Beard.Stubble ? 0 : 1.6);
        if (f.Beard == Beard.Stubble)
            return;
        using SKPath moustache = s.Move(x, 11.6).Curve(x + 4, 10.2, x + 9.5, 11.6, x + 12, 15.6).Curve(x + 7, 16.2, x + 3, 15.2, x, 14.6)
            .Curve(x - 3, 15.2, x - 7, 16.2, x - 12, 15.6).Curve(x - 9.5, 11.6, x - 4, 10.2, x, 11.6).Close().Take();
        s.Fill(moustache, _p.Beard);
        foreach (int side in Sides)
            s.Move(x + (side * 1.5), 12.6).Quad(x + (side * 6), 11.8, x + (side * 9), 14.2).Stroke(_p.HairLight.WithAlpha(130), 0.8);
    }

    private void DrawFullBeard(double x, SKColor color, double grow)
    {
        using SKPath outline = HeadOutline(grow);
        double r = _r + 3;
        using SKPath region = s.Move(-r, 0).Line(-_r + 2.4, 0).Curve(-_r + 4, 9, x - 14, 11.5, x - 8, 12).Quad(x, 10.6, x + 8, 12)
            .Curve(x + 14, 11.5, _r - 4, 9, _r - 2.4, 0).Line(r, 0).Line(r, 40).Line(-r, 40).Close().Take();
        using SKPath mouth = s.Oval(x, MouthY + 0.9, 10.2, 4.5).Take();
        using SKPath hairy = region.Op(mouth, SKPathOp.Difference);
        s.Within(hairy, () => s.Fill(outline, color.Alpha < 255 ? SKShader.CreateColor(color) : _p.Lit(color, 0, 10, 26)));
    }

    private void DrawGlasses()
    {
        if (f.Glasses == Glasses.None)
            return;
        SKColor frame = f.Glasses == Glasses.Round ? FacePalette.Rgb(0x7A3E1D) : FacePalette.Rgb(0x23232C);
        double left = AcrossTurn(-EyeAcross), right = AcrossTurn(EyeAcross), y = EyeY + 0.2;
        double half = Math.Min(8.7, (right - left) / 2 - 0.6);
        foreach (int side in Sides)
        {
            double x = side < 0 ? left : right, w = half * Math.Min(1, Foreshortening(side * EyeAcross) + 0.1);
            using SKPath lens = f.Glasses == Glasses.Round
                ? s.Oval(x, y, w, 8.7).Take()
                : s.RoundBox(x, y, w + 0.3, 7.0, 1.8).Take();
            s.Fill(lens, SKColors.White.WithAlpha(24));
            s.Within(lens, () => s.Move(x - 5, y + 7).Line(x + 2, y - 9).Line(x + 5, y - 9).Line(x - 2, y + 7).Close().Fill(SKColors.White.WithAlpha(44)));
            StrokeFrame(x, y, w, SKColors.White.WithAlpha(95), 3.2);
            StrokeFrame(x, y, w, frame, 1.8);
            s.Move(x + (side * w), y - 1.5).Line(side * (_r + 0.4), y - 2.4).Stroke(frame, 1.5);
        }

        s.Move(left + half, y - 0.8).Quad((left + right) / 2, y - 2.6, right - half, y - 0.8).Stroke(frame, 1.5);
    }

    private void StrokeFrame(double x, double y, double w, SKColor color, double width)
    {
        if (f.Glasses == Glasses.Round)
            s.Oval(x, y, w, 8.7).Stroke(color, width);
        else
            s.RoundBox(x, y, w + 0.3, 7.0, 1.8).Stroke(color, width);
    }
}

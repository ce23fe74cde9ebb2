using SkiaSharp;

namespace Imago.Data.Faces;

/// <content>Hair: what lies behind the head and what frames the face. No style reaches the eyes or the mouth.</content>
internal sealed partial class FaceDrawing
{
    private double Parting => 0.55 * Shift;

    private SKShader HairLit(double y = -12, double radius = 36) => _p.Lit(_p.Hair, 0, y, radius, 1.15);

    private void DrawHairBehind()
    {
        switch (f.HairStyle)
        {
            case HairStyle.Curly:
                Curls(_r + 2.5, 7.2, 128, 13).Fill(HairLit());
                break;
            case HairStyle.Afro:
                Curls(_r + 6.5, 9.2, 134, 17).Oval(0, -9, _r + 7.5, 30).Fill(HairLit());
                break;
            case HairStyle.Bob:
                Curtain(7, 25).Fill(FacePalette.Shade(_p.Hair, 0.75));
                break;
            case HairStyle.Fringe or HairStyle.Straight:
                Curtain(7.5, 50).Fill(FacePalette.Shade(_p.Hair, 0.75));
                break;
            case HairStyle.Wavy:
                Waves().Fill(FacePalette.Shade(_p.Hair, 0.75));
                break;
            case HairStyle.Bun:
                s.Oval(Parting * 0.5, -36.5, 9.5, 8.4).Fill(_p.Lit(_p.Hair, 0, -36.5, 10));
                s.Move(-5, -39.5).Quad(0, -43.5, 6, -39.5).Stroke(_p.HairLight.WithAlpha(150), 1.1);
                s.Move(-6, -35.5).Quad(0, -38.5, 7, -34.5).Stroke(_p.HairShade.WithAlpha(150), 1.0);
                break;
            case HairStyle.Ponytail:
                s.Move(14, -28).Curve(34, -34, 41, -12, 36, 8).Curve(34, 20, 38, 30, 42, 36).Curve(30, 36, 24, 26, 25, 12)
                    .Curve(26, -2, 22, -14, 14, -18)
                    .Close().Fill(_p.Lit(_p.Hair, 30, 0, 34));
                s.Move(24, -24).Curve(34, -18, 31, 4, 30, 14).Stroke(_p.HairLight.WithAlpha(120), 1.2);
                break;
        }
    }

    private void DrawHairInFront()
    {
        switch (f.HairStyle)
        {
            case HairStyle.Bald:
                s.Glow(f.LightX * 9, -24, 8, 4, SKColors.White.WithAlpha(120));
                break;
            case HairStyle.Buzz:
                CapOutside(0.9, 0, -3).Line(_r - 1.6, -3).Curve(_r - 3, -11, _r - 5, -19, _r - 10 + Parting, -20)
                    .Curve(7 + Parting, -22, -7 + Parting, -22, -_r + 10 + Parting, -20).Curve(-_r + 5, -19, -_r + 3, -11, -_r + 1.6, -3)
                    .Close()
                    .Fill(_p.Lit(FacePalette.Mix(_p.Hair, _p.Skin, 0.25), 0, -12, 34));
                break;
            case HairStyle.Swept:
                CapOutside(4.2, 2, 1).Line(_r - 1.2, 1).Curve(_r - 2, -8, _r - 3, -12, _r - 5.5, -14)
                    .Curve(8 + Parting, -16, -6 + Parting, -19, -9 + Parting, -25).Curve(-11 + Parting, -20, -_r + 6, -17, -_r + 4, -12)
                    .Curve(-_r + 2.5, -8, -_r + 1.5, -4, -_r + 1.2, 1).Close().Fill(HairLit());
                Strands(-10, 3);
                break;
            case HairStyle.Spiky:
                Spikes().Fill(HairLit());
                Strands(-6, 2);
                break;
            case HairStyle.Curly:
                Curls(_r - 1.5, 5.6, 70, 8).Oval(-_r - 0.5, -8, 4.4, 5.5).Oval(_r + 0.5, -8, 4.4, 5.5).Fill(HairLit());
                CurlShine(_r + 0.5, 9);
                break;
            case HairStyle.Afro:
                CapOutside(3, 0, -4).Line(_r - 1.5, -4).Curve(_r - 3, -12, _r - 6, -18, 8 + Parting, -20)
                    .Quad(Parting, -21.5, -8 + Parting, -20)
                    .Curve(-_r + 6, -18, -_r + 3, -12, -_r + 1.5, -4).Close().Fill(HairLit(-9, 40));
                CurlShine(_r + 4.5, 11);
                break;
            case HairStyle.Bob:
                SideLocks(-8, 5.2, 25, inward: 5);
                break;
            case HairStyle.Fringe:
                SideLocks(0, 5.6, 50, inward: 0);
                Bangs();
                break;
            case HairStyle.Straight:
                SideLocks(0, 5.6, 50, inward: 0);
                break;
            case HairStyle.Wavy:
                SideLocks(6, 6, 46, inward: -2);
                break;
            case HairStyle.Bun or HairStyle.Ponytail:
                CapOutside(2.4, 1, 1).Line(_r - 1, 1).Curve(_r - 2.5, -10, _r - 6, -19, 6 + Parting, -21.5)
                    .Quad(Parting, -22.5, -6 + Parting, -21.5)
                    .Curve(-_r + 6, -19, -_r + 2.5, -10, -_r + 1, 1).Close().Fill(HairLit());
                Strands(-6, 3);
                break;
        }
    }

    /// <summary>The outer edge of a cap of hair, from the left temple over the top to the right: <paramref name="volume"/> off the skull, <paramref name="lift"/> more on top.</summary>
    private Sketch CapOutside(double volume, double lift, double sideY)
    {
        double r = _r + volume, top = Top - volume - lift;
        return s.Move(-_r - (volume * 0.75), sideY).Curve(-r - (volume * 0.2), -20, -r * 0.66, top, 0, top)
            .Curve(r * 0.66, top, r + (volume * 0.2), -20, _r + (volume * 0.75), sideY);
    }

    private Sketch Spikes()
    {
        double r = _r + 2.5;
        s.Move(-_r - 1.5, 0).Curve(-r - 0.5, -6, -r - 0.5, -14, -r + 0.5, -19);
        for (int k = 0; k < 7; k++)
        {
            double angle = ((k * 21.5) - 73) * Math.PI / 180, tip = angle + 0.20, valley = angle + 0.27;
            s.Quad((r + 3) * Math.Sin(angle + 0.02), -8 - (28 * Math.Cos(angle + 0.02)), (r + 8.5) * Math.Sin(tip), -8 - (33 * Math.Cos(tip)));
            if (k < 6)
                s.Line((r + 1.5) * Math.Sin(valley), -8 - (26.5 * Math.Cos(valley)));
        }

        s.Quad(r + 1, -13, _r + 1.5, 0).Line(_r - 1.2, 0).Curve(_r - 2, -8, _r - 3, -13, _r - 5, -16);
        for (int k = 2; k >= -2; k--)
            s.Line((k * 6.4) + 3.4 + Parting, -21).Line((k * 6.4) - 1.2 + Parting, -15.6 - (k * k * 0.4));
        return s.Line(-_r + 5, -17).Curve(-_r + 3, -13, -_r + 2, -8, -_r + 1.2, 0).Close();
    }

    /// <summary>Circles along an arc over the head.</summary>
    private Sketch Curls(double radius, double size, double reach, int count)
    {
        for (int k = 0; k < count; k++)
        {
            double angle = ((2.0 * k / (count - 1)) - 1) * reach * Math.PI / 180;
            s.Oval(radius * Math.Sin(angle), -9 - (24 * Math.Cos(angle)), size + (k % 2), size + ((k + 1) % 2));
        }

        return s;
    }

    private void CurlShine(double radius, int count)
    {
        for (int k = 0; k < count; k++)
        {
            double angle = ((2.0 * k / (count - 1)) - 1) * 80 * Math.PI / 180, x = radius * Math.Sin(angle), y = -9 - (25 * Math.Cos(angle));
            s.Move(x - 2.6, y + 0.6).Curve(x - 2.4, y - 3, x + 2, y - 3, x + 2.4, y - 0.2).Stroke(_p.HairLight.WithAlpha(120), 1.1);
        }
    }

    private Sketch Curtain(double volume, double bottom) =>
        s.Move(0, Top - 5).Curve(_r * 0.7, Top - 5, _r + volume, -24, _r + volume, -4)
            .Curve(_r + volume + 1, 14, _r + volume + 1, bottom - 10, _r + volume - 3, bottom).Quad(0, bottom + 3, -_r - volume + 3, bottom)
            .Curve(-_r - volume - 1, bottom - 10, -_r - volume - 1, 14, -_r - volume, -4)
            .Curve(-_r - volume, -24, -_r * 0.7, Top - 5, 0, Top - 5).Close();

    private Sketch Waves()
    {
        double r = _r + 6;
        s.Move(0, Top - 6).Curve(_r * 0.7, Top - 6, r, -26, r, -8);
        for (double y = -8; y < 46; y += 13.5)
            s.Curve(r + 5.5, y + 3.5, r + 5.5, y + 10, r, y + 13.5);
        s.Line(-r, 46);
        for (double y = 46; y > -8; y -= 13.5)
            s.Curve(-r - 5.5, y - 3.5, -r - 5.5, y - 10, -r, y - 13.5);
        return s.Curve(-r, -26, -_r * 0.7, Top - 6, 0, Top - 6).Close();
    }

    /// <summary>Hair from a parting down both sides of the face.</summary>
    private void SideLocks(double parting, double volume, double bottom, double inward)
    {
        double part = parting + Parting, top = Top - volume;
        foreach (int side in Sides)
        {
            double outer = side * (_r + volume), edge = side * (_r - 2.6), tip = side * (_r + volume - 4 - inward);
            s.Move(part, top + 0.5).Curve(side * _r * 0.62, top - 0.5, outer, -24, outer, -4)
                .Curve(outer + (side * 1.2), 12, outer + (side * 1.2), bottom - 10, tip, bottom)
                .Curve(edge + (side * 0.6), bottom - 8, edge + (side * 0.4), 12, edge, 2)
                .Curve(edge, -10, side * _r * 0.62 + (part * 0.3), -19, part, -24.5).Close().Fill(HairLit(2, 46));
            s.Move(part + (side * 4), top + 4).Curve(side * _r * 0.7, top + 5, side * (_r + 1.8), -18, side * (_r + 1.6), 4)
                .Stroke(_p.HairLight.WithAlpha(110), 1.3);
            s.Move(side * (_r + 2.6), 4).Curve(side * (_r + 3.4), 12, side * (_r + 3), bottom - 14, side * (_r + 1), bottom - 6)
                .Stroke(_p.HairShade.WithAlpha(120), 1.0);
        }
    }

    private void Bangs()
    {
        s.Move(-_r + 1.5, -9).Curve(-_r + 1, -24, -14, -33, 0, -33).Curve(14, -33, _r - 1, -24, _r - 1.5, -9)
            .Curve(_r - 4, -13.5, 10 + Parting, -14.5, Parting, -14.5).Curve(-10 + Parting, -14.5, -_r + 4, -13.5, -_r + 1.5, -9).Close()
            .Fill(HairLit(-16, 26));
        foreach (int k in (ReadOnlySpan<int>)[-2, -1, 1, 2])
            s.Move((k * 3.4) + (Parting * 0.4), -30).Quad((k * 6) + Parting, -24, (k * 6.2) + Parting, -17)
                .Stroke((k % 2 == 0 ? _p.HairShade : _p.HairLight).WithAlpha(120), 1.1);
    }

    private void Strands(double from, int count)
    {
        for (int k = 0; k < count; k++)
        {
            double x = from + Parting + (f.LightX * 4) + (k * 4.5);
            s.Move(x - 6, -23.5 - (k * 0.6)).Quad(x - 1, -31, x + 7, -29.5 + (k * 1.7)).Stroke(_p.HairLight.WithAlpha(120), 1.2);
        }
    }
}

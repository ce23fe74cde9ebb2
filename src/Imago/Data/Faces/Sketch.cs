using SkiaSharp;

namespace Imago.Data.Faces;

/// <summary>A canvas with a pen: a path is built point by point and then filled or stroked. All areas are anti-aliased.</summary>
internal sealed class Sketch(SKCanvas canvas) : IDisposable
{
    private readonly SKPathBuilder _path = new();
    private readonly SKPaint _paint = new() { IsAntialias = true, StrokeCap = SKStrokeCap.Round, StrokeJoin = SKStrokeJoin.Round };

    internal SKCanvas Canvas => canvas;

    internal Sketch Move(double x, double y)
    {
        _path.MoveTo((float)x, (float)y);
        return this;
    }

    internal Sketch Line(double x, double y)
    {
        _path.LineTo((float)x, (float)y);
        return this;
    }

    internal Sketch Quad(double cx, double cy, double x, double y)
    {
        _path.QuadTo((float)cx, (float)cy, (float)x, (float)y);
        return this;
    }

    internal Sketch Curve(double ax, double ay, double bx, double by, double x, double y)
    {
        _path.CubicTo((float)ax, (float)ay, (float)bx, (float)by, (float)x, (float)y);
        return this;
    }

    internal Sketch Oval(double x, double y, double rx, double ry)
    {
        _path.AddOval(new SKRect((float)(x - rx), (float)(y - ry), (float)(x + rx), (float)(y + ry)), SKPathDirection.Clockwise);
        return this;
    }

    internal Sketch RoundBox(double x, double y, double rx, double ry, double corner)
    {
        _path.AddRoundRect(
            new SKRect((float)(x - rx), (float)(y - ry), (float)(x + rx), (float)(y + ry)), (float)corner, (float)corner, SKPathDirection.Clockwise);
        return this;
    }

    internal Sketch Close()
    {
        _path.Close();
        return this;
    }

    /// <summary>Takes the path built so far, for use as a clip or more than once.</summary>
    internal SKPath Take() => _path.Detach();

    internal void Fill(SKColor color)
    {
        using SKPath path = Take();
        Fill(path, color);
    }

    /// <summary>Fills the path with a gradient, which is disposed.</summary>
    internal void Fill(SKShader shader)
    {
        using SKPath path = Take();
        Fill(path, shader);
    }

    internal void Fill(SKPath path, SKColor color)
    {
        _paint.Style = SKPaintStyle.Fill;
        _paint.Color = color;
        canvas.DrawPath(path, _paint);
    }

    /// <inheritdoc cref="Fill(SKShader)"/>
    internal void Fill(SKPath path, SKShader shader)
    {
        using (shader)
        {
            _paint.Shader = shader;
            Fill(path, SKColors.Black);
            _paint.Shader = null;
        }
    }

    internal void Stroke(SKColor color, double width)
    {
        using SKPath path = Take();
        _paint.Style = SKPaintStyle.Stroke;
        _paint.StrokeWidth = (float)width;
        _paint.Color = color;
        canvas.DrawPath(path, _paint);
    }

    /// <summary>A soft round spot that fades from the colour (with its alpha) to nothing at the rim.</summary>
    internal void Glow(double x, double y, double rx, double ry, SKColor color)
    {
        SKMatrix squash = SKMatrix.CreateScale(1, (float)(ry / rx), (float)x, (float)y);
        Oval(x, y, rx, ry).Fill(SKShader.CreateRadialGradient(
            new SKPoint((float)x, (float)y), (float)rx, [color, color.WithAlpha(0)], null, SKShaderTileMode.Clamp, squash));
    }

    /// <summary>Draws within a region only.</summary>
    internal void Within(SKPath region, Action draw)
    {
        canvas.Save();
        canvas.ClipPath(region, SKClipOperation.Intersect, antialias: true);
        draw();
        canvas.Restore();
    }

    public void Dispose()
    {
        _paint.Dispose();
        _path.Dispose();
    }
}

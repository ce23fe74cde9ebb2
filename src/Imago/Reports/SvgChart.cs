using System.Globalization;
using System.Text;

namespace Imago.Reports;

/// <summary>One line of a chart.</summary>
/// <param name="Name">Its name in the legend.</param>
/// <param name="Points">x and y, in the order in which they are joined; points that are not finite interrupt the line.</param>
/// <param name="Marks">Whether each point gets a dot.</param>
public sealed record ChartSeries(string Name, IReadOnlyList<(double X, double Y)> Points, bool Marks = false);

/// <summary>A line chart as SVG: axes with round ticks, a legend, colours that work in light and dark and for the colour-blind.</summary>
public sealed record SvgChart
{
    private const double Width = 760, Height = 340, Left = 64, Right = 16, Top = 40, Bottom = 48;

    private static readonly string[] Colours = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7f7f7f"];

    /// <summary>What the horizontal axis shows, with its unit.</summary>
    public required string XLabel { get; init; }

    /// <summary>What the vertical axis shows, with its unit.</summary>
    public required string YLabel { get; init; }

    /// <summary>Whether x is drawn on a logarithmic axis (all x positive).</summary>
    public bool LogX { get; init; }

    /// <summary>Whether y is drawn on a logarithmic axis (all y positive).</summary>
    public bool LogY { get; init; }

    /// <summary>The lines.</summary>
    public required IReadOnlyList<ChartSeries> Series { get; init; }

    /// <summary>The chart as an <c>svg</c> element.</summary>
    /// <exception cref="ArgumentException">There is no finite point.</exception>
    public string ToSvg()
    {
        var points = Series.SelectMany(series => series.Points).Where(point => double.IsFinite(point.X) && double.IsFinite(point.Y)).ToList();
        if (points.Count == 0) throw new ArgumentException($"SvgChart \"{YLabel}\": there is no finite point to draw; pass at least one.");
        var xTicks = LogX ? Decades(points.Min(p => p.X), points.Max(p => p.X)) : Ticks(points.Min(p => p.X), points.Max(p => p.X));
        var yTicks = LogY ? Decades(points.Min(p => p.Y), points.Max(p => p.Y)) : Ticks(points.Min(p => p.Y), points.Max(p => p.Y));
        double X(double x) => Left + (Width - Left - Right) * Share(x, xTicks, LogX);
        double Y(double y) => Height - Bottom - (Height - Top - Bottom) * Share(y, yTicks, LogY);

        var svg = new StringBuilder();
        svg.Append(CultureInfo.InvariantCulture, $"<svg viewBox=\"0 0 {Width} {Height}\" width=\"{Width}\" font-family=\"system-ui,sans-serif\" font-size=\"13\" fill=\"currentColor\">");
        foreach (var y in yTicks)
        {
            svg.Append(CultureInfo.InvariantCulture, $"<path d=\"M{Left} {Y(y):0.#}H{Width - Right}\" stroke=\"currentColor\" stroke-opacity=\".15\"/>");
            svg.Append(CultureInfo.InvariantCulture, $"<text x=\"{Left - 8}\" y=\"{Y(y) + 4:0.#}\" text-anchor=\"end\">{Label(y)}</text>");
        }
        foreach (var x in xTicks)
            svg.Append(CultureInfo.InvariantCulture, $"<text x=\"{X(x):0.#}\" y=\"{Height - Bottom + 18}\" text-anchor=\"middle\">{Label(x)}</text>");
        svg.Append(CultureInfo.InvariantCulture, $"<text x=\"{(Left + Width - Right) / 2}\" y=\"{Height - 8}\" text-anchor=\"middle\">{HtmlPage.Text(XLabel)}</text>");
        svg.Append(CultureInfo.InvariantCulture, $"<text transform=\"translate(14 {(Top + Height - Bottom) / 2}) rotate(-90)\" text-anchor=\"middle\">{HtmlPage.Text(YLabel)}</text>");
        var legend = Left;
        foreach (var (series, i) in Series.Select((series, i) => (series, i)))
        {
            var colour = Colours[i % Colours.Length];
            svg.Append(CultureInfo.InvariantCulture, $"<path d=\"{Path(series.Points, X, Y)}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>");
            foreach (var point in series.Points.Where(point => series.Marks && double.IsFinite(point.Y)))
                svg.Append(CultureInfo.InvariantCulture, $"<circle cx=\"{X(point.X):0.#}\" cy=\"{Y(point.Y):0.#}\" r=\"3.5\" fill=\"{colour}\"/>");
            svg.Append(CultureInfo.InvariantCulture, $"<rect x=\"{legend:0}\" y=\"12\" width=\"14\" height=\"4\" fill=\"{colour}\"/>");
            svg.Append(CultureInfo.InvariantCulture, $"<text x=\"{legend + 20:0}\" y=\"18\">{HtmlPage.Text(series.Name)}</text>");
            legend += 44 + 6.8 * series.Name.Length;
        }
        return svg.Append("</svg>").ToString();
    }

    /// <summary>How far along an axis a value lies, 0 to 1.</summary>
    private static double Share(double value, double[] ticks, bool isLogarithmic) => isLogarithmic
        ? Math.Log10(value / ticks[0]) / Math.Log10(ticks[^1] / ticks[0])
        : (value - ticks[0]) / (ticks[^1] - ticks[0]);

    private static string Path(IReadOnlyList<(double X, double Y)> points, Func<double, double> x, Func<double, double> y)
    {
        var path = new StringBuilder();
        var pen = 'M';
        foreach (var point in points)
        {
            if (!double.IsFinite(point.Y))
            {
                pen = 'M';
                continue;
            }
            path.Append(CultureInfo.InvariantCulture, $"{pen}{x(point.X):0.#} {y(point.Y):0.#}");
            pen = 'L';
        }
        return path.ToString();
    }

    /// <summary>Round numbers that enclose [low, high], four to eight of them.</summary>
    internal static double[] Ticks(double low, double high)
    {
        if (high <= low) (low, high) = (low - 0.5, high + 0.5);
        var raw = (high - low) / 5;
        var power = Math.Pow(10, Math.Floor(Math.Log10(raw)));
        var step = power * (raw / power) switch { <= 1 => 1, <= 2 => 2, <= 5 => 5, _ => 10 };
        var first = (long)Math.Floor(low / step + 1e-9);
        var last = (long)Math.Ceiling(high / step - 1e-9);
        return [.. Enumerable.Range(0, (int)(last - first) + 1).Select(i => (first + i) * step)];
    }

    private static double[] Decades(double low, double high)
    {
        if (low <= 0) throw new ArgumentException($"SvgChart: a logarithmic axis needs positive values, got {low}.");
        var (first, last) = ((int)Math.Floor(Math.Log10(low)), (int)Math.Ceiling(Math.Log10(high)));
        if (last == first) last++;
        return [.. Enumerable.Range(first, last - first + 1).Select(power => Math.Pow(10, power))];
    }

    private static string Label(double value) => Math.Abs(value) is >= 1e5 or (> 0 and < 1e-3)
        ? value.ToString("0.#e0", CultureInfo.InvariantCulture)
        : value.ToString("0.####", CultureInfo.InvariantCulture);
}

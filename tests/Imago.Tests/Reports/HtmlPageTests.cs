using System.Xml.Linq;
using Imago.Reports;

namespace Imago.Tests.Reports;

public class HtmlPageTests
{
    [Fact]
    public void Text_OfStrangers_IsEscaped()
    {
        var page = new HtmlPage("<script>", "a & b");
        page.Section("1 < 2");
        page.Paragraph("`x<y` and *z*");
        page.Table(["<th>"], [["</table>"]]);
        var html = page.ToString();
        Assert.DoesNotContain("<script>", html, StringComparison.Ordinal);
        Assert.Contains("<code>x&lt;y</code> and <em>z</em>", html, StringComparison.Ordinal);
        Assert.Contains("&lt;/table&gt;", html, StringComparison.Ordinal);
    }

    [Fact]
    public void Page_LoadsNothingFromElsewhere()
    {
        var page = new HtmlPage("t", "s");
        page.Picture([1, 2, 3], "image/png", "three bytes");
        Assert.Contains("src=\"data:image/png;base64,AQID\"", page.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain("http", page.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(-3.7, 12)]
    [InlineData(5, 5)]
    [InlineData(1e-6, 3e-6)]
    [InlineData(98, 12345)]
    public void Ticks_EncloseTheRange_InEqualRoundSteps(double low, double high)
    {
        var ticks = SvgChart.Ticks(low, high);
        Assert.True(ticks[0] <= low + 1e-12 && ticks[^1] >= high - 1e-12);
        Assert.InRange(ticks.Length, 2, 9);
        var step = ticks[1] - ticks[0];
        for (int i = 1; i < ticks.Length; i++) Assert.Equal(step, ticks[i] - ticks[i - 1], step * 1e-6);
    }

    [Fact]
    public void Chart_IsWellFormed_AndPutsLargerValuesHigher()
    {
        var chart = new SvgChart { XLabel = "x", YLabel = "a < b", Series = [new ChartSeries("s", [(0, 0), (1, 10), (2, double.NaN)], Marks: true)] };
        var circles = XDocument.Parse(chart.ToSvg()).Descendants("circle").Select(c => (X: (double)c.Attribute("cx")!, Y: (double)c.Attribute("cy")!)).ToList();
        Assert.Equal(2, circles.Count);
        Assert.True(circles[1].X > circles[0].X && circles[1].Y < circles[0].Y);
    }

    [Fact]
    public void Chart_WithoutFinitePoints_Refuses() =>
        Assert.Throws<ArgumentException>(() => new SvgChart { XLabel = "x", YLabel = "y", Series = [new ChartSeries("s", [(0, double.NaN)])] }.ToSvg());

    [Fact]
    public void LogarithmicAxis_PutsEqualRatiosAtEqualDistances()
    {
        var chart = new SvgChart { XLabel = "x", YLabel = "y", LogX = true, LogY = true, Series = [new ChartSeries("s", [(1, 100), (10, 10), (100, 1)])] };
        var path = XElement.Parse(chart.ToSvg()).Elements().First(element => (string?)element.Attribute("fill") == "none").Attribute("d")!.Value;
        var points = path[1..].Split('L').Select(point => point.Split(' ').Select(number => double.Parse(number, System.Globalization.CultureInfo.InvariantCulture)).ToArray()).ToArray();
        Assert.Equal(points[1][0] - points[0][0], points[2][0] - points[1][0], 0.2);
        Assert.Equal(points[1][1] - points[0][1], points[2][1] - points[1][1], 0.2);
        Assert.Throws<ArgumentException>(() => (chart with { Series = [new ChartSeries("s", [(1, 0)])] }).ToSvg());
    }
}

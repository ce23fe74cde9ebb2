using Imago.Images;
using Imago.Reports;
using TorchSharp;

namespace Imago.Cli.Demo;

/// <summary>How pictures stand on the demo's page.</summary>
internal static class DemoPage
{
    /// <summary>Puts a grid of pictures on the page; those of few columns are enlarged.</summary>
    internal static void Grid(this HtmlPage page, IReadOnlyList<PixelImage> pictures, int columns, string caption, IReadOnlyList<string>? rows = null, IReadOnlyList<string>? columnLabels = null)
    {
        var scale = pictures[0].Width < 96 && columns <= 7 ? 2 : 1;
        page.Grid(pictures, columns, caption, new GridOptions { RowLabels = rows ?? [], ColumnLabels = columnLabels ?? [], Scale = scale });
    }

    /// <summary>Puts a grid of pictures on the page.</summary>
    internal static void Grid(this HtmlPage page, IReadOnlyList<PixelImage> pictures, int columns, string caption, GridOptions options) =>
        page.Picture(ImageFile.Encode(ImageGrid.Draw(pictures, columns, options), ".png"), "image/png", caption);

    /// <summary>The pictures of numbers between −1 and 1, [N, 3, H, W].</summary>
    internal static IReadOnlyList<PixelImage> Shown(this torch.Tensor pixels) => Pictures.FromBatch(pixels.cpu(), PixelRange.MinusOneToOne);
}

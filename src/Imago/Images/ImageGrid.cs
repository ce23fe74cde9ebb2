namespace Imago.Images;

/// <summary>How a grid of pictures is laid out and labelled.</summary>
public sealed record GridOptions
{
    /// <summary>A line above everything.</summary>
    public string? Title { get; init; }

    /// <summary>A label to the left of each row; shorter than the rows leaves the others bare.</summary>
    public IReadOnlyList<string> RowLabels { get; init; } = [];

    /// <summary>A label above each column.</summary>
    public IReadOnlyList<string> ColumnLabels { get; init; } = [];

    /// <summary>A line below each picture, row after row.</summary>
    public IReadOnlyList<string> Captions { get; init; } = [];

    /// <summary>Every pixel of a picture becomes a square of this side.</summary>
    public int Scale { get; init; } = 1;

    /// <summary>Pixels of the canvas a point of the 5×7 font; 0 for one that suits the size of the pictures.</summary>
    public int TextScale { get; init; }

    /// <summary>Pixels between pictures.</summary>
    public int Gap { get; init; } = 2;
}

/// <summary>Grids of pictures on white, with labels.</summary>
public static class ImageGrid
{
    private const int Margin = 4;

    private static readonly byte[] Ink = [34, 34, 34];

    /// <summary>Lays out a list of pictures in rows.</summary>
    /// <param name="pictures">Any sizes and channels; each stands in the middle of its cell.</param>
    /// <param name="columns">Pictures in a row.</param>
    /// <param name="options">Labels and distances.</param>
    /// <returns>The grid, in colour.</returns>
    public static PixelImage Draw(IReadOnlyList<PixelImage> pictures, int columns, GridOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(pictures);
        ArgumentOutOfRangeException.ThrowIfLessThan(columns, 1);
        return Draw([.. pictures.Chunk(columns)], options);
    }

    /// <summary>Lays out rows of pictures.</summary>
    /// <param name="rows">The pictures, row after row; rows may differ in length.</param>
    /// <param name="options">Labels and distances.</param>
    /// <returns>The grid, in colour.</returns>
    public static PixelImage Draw(IReadOnlyList<IReadOnlyList<PixelImage>> rows, GridOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(rows);
        options ??= new GridOptions();
        ArgumentOutOfRangeException.ThrowIfLessThan(options.Scale, 1, nameof(options));
        if (rows.Sum(row => row.Count) == 0) throw new ArgumentException("a grid needs a picture.", nameof(rows));
        var layout = new Layout(rows, options);
        var canvas = new PixelImage(layout.Width, layout.Height, 3, new byte[checked(layout.Width * layout.Height * 3)]);
        canvas.Pixels.AsSpan().Fill(255);
        if (options.Title is { } title) PixelFont.Draw(canvas, title, Margin, Margin, layout.TextScale, Ink);
        for (var column = 0; column < Math.Min(options.ColumnLabels.Count, layout.Columns); column++)
        {
            var label = layout.Shorten(options.ColumnLabels[column]);
            PixelFont.Draw(canvas, label, layout.Left(column) + (layout.CellWidth - PixelFont.Measure(label) * layout.TextScale) / 2, layout.Top(0) - layout.Line, layout.TextScale, Ink);
        }
        for (var (row, number) = (0, 0); row < rows.Count; row++)
        {
            if (row < options.RowLabels.Count)
            {
                var label = options.RowLabels[row];
                var left = layout.Left(0) - Margin - PixelFont.Measure(label) * layout.TextScale;
                PixelFont.Draw(canvas, label, left, layout.Top(row) + (layout.CellHeight - 7 * layout.TextScale) / 2, layout.TextScale, Ink);
            }
            for (var column = 0; column < rows[row].Count; column++, number++)
            {
                Place(canvas, rows[row][column], layout, row, column, options.Scale);
                if (number >= options.Captions.Count) continue;
                var caption = layout.Shorten(options.Captions[number]);
                PixelFont.Draw(canvas, caption, layout.Left(column) + (layout.CellWidth - PixelFont.Measure(caption) * layout.TextScale) / 2, layout.Top(row) + layout.CellHeight + layout.TextScale, layout.TextScale, Ink);
            }
        }
        return canvas;
    }

    private static void Place(PixelImage canvas, PixelImage picture, Layout layout, int row, int column, int scale)
    {
        var colour = ColourConversion.ToColour(picture);
        var (left, top) = (layout.Left(column) + (layout.CellWidth - picture.Width * scale) / 2, layout.Top(row) + (layout.CellHeight - picture.Height * scale) / 2);
        for (var y = 0; y < picture.Height * scale; y++)
        {
            var target = canvas.Pixels.AsSpan(((top + y) * canvas.Width + left) * 3, picture.Width * scale * 3);
            var source = colour.Pixels.AsSpan(y / scale * picture.Width * 3, picture.Width * 3);
            for (var x = 0; x < picture.Width * scale; x++) source.Slice(x / scale * 3, 3).CopyTo(target[(3 * x)..]);
        }
    }

    /// <summary>Where everything stands, in pixels.</summary>
    private sealed class Layout
    {
        private readonly int _gap;
        private readonly int _left;
        private readonly int _top;
        private readonly int _captionHeight;

        internal Layout(IReadOnlyList<IReadOnlyList<PixelImage>> rows, GridOptions options)
        {
            Columns = rows.Max(row => row.Count);
            CellWidth = rows.SelectMany(row => row).Max(picture => picture.Width) * options.Scale;
            CellHeight = rows.SelectMany(row => row).Max(picture => picture.Height) * options.Scale;
            TextScale = options.TextScale > 0 ? options.TextScale : Math.Clamp(CellWidth / 64, 1, 4);
            Line = PixelFont.LineHeight * TextScale;
            _gap = options.Gap;
            _captionHeight = options.Captions.Count > 0 ? Line + TextScale : 0;
            var labels = options.RowLabels.Count == 0 ? 0 : options.RowLabels.Max(PixelFont.Measure) * TextScale + Margin;
            _left = Margin + labels;
            _top = Margin + (options.Title is null ? 0 : Line + Margin) + (options.ColumnLabels.Count == 0 ? 0 : Line);
            var title = options.Title is null ? 0 : PixelFont.Measure(options.Title) * TextScale;
            Width = Math.Max(Left(Columns) - _gap, Margin + title) + Margin;
            Height = Top(rows.Count) - _gap + Margin;
        }

        internal int Columns { get; }
        internal int CellWidth { get; }
        internal int CellHeight { get; }
        internal int TextScale { get; }
        internal int Line { get; }
        internal int Width { get; }
        internal int Height { get; }

        internal int Left(int column) => checked(_left + column * (CellWidth + _gap));

        internal int Top(int row) => checked(_top + row * (CellHeight + _captionHeight + _gap));

        /// <summary>As much of a text as fits above or below a picture.</summary>
        internal string Shorten(string text)
        {
            if (PixelFont.Measure(text) * TextScale <= CellWidth) return text;
            var length = text.Length;
            while (length > 0 && PixelFont.Measure(text[..length] + "…") * TextScale > CellWidth) length--;
            return length > 0 ? text[..length] + "…" : "";
        }
    }
}

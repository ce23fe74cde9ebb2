using System.Collections.Concurrent;
using Imago.Images;

namespace Imago.Data;

/// <summary>Images of one size and kind.</summary>
/// <param name="Width">Columns.</param>
/// <param name="Height">Rows.</param>
/// <param name="Channels">1 for grey, 3 for colour.</param>
/// <param name="Images">How many of those examined.</param>
public sealed record SizeCount(int Width, int Height, int Channels, int Images);

/// <summary>A class and how often it occurs among the images examined.</summary>
public sealed record ClassCount(string Name, int Images);

/// <summary>What a look at some or all images of a set tells.</summary>
public sealed record DatasetSummary
{
    /// <summary>How many images were read.</summary>
    public required int Examined { get; init; }

    /// <summary>Sizes and kinds, the most frequent first.</summary>
    public required IReadOnlyList<SizeCount> Sizes { get; init; }

    /// <summary>Classes, in the set's order.</summary>
    public required IReadOnlyList<ClassCount> Classes { get; init; }

    /// <summary>How many of the images examined have a caption.</summary>
    public required int Captions { get; init; }

    /// <summary>Some captions.</summary>
    public required IReadOnlyList<string> ExampleCaptions { get; init; }

    /// <summary>Images that cannot be decoded.</summary>
    public required IReadOnlyList<SkippedImage> Broken { get; init; }

    /// <summary>Reads images of a set, evenly over its whole length, in parallel.</summary>
    /// <param name="set">The set.</param>
    /// <param name="limit">Images to read at most; null for all.</param>
    /// <param name="progress">Told how many images were read.</param>
    /// <param name="cancellationToken">Stops reading.</param>
    public static DatasetSummary Of(ImageDataset set, int? limit = null, IProgress<int>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(set);
        var count = Math.Min(set.Count, limit ?? set.Count);
        var (items, broken, read) = (new Facts?[count], new ConcurrentBag<SkippedImage>(), 0);
        Parallel.For(0, count, new ParallelOptions { CancellationToken = cancellationToken }, i =>
        {
            var index = (int)((long)i * set.Count / count);
            try
            {
                var item = set.Get(index);
                items[i] = new Facts((item.Image.Width, item.Image.Height, item.Image.Channels), item.Label, item.Caption);
            }
            catch (DataException e)
            {
                broken.Add(new SkippedImage(index, set.Describe(index), e.Message));
            }
            progress?.Report(Interlocked.Increment(ref read));
        });
        List<Facts> known = [.. items.OfType<Facts>()];
        List<string> captions = [.. known.Select(item => item.Caption).OfType<string>()];
        return new DatasetSummary
        {
            Examined = count,
            Sizes = [.. known.GroupBy(item => item.Size).OrderByDescending(group => group.Count()).Select(group => new SizeCount(group.Key.Width, group.Key.Height, group.Key.Channels, group.Count()))],
            Classes = [.. set.ClassNames.Select((name, label) => new ClassCount(name, known.Count(item => item.Label == label)))],
            Captions = captions.Count,
            ExampleCaptions = [.. captions.Take(5)],
            Broken = [.. broken.OrderBy(image => image.Index)],
        };
    }

    /// <summary>A sheet of images, evenly over the whole length of a set, with the names of their classes.</summary>
    /// <param name="set">The set; broken images are left out.</param>
    /// <param name="images">Images on the sheet, at most.</param>
    /// <param name="columns">Images in a row.</param>
    /// <param name="side">Larger images are scaled down to this side, in pixels; small ones are enlarged by a whole factor.</param>
    public static PixelImage ContactSheet(ImageDataset set, int images = 64, int columns = 8, int side = 96)
    {
        ArgumentNullException.ThrowIfNull(set);
        ArgumentOutOfRangeException.ThrowIfLessThan(images, 1);
        var (pictures, captions) = (new List<PixelImage>(), new List<string>());
        var count = Math.Min(images, set.Count);
        for (var i = 0; i < count; i++)
        {
            ImageItem item;
            try
            {
                item = set.Get((int)((long)i * set.Count / count));
            }
            catch (DataException)
            {
                continue;
            }
            pictures.Add(Fit(item.Image, side));
            captions.Add(item.Label is { } label ? set.ClassNames[label] : "");
        }
        if (pictures.Count == 0) throw new DataException($"{set.Name}: none of its images can be decoded.");
        var scale = Math.Max(1, side / pictures.Max(picture => Math.Max(picture.Width, picture.Height)));
        return ImageGrid.Draw(pictures, columns, new GridOptions { Captions = set.ClassNames.Count > 0 ? captions : [], Scale = scale, TextScale = 1 });
    }

    private static PixelImage Fit(PixelImage image, int side)
    {
        var longer = Math.Max(image.Width, image.Height);
        if (longer <= side) return image;
        int Scaled(int length) => Math.Max(1, (int)Math.Round((double)length * side / longer));
        return Resampling.Resize(image, Scaled(image.Width), Scaled(image.Height), ResampleFilter.Bicubic);
    }

    private sealed record Facts((int Width, int Height, int Channels) Size, int? Label, string? Caption);
}

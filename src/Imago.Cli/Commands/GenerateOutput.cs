using System.Globalization;
using Imago.Generation;
using Imago.Generation.Pipelines;
using Imago.Images;
using Imago.Metrics;

namespace Imago.Cli.Commands;

/// <summary>The pictures of <c>imago generate</c>, laid out and written.</summary>
internal sealed class GenerateOutput(CommandContext context, GenerationRecipe recipe, DiffusionModel model, string path)
{
    /// <summary>Pictures drawn at once.</summary>
    internal int? Batch { get; init; }

    /// <summary>A model that draws the end.</summary>
    internal DiffusionModel? Refiner { get; init; }

    /// <summary>What leads to the class.</summary>
    internal NoisyClassifier? Classifier { get; init; }

    /// <summary>Told how each batch stands.</summary>
    internal Action<GenerationStep>? Preview { get; init; }

    private readonly List<string> _files = [];
    private int _count;
    private (int Width, int Height) _size = (model.Config.Width, model.Config.Height);
    private EditReport? _edit;

    private bool IsWay => recipe.ToPrompt is not null || recipe.ToSeed is not null;

    private int Scale => Math.Max(1, 64 / Math.Max(model.Config.Width, model.Config.Height));

    /// <summary>One picture as it is; several as a grid (a row on the way from one to another), or as files of their own; the way to each as a strip.</summary>
    internal void Draw(bool isSeparate, bool isAnimated)
    {
        var pictures = Pictures(recipe, "Drawing");
        if (isSeparate)
        {
            foreach (var picture in pictures)
                Write(recipe with { Seed = picture.Wish.Seed, Count = 1 }, Suffixed($"-{picture.Wish.Seed.ToString(CultureInfo.InvariantCulture)}"), picture.Image);
        }
        else if (recipe.Moments > 0) Write(recipe, path, StripOf(pictures));
        else if (recipe.Invert) Write(recipe, path, Beside(pictures));
        else if (pictures.Count == 1) Write(recipe, path, pictures[0].Image);
        else Write(recipe, path, ImageGrid.Draw([.. pictures.Select(picture => picture.Image)], IsWay ? pictures.Count : ColumnsOf(pictures.Count), new GridOptions { Scale = Scale }));
        if (isAnimated) Animate(pictures);
    }

    /// <summary>A sheet over one or two parameters.</summary>
    internal void Sweep()
    {
        var swept = recipe.Grid.Select(Parse).ToList();
        var (columns, rows) = (swept[0], swept.Count > 1 ? swept[1] : ("", [""]));
        var sheet = rows.Values.Select(row => columns.Values.Select(column => Picture(column, row)).ToList()).ToList();
        Write(recipe, path, ImageGrid.Draw([.. sheet.Select(row => (IReadOnlyList<PixelImage>)row)], new GridOptions
        {
            ColumnLabels = [.. columns.Values.Select(value => $"{columns.Name} {value}")], RowLabels = rows.Name.Length > 0 ? [.. rows.Values.Select(value => $"{rows.Name} {value}")] : [], Scale = Scale,
        }));

        PixelImage Picture(string column, string row)
        {
            var one = recipe.With(columns.Name, column) with { Count = 1, Grid = [], Moments = 0 };
            if (rows.Name.Length > 0) one = one.With(rows.Name, row);
            return Pictures(one, rows.Name.Length > 0 ? $"Drawing {columns.Name} {column}, {rows.Name} {row}" : $"Drawing {columns.Name} {column}")[0].Image;
        }
    }

    /// <summary>A row for each picture: what becomes of it along the direction of an attribute.</summary>
    internal void Edit(bool isAnimated)
    {
        var edit = new GenerateEdit(context, recipe, model);
        (_edit, var rows) = edit.Draw(() => Pictures(recipe, "Drawing"));
        _count = rows.Sum(row => row.Count - 1);
        Write(recipe, path, edit.Sheet(rows, Scale));
        if (!isAnimated) return;
        List<PixelImage> frames = [.. Enumerable.Range(1, rows[0].Count - 1).Select(at => ImageGrid.Draw([.. rows.Select(row => row[at])], ColumnsOf(rows.Count), new GridOptions { Scale = Scale }))];
        WriteAnimation([.. frames, .. frames.SkipLast(1).Skip(1).Reverse()]);
    }

    internal void Report()
    {
        if (context.IsJson)
        {
            context.WriteJson(new { Pictures = _count, Files = _files, Edit = _edit, Recipe = recipe });
            return;
        }
        if (_edit is not null) context.Say($"The direction of '{_edit.Attribute}' from {_edit.With} pictures with it and {_edit.Without} without: it tells them apart with {_edit.Accuracy:0.0%} accuracy (area under the ROC curve {_edit.Area:0.000}).");
        context.Say($"{_count} {(_count == 1 ? "picture" : "pictures")} of {_size.Width}×{_size.Height} pixels in {string.Join(", ", _files)}.");
        context.Hint($"Next: imago generate --like {_files[0]} --seed {recipe.Seed + recipe.Count}");
    }

    private IReadOnlyList<GeneratedPicture> Pictures(GenerationRecipe one, string title)
    {
        var request = one.RequestFor(model, Classifier) with { Batch = Batch, OnStep = Preview };
        var pictures = context.Track(title, sink => Refiner is null
            ? ImageGenerator.Generate(model, request, sink, context.Cancellation)
            : Refinement.Generate(model, Refiner, request, one.Pipeline!.DenoisingEnd, sink, context.Cancellation));
        _count += pictures.Count;
        _size = (pictures[0].Image.Width, pictures[0].Image.Height);
        return pictures;
    }

    /// <summary>Two rows a picture: what the sampler had, and what the model saw in it. The last moment is the picture.</summary>
    private PixelImage StripOf(IReadOnlyList<GeneratedPicture> pictures) => ImageGrid.Draw(
        [.. pictures.SelectMany(picture => (IReadOnlyList<PixelImage>[])[Row(picture, moment => moment.Noisy), Row(picture, moment => moment.Estimate)])],
        new GridOptions
        {
            ColumnLabels = [.. pictures[0].Moments.SkipLast(1).Select(moment => string.Create(CultureInfo.InvariantCulture, $"step {moment.Step}")), "picture"],
            RowLabels = [.. pictures.SelectMany(_ => (string[])["noisy", "estimate"])], Scale = Scale,
        });

    private static PixelImage[] Row(GeneratedPicture picture, Func<GenerationMoment, PixelImage> of) => [.. picture.Moments.SkipLast(1).Select(of), picture.Image];

    /// <summary>The picture that was inverted, what the model makes of its noise again when told what it is, and what it makes of it now.</summary>
    private PixelImage Beside(IReadOnlyList<GeneratedPicture> pictures)
    {
        var given = recipe.RequestFor(model, Classifier);
        var request = given with { Pictures = [new PictureWish(recipe.Seed, given.Start!.Inverted!)], Guidance = 1, Around = null };
        var again = context.Track("Drawing the picture again", sink => ImageGenerator.Generate(model, request, sink, context.Cancellation))[0];
        return ImageGrid.Draw([[model.Fit(given.Start.Picture!), again.Image, .. pictures.Select(picture => picture.Image)]], new GridOptions { ColumnLabels = ["picture", "again", "anew"], Scale = Scale });
    }

    private void Animate(IReadOnlyList<GeneratedPicture> pictures)
    {
        var options = new GridOptions { Scale = Scale };
        PixelImage Frame(IEnumerable<PixelImage> images) => ImageGrid.Draw([.. images], ColumnsOf(IsWay ? 1 : pictures.Count), options);
        List<PixelImage> frames = IsWay
            ? [.. pictures.Select(picture => Frame([picture.Image]))]
            : [.. pictures[0].Moments.Select((_, at) => Frame(pictures.Select(picture => picture.Moments[at].Noisy))), Frame(pictures.Select(picture => picture.Image))];
        WriteAnimation(frames);
    }

    private void WriteAnimation(IReadOnlyList<PixelImage> frames)
    {
        var file = Path.ChangeExtension(path, ".gif");
        GifFile.Write(file, frames, framesPerSecond: 6);
        _files.Add(file);
    }

    private void Write(GenerationRecipe own, string file, PixelImage image)
    {
        own.Write(file, image);
        _files.Add(file);
    }

    private string Suffixed(string suffix) => Path.Combine(Path.GetDirectoryName(path)!, Path.GetFileNameWithoutExtension(path) + suffix + Path.GetExtension(path));

    private static int ColumnsOf(int count) => (int)Math.Ceiling(Math.Sqrt(count));

    private static (string Name, IReadOnlyList<string> Values) Parse(string text) => text.Split('=', 2) is [{ Length: > 0 } name, { Length: > 0 } values]
        ? (name, values.Split(',', StringSplitOptions.TrimEntries))
        : throw new ArgumentException($"--grid is '{text}'; it must be NAME=X,Y,…, such as guidance=1,2,4.");
}

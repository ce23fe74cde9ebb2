using Imago.Autoencoders;
using Imago.Cli.Exploring;
using Imago.Exploration;
using Imago.Generation;
using Imago.Images;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Cli.Commands;

/// <summary>The sheet of <c>imago generate --edit</c>: each picture, and what it becomes along the direction of an attribute.</summary>
internal sealed class GenerateEdit(CommandContext context, GenerationRecipe recipe, DiffusionModel model)
{
    private readonly LatentEdit _edit = recipe.Edit!;

    /// <summary>Learned and drawn: the direction's quality, and the pictures, each with what it becomes.</summary>
    internal (EditReport Report, IReadOnlyList<IReadOnlyList<PixelImage>> Rows) Draw(Func<IReadOnlyList<GeneratedPicture>> draw)
    {
        var data = DiffusionData.Of(recipe.Model, model, _edit.Data, _edit.DataFolder, $"which labelled pictures show '{_edit.Attribute}'");
        var pictures = data.Open(allowDownload: false, context.Cancellation).Train;
        using var direction = context.Track($"Learning '{_edit.Attribute}'", sink => _edit.Learn(model, pictures, sink, context.Cancellation));
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var (originals, x) = recipe.Image is { } file && !recipe.Invert ? Given(file) : Drawn(draw());
        var rows = originals.Zip(_edit.Apply(model, x, direction), (own, row) => (IReadOnlyList<PixelImage>)[own, .. row]).ToList();
        return (new EditReport(_edit.Attribute, direction.With, direction.Without, direction.Accuracy, direction.Area, direction.Vector.norm().item<double>()), rows);
    }

    /// <summary>The sheet.</summary>
    internal PixelImage Sheet(IReadOnlyList<IReadOnlyList<PixelImage>> rows, int scale) => ImageGrid.Draw(rows, new GridOptions
    {
        Title = $"{_edit.Attribute}, by strength{(_edit.Keep.Count > 0 ? $", keeping {string.Join(", ", _edit.Keep)}" : "")}",
        ColumnLabels = ["picture", .. _edit.Strengths.Select(strength => Explorer.Text(strength, EditCommand.Signed))],
        Scale = scale,
    });

    private (IReadOnlyList<PixelImage> Pictures, Tensor X) Given(string file)
    {
        var picture = model.Fit(ImageFile.Read(file));
        return ([picture], model.Encode(picture));
    }

    private (IReadOnlyList<PixelImage> Pictures, Tensor X) Drawn(IReadOnlyList<GeneratedPicture> pictures) =>
        ([.. pictures.Select(picture => picture.Image)], stack([.. pictures.Select(picture => tensor(picture.Drawn.ToArray()).view(model.Shape))]).to(model.Device));
}

/// <summary>How well a direction tells the labelled pictures apart.</summary>
internal sealed record EditReport(string Attribute, int With, int Without, double Accuracy, double Area, double Length);

using Imago.Data;
using Imago.Diffusion;
using Imago.Images;
using TorchSharp;

namespace Imago.Generation;

/// <summary>The pictures that show how a run is getting on: the same wishes and the same noise every time.</summary>
internal sealed class SampleSheet
{
    private const int Columns = 8, Rows = 4, Steps = 16;
    private const long LargeModel = 100_000_000;
    private readonly IReadOnlyList<PictureWish> _wishes;
    private readonly IReadOnlyList<string> _labels;

    private SampleSheet(IReadOnlyList<(Condition Condition, string Label)> columns, int rows = Rows)
    {
        _labels = [.. columns.Select(column => column.Label)];
        _wishes = [.. Enumerable.Range(0, rows).SelectMany(row => columns.Select((column, i) => new PictureWish(row * columns.Count + i, column.Condition)))];
    }

    /// <summary>One column for each class, or for each of the first pictures that are held out (or learned from, if none are).</summary>
    internal static SampleSheet For(DiffusionModel model, DatasetSplits splits)
    {
        var (conditioner, readsPrompts) = (model.Config.Conditioner, model.Config.Prompts is not null);
        var set = splits.Validation.Count > 0 ? splits.Validation : splits.Train;
        if (conditioner.Conditions.OfType<ClassConditionConfig>().FirstOrDefault() is { } classes)
            return new([.. classes.Names.Take(10).Select((name, number) => (new Condition { ClassNumber = number }, name))]);
        var isText = readsPrompts || conditioner.Conditions.OfType<TextConditionConfig>().Any();
        var attributes = conditioner.Conditions.OfType<AttributeConditionConfig>().FirstOrDefault();
        var isLarge = model.ParameterCount > LargeModel;
        if (!isText && attributes is null) return new([.. Enumerable.Repeat((Condition.None, ""), Columns)]);
        return new([.. Enumerable.Range(0, Math.Min(isLarge ? 2 : Columns, set.Count)).Select(set.Get).Select(item => (Of(item, isText, attributes), isText ? item.Caption ?? "" : ""))], isLarge ? 1 : Rows);
    }

    internal void Draw(DiffusionModel model, long step, string path)
    {
        var pictures = ImageGenerator.Generate(model, new GenerationRequest { Pictures = _wishes, Steps = Steps });
        var scale = StepSheet.Scale(model.Config.Width, model.Config.Height);
        ImageFile.Write(path, ImageGrid.Draw([.. pictures.Select(picture => picture.Image)], _labels.Count, new GridOptions { Title = $"step {step}", ColumnLabels = _labels, Scale = scale }));
    }

    private static Condition Of(ImageItem item, bool isText, AttributeConditionConfig? attributes) => new()
    {
        Caption = isText ? item.Caption : null,
        Attributes = attributes is null || item.Attributes.Count == 0 ? Condition.None.Attributes
            : attributes.Attributes.Zip(item.Attributes).Where(pair => !double.IsNaN(pair.Second)).ToDictionary(pair => pair.First.Name, pair => pair.Second),
    };
}

using System.CommandLine;
using Imago.Cli.Exploring;
using Imago.Data;
using Imago.Exploration;
using Imago.Images;
using static TorchSharp.torch;

namespace Imago.Cli.Commands;

/// <summary><c>imago edit</c>: adds an attribute to pictures, or takes it away.</summary>
internal static class EditCommand
{
    internal const string Signed = "+0.##;-0.##;0";

    internal static readonly Dictionary<string, DirectionMethod> Methods = new()
    {
        ["mean"] = DirectionMethod.MeanDifference,
        ["logistic"] = DirectionMethod.Logistic,
        ["svm"] = DirectionMethod.SupportVectors,
    };

    private static readonly Option<string> Attribute = new("--attribute", "-a")
    {
        HelpName = "WHAT",
        Description = "The attribute, as the data set's labels tell it: a class (smiling), an attribute (glasses; smile, meaning its upper half), hair=long, smile>0.5.",
        Required = true,
    };

    internal static readonly Option<string[]> Keep = new("--keep") { HelpName = "WHAT", Description = "Another attribute that shall not change: the direction becomes orthogonal to its own. May be repeated." };
    internal static readonly Option<string> Method = new Option<string>("--method")
    {
        Description = "How the direction is found: mean (difference of the classes' means), logistic or svm (the normal of a linear classifier).",
        DefaultValueFactory = _ => "mean",
    }.AcceptOnlyFromAmong([.. Methods.Keys]);

    internal static readonly Option<double[]> Strengths = ExploreOptions.Numbers("--strengths", "-1,-0.5,0,0.5,1,1.5,2", "How far to go; 1 is the distance between the means of those without and those with the attribute.");
    private static readonly Option<int> Count = ExploreOptions.Number("--count", 6, 1, "Pictures of the data set to edit, such as do not have the attribute.");
    internal static readonly Option<int> Examples = ExploreOptions.Number("--examples", 4000, 2, "Labelled pictures to learn the direction from.");

    internal static Command Create() => new ImagoCommand(
        "edit",
        "Add an attribute to pictures, or take it away, along a direction learned from labelled pictures.",
        "imago edit runs/faces --attribute smile",
        "imago edit runs/faces me.jpg --attribute smile --keep head_tilt --method logistic",
        "imago edit taef2_encoder.pth --data smiles.zip --attribute smile --strengths 0,1,2")
    {
        ExploreOptions.Model, ExploreOptions.Images, ExploreOptions.Data, ExploreOptions.DataFolder, Attribute, Keep, Method, Strengths, Count, Examples,
        ExploreOptions.Size, ExploreOptions.Seed, ExploreOptions.Out, SharedOptions.Json,
    }.Does(Run);

    private static void Run(CommandContext context)
    {
        using var explorer = new Explorer(context);
        var examples = explorer.Examples(context.Get(Examples));
        var attribute = ExampleSelector.Parse(context.Get(Attribute)!, examples);
        var kept = (context.Get(Keep) ?? []).Select(text => ExampleSelector.Parse(text, examples)).ToList();
        using var codes = explorer.Encode(examples);
        using var direction = AttributeEdit.Learn(codes.Means, attribute.Select(codes), Methods[context.Get(Method)!], [.. kept.Select(other => other.Select(codes))]);

        var strengths = context.Get(Strengths)!;
        var images = Chosen(context, explorer, attribute);
        var z = explorer.Space.Encode(images).Mean;
        var edited = explorer.Decode(AttributeEdit.Apply(z, direction.Vector, strengths));
        var rows = Explorer.ToPictures(images).Zip(Explorer.ToPictures(edited).Chunk(strengths.Length), (own, row) => (IReadOnlyList<PixelImage>)[own, .. row]).ToList();
        explorer.Write(ImageGrid.Draw(rows, new GridOptions
        {
            Title = $"{attribute.Text}, by strength{(kept.Count > 0 ? $", keeping {string.Join(", ", kept.Select(other => other.Text))}" : "")}",
            ColumnLabels = ["picture", .. strengths.Select(s => Explorer.Text(s, Signed))],
            Scale = explorer.Scale,
        }));
        if (strengths.Length > 1)
        {
            var columns = Math.Min(6, rows.Count);
            explorer.WriteAnimation(
                [.. strengths.Select((s, t) => ImageGrid.Draw([.. rows.Select(row => row[t + 1])], columns, new GridOptions
                {
                    Title = attribute.Text,
                    ColumnLabels = [.. Enumerable.Repeat(Explorer.Text(s, Signed), columns)],       // above the pictures, where no label changes the frame's size
                    Scale = explorer.Scale,
                }))],
                framesPerSecond: 4);
        }

        context.Say($"The direction of '{attribute.Text}' from {direction.With} pictures with it and {direction.Without} without: it tells them apart with {direction.Accuracy:0.0%} accuracy (area under the ROC curve {direction.Area:0.000}).");
        explorer.Finish(
            new { Attribute = attribute.Text, Keep = kept.Select(other => other.Text), Method = context.Get(Method), direction.With, direction.Without, direction.Accuracy, direction.Area, Length = direction.Vector.norm().item<double>(), Strengths = strengths, Files = explorer.Written },
            "--method logistic and --keep OTHER make the direction purer; --strengths -2,2 goes further.");
    }

    /// <summary>The pictures to edit: those named, or some of the data set that lack the attribute.</summary>
    private static Tensor Chosen(CommandContext context, Explorer explorer, ExampleSelector attribute)
    {
        var count = context.Get(Count);
        if (explorer.HasFiles) return explorer.Space.Load(explorer.Pictures(count), context.Cancellation);
        var pool = explorer.Pictures(20 * count);
        using var codes = explorer.Encode(pool);
        var labels = attribute.Select(codes);
        int[] without = [.. codes.Indices.Where((_, row) => !labels[row]).Take(count)];
        return explorer.Space.Load(new SubsetDataset(pool, without), context.Cancellation);
    }
}

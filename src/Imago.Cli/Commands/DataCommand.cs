using System.CommandLine;
using System.Globalization;
using Imago.Data;
using Imago.Images;

namespace Imago.Cli.Commands;

/// <summary><c>imago data</c>: what a data set holds.</summary>
internal static class DataCommand
{
    private const int SampleSize = 1000;

    internal static Command Create()
    {
        var name = new Argument<string?>("SET") { Description = "A named set, or a folder, zip or parquet file of images; without it, the named sets are listed.", Arity = ArgumentArity.ZeroOrOne };
        var folder = new Option<string>("--folder") { Description = "Folder with the files of a published set.", HelpName = "DIR" };
        var download = new Option<bool>("--download") { Description = "Fetch the files of a published set that are missing." };
        var size = new Option<int?>("--size") { Description = "Side at which drawn sets are drawn, in pixels.", HelpName = "PIXELS" };
        var count = new Option<int?>("--count") { Description = "Images in all.", HelpName = "N" };
        var seed = new Option<long>("--seed") { Description = "Seed of drawn sets, and of splits that the set does not have itself.", HelpName = "N" };
        var all = new Option<bool>("--all") { Description = $"Read every image, not a sample of {SampleSize}: counts are exact and all broken images are named." };
        var strict = new Option<bool>("--strict") { Description = "Fail if an image is broken." };
        var sheet = new Option<string>("--out") { Description = "Write a contact sheet of the training images.", HelpName = "FILE.png" };
        var command = new ImagoCommand("data", "Show what a data set holds: counts, sizes, classes, attributes, captions, splits.",
            "imago data", "imago data faces --out faces.png", "imago data mnist --download", "imago data ./photos.zip --all --json")
        {
            name, folder, download, size, count, seed, all, strict, sheet, SharedOptions.Json,
        };
        return command.Does(context =>
        {
            if (context.Get(name) is not { } chosen)
            {
                ListSets(context);
                return;
            }
            var splits = context.Track("fetching", sink => Datasets.Open(chosen, new DatasetOptions
            {
                Folder = context.Get(folder),
                AllowDownload = context.Get(download),
                Size = context.Get(size),
                Count = context.Get(count),
                Seed = context.Get(seed),
                Progress = sink.For<DownloadProgress>(report => (report.Bytes, report.Total ?? report.Bytes, report.File)),
            }, context.Cancellation));
            Describe(context, splits, context.Get(all) ? null : SampleSize, context.Get(strict), context.Get(sheet));
        }, usesTorch: false);
    }

    private static void ListSets(CommandContext context)
    {
        if (context.IsJson) context.WriteJson(Datasets.All.Select(set => new { set.Name, set.Description }));
        foreach (var set in Datasets.All) context.Say($"{set.Name,-14} {set.Description}");
        context.Hint("\nA folder, zip or parquet file of your own images is named by its path.");
    }

    private static void Describe(CommandContext context, DatasetSplits splits, int? limit, bool strict, string? sheet)
    {
        var whole = new ConcatenatedDataset(splits.Name, [splits.Train, splits.Validation, splits.Test]);
        var summary = context.Track("reading", sink => DatasetSummary.Of(
            whole, limit, sink.For<int>(read => (read, Math.Min(whole.Count, limit ?? whole.Count), null)), context.Cancellation));
        if (sheet is not null) ImageFile.Write(sheet, DatasetSummary.ContactSheet(splits.Train));
        if (context.IsJson) context.WriteJson(Document(splits, whole, summary, sheet));
        else Print(context, splits, whole, summary, sheet);
        if (strict && summary.Broken.Count > 0) throw new DataException($"{summary.Broken.Count} images are broken; the first is {summary.Broken[0].Name}: {summary.Broken[0].Reason}");
    }

    private static object Document(DatasetSplits splits, ImageDataset whole, DatasetSummary summary, string? sheet) => new
    {
        splits.Name,
        splits.Description,
        Images = whole.Count,
        Splits = splits.Parts.ToDictionary(part => part.Name, part => part.Set.Count),
        whole.Attributes,
        Summary = summary,
        ContactSheet = sheet,
    };

    private static void Print(CommandContext context, DatasetSplits splits, ImageDataset whole, DatasetSummary summary, string? sheet)
    {
        var examined = summary.Examined == whole.Count ? "" : $" (of {Number(summary.Examined)} examined)";
        context.Say($"{splits.Name}: {splits.Description}");
        context.Say($"  images      {Number(whole.Count)}: {string.Join(", ", splits.Parts.Select(part => $"{part.Name} {Number(part.Set.Count)}"))}");
        context.Say($"  sizes       {string.Join(", ", summary.Sizes.Take(5).Select(size => $"{size.Width}×{size.Height} {(size.Channels == 1 ? "grey" : "colour")} {Number(size.Images)}"))}{(summary.Sizes.Count > 5 ? $", and {summary.Sizes.Count - 5} others" : "")}{examined}");
        if (summary.Classes.Count > 0) context.Say($"  classes     {string.Join(", ", summary.Classes.Take(20).Select(item => $"{item.Name} {Number(item.Images)}"))}{(summary.Classes.Count > 20 ? $", and {summary.Classes.Count - 20} others" : "")}{examined}");
        if (summary.Captions > 0) context.Say($"  captions    {Number(summary.Captions)}{examined}, such as: {string.Join(" | ", summary.ExampleCaptions.Take(3))}");
        foreach (var (i, attribute) in whole.Attributes.Index()) context.Say($"  {(i == 0 ? "attributes" : ""),-11} {attribute.Name} {Values(attribute)}: {attribute.Description}");
        context.Say($"  broken      {Number(summary.Broken.Count)}{examined}");
        foreach (var image in summary.Broken.Take(20)) context.Say($"    {image.Name}: {image.Reason}");
        if (sheet is not null) context.Say($"  written     {sheet}");
        if (summary.Sizes.Count > 1) context.Hint("The sizes differ: give a size (--size) when you train on it.");
    }

    private static string Values(ImageAttribute attribute) => attribute.Values.Count > 0
        ? string.Join("/", attribute.Values)
        : string.Create(CultureInfo.InvariantCulture, $"{attribute.Minimum:0.###} … {attribute.Maximum:0.###}");

    private static string Number(int number) => number.ToString("N0", CultureInfo.InvariantCulture);
}

using System.CommandLine;

namespace Imago.Cli.Exploring;

/// <summary>What the exploring commands take alike.</summary>
internal static class ExploreOptions
{
    internal static Argument<string> Model { get; } = new("model")
    {
        HelpName = "MODEL",
        Description = "An autoencoder: the folder of a run, a folder from a model hub, a file of weights, or a hub's model in the cache (owner/name; see `imago download`).",
    };

    internal static Argument<string[]> Images { get; } = new("images")
    {
        HelpName = "IMAGE",
        Description = "Image files; without any, pictures of the data set.",
        Arity = ArgumentArity.ZeroOrMore,
    };

    internal static Option<string?> Data { get; } = new("--data")
    {
        HelpName = "NAME|PATH",
        Description = "Data set: a name such as faces or mnist, or a folder, zip or parquet file of images; by default the data that a run was trained on.",
    };

    internal static Option<string?> DataFolder { get; } = new("--data-folder") { HelpName = "PATH", Description = "Where the files of a published data set lie." };

    internal static Option<int?> Size { get; } = new("--size") { HelpName = "PIXELS", Description = "Side that pictures are cropped and resized to; the model's own by default." };

    internal static Option<long> Seed { get; } = new("--seed") { HelpName = "N", Description = "Chooses pictures and random numbers.", DefaultValueFactory = _ => 0 };

    internal static Option<string?> Out { get; } = new("--out", "-o") { HelpName = "FILE", Description = "The picture to write, .png, .jpg or .webp; named like the command by default. An animation goes beside it." };

    /// <summary>A whole number of at least <paramref name="minimum"/>.</summary>
    internal static Option<int> Number(string name, int value, int minimum, string description)
    {
        var option = new Option<int>(name) { HelpName = "N", Description = description, DefaultValueFactory = _ => value };
        option.Validators.Add(result =>
        {
            if (result.Tokens is [var token] && int.TryParse(token.Value, out var number) && number < minimum)
                result.AddError($"{name} is {number}; it must be at least {minimum}.");
        });
        return option;
    }

    /// <summary>Numbers separated by commas.</summary>
    internal static Option<double[]> Numbers(string name, string defaults, string description) => new(name)
    {
        HelpName = "X,Y,…",
        Description = $"{description} [default: {defaults}]",
        DefaultValueFactory = _ => Parse(defaults)!,
        CustomParser = result =>
        {
            if (Parse(result.Tokens[0].Value) is { } numbers) return numbers;
            result.AddError($"{name} is '{result.Tokens[0].Value}'; it must be numbers separated by commas, such as {defaults}.");
            return null;
        },
    };

    private static double[]? Parse(string text)
    {
        var numbers = new List<double>();
        foreach (var part in text.Split(',', StringSplitOptions.TrimEntries))
        {
            if (!double.TryParse(part, System.Globalization.CultureInfo.InvariantCulture, out var number) || !double.IsFinite(number)) return null;
            numbers.Add(number);
        }
        return [.. numbers];
    }
}

using System.Globalization;
using System.Text.RegularExpressions;

namespace Imago.Weights;

/// <summary>One way in which a component's weights lie in a folder: a single file, or an index with its shards.</summary>
/// <param name="Format"><c>safetensors</c> or <c>bin</c>.</param>
/// <param name="Variant">Such as <c>fp16</c>; <see langword="null"/> for the plain form.</param>
/// <param name="Files">The names, without the folder.</param>
internal sealed partial record WeightSet(string Format, string? Variant, IReadOnlyList<string> Files)
{
    /// <summary>The whole sets among the names of a folder's files, single files before sharded ones. Weights of other libraries and sets with holes are none.</summary>
    internal static IReadOnlyList<WeightSet> In(IEnumerable<string> names)
    {
        var files = names.Select(name => (Name: name, Match: NamePattern().Match(name))).Where(file => file.Match.Success).ToArray();
        return
        [
            .. from file in files
               where Kind(file.Match) == "single"
               select new WeightSet(file.Match.Groups["format"].Value, VariantOf(file.Match), [file.Name]),
            .. from file in files
               where Kind(file.Match) == "index"
               let shards = files.Where(other => Kind(other.Match) == "shard" && Key(other.Match) == Key(file.Match)).ToArray()
               where IsWhole(shards)
               select new WeightSet(file.Match.Groups["format"].Value, VariantOf(file.Match), [file.Name, .. shards.Select(shard => shard.Name).Order(StringComparer.Ordinal)]),
        ];
    }

    /// <summary>Whether a name is one of weights, or of an index of them, whatever the library.</summary>
    internal static bool IsName(string name) => NamePattern().IsMatch(name) || name.EndsWith(".index.json", StringComparison.Ordinal);

    /// <summary>Whether a name is that of an index of shards.</summary>
    internal static bool IsIndex(string name) => NamePattern().Match(name) is { Success: true } match && match.Groups["index"].Success;

    /// <summary>The best of several: the variant that is wanted, else the plain form, else another; safetensors before pickles.</summary>
    internal static WeightSet? Best(IReadOnlyList<WeightSet> sets, string? variant) => sets
        .OrderBy(set => set.Variant == variant ? 0 : set.Variant is null ? 1 : set.Variant == "fp16" ? 2 : 3)
        .ThenBy(set => set.Format == "safetensors" ? 0 : 1)
        .FirstOrDefault();

    private static string Kind(Match match) => match.Groups["index"].Success ? "index" : match.Groups["shard"].Success ? "shard" : "single";

    private static string? VariantOf(Match match) => match.Groups["variant"] is { Success: true, Value: var variant } ? variant : null;

    private static (string Stem, string? Variant, string Format) Key(Match match) => (match.Groups["stem"].Value, VariantOf(match), match.Groups["format"].Value);

    private static bool IsWhole((string Name, Match Match)[] shards) =>
        shards.Length > 0 && shards.All(shard => int.Parse(shard.Match.Groups["count"].Value, CultureInfo.InvariantCulture) == shards.Length);

    // diffusion_pytorch_model.fp16.safetensors, model-00001-of-00002.safetensors, model.fp16-00001-of-00002.safetensors, model.safetensors.index.fp16.json
    [GeneratedRegex(
        @"^(?<stem>diffusion_pytorch_model|model|pytorch_model)(\.(?<variant>[A-Za-z0-9_]+))?(-(?<shard>\d{5})-of-(?<count>\d{5})(\.(?<variant>[A-Za-z0-9_]+))?)?\.(?<format>safetensors|bin)(?<index>\.index(\.(?<variant>[A-Za-z0-9_]+))?\.json)?\z",
        RegexOptions.ExplicitCapture)]
    private static partial Regex NamePattern();
}

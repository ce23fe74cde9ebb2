using Imago.Weights;

namespace Imago.Hub;

/// <summary>The files of a repository that Imago needs to load its model.</summary>
/// <param name="Files">Their paths.</param>
/// <param name="Missing">What a whole model would have and these files do not, a clause each.</param>
internal sealed record HubSelection(IReadOnlyList<string> Files, IReadOnlyList<string> Missing)
{
    private static readonly string[] SettingsEndings = [".json", ".txt", ".model"];

    /// <summary>Chooses among the files that there are: of a pipeline, its components' settings and one form of their weights; of a single component or an exported model likewise; else the only file of weights.</summary>
    /// <param name="names">Paths of all files.</param>
    /// <param name="index">The text of <c>model_index.json</c>, if it is among them.</param>
    /// <param name="options">The variant that is wanted, and components that are not.</param>
    /// <exception cref="HubException">The index is damaged.</exception>
    internal static HubSelection Of(IReadOnlyCollection<string> names, string? index, HubOptions options)
    {
        if (index is not null) return Pipeline(names, index, options);
        if (names.Contains("imago.json")) return new([.. names.Where(name => IsSettings(name) || name.EndsWith(".safetensors", StringComparison.Ordinal))], []);
        if (names.Contains("config.json")) return Component(names, "", hasWeights: true, options.Variant).Checked(options.Variant, names);
        string[] weights = [.. names.Where(name => !name.Contains('/', StringComparison.Ordinal) && name.EndsWith(".safetensors", StringComparison.Ordinal))];
        return weights.Length == 1
            ? new(weights, [])
            : new([], [$"there is neither {ModelIndex.FileName} nor config.json, and {(weights.Length == 0 ? "no file" : $"{weights.Length} files")} of weights; name the file that you mean after the id (owner/name/FILE){Named(weights)}"]);
    }

    private static HubSelection Pipeline(IReadOnlyCollection<string> names, string index, HubOptions options)
    {
        var components = ModelIndex.Components(index, ModelIndex.FileName).Where(component => !options.Without.Contains(component.Name));
        var parts = components.Select(component => Component(names, $"{component.Name}/", ModelIndex.HasWeights(component.Class), options.Variant)).ToArray();
        return new HubSelection([ModelIndex.FileName, .. parts.SelectMany(part => part.Files)], [.. parts.SelectMany(part => part.Missing)]).Checked(options.Variant, names);
    }

    private static HubSelection Component(IReadOnlyCollection<string> names, string folder, bool hasWeights, string? variant)
    {
        string[] own = [.. names.Where(name => name.StartsWith(folder, StringComparison.Ordinal)).Select(name => name[folder.Length..]).Where(name => !name.Contains('/', StringComparison.Ordinal))];
        var weights = hasWeights ? WeightSet.Best(WeightSet.In(own), variant) : null;
        string[] chosen = [.. own.Where(name => IsSettings(name) && !WeightSet.IsName(name)), .. weights?.Files ?? []];
        string[] missing =
        [
            .. own.Length == 0 ? (string[])[$"{folder} has no files"] : [],
            .. own.Length > 0 && hasWeights && !own.Contains("config.json") ? (string[])[$"{folder}config.json is not there"] : [],
            .. own.Length > 0 && hasWeights && weights is null ? (string[])[$"{(folder.Length == 0 ? "it" : folder)} has no whole weights in safetensors or PyTorch's format"] : [],
        ];
        return new([.. chosen.Select(name => folder + name)], missing);
    }

    /// <summary>A variant that no component has was not meant.</summary>
    private HubSelection Checked(string? variant, IReadOnlyCollection<string> names)
    {
        if (variant is null || Missing.Count > 0 || Variants(Files).Contains(variant)) return this;
        string[] others = [.. Variants(names).OfType<string>().Distinct().Order(StringComparer.Ordinal)];
        return this with { Missing = [$"there are no weights of the variant {variant}{(others.Length > 0 ? $" (there are: {string.Join(", ", others)})" : "")}"] };
    }

    private static IEnumerable<string?> Variants(IEnumerable<string> paths) =>
        paths.GroupBy(path => path[..(path.LastIndexOf('/') + 1)]).SelectMany(folder => WeightSet.In(folder.Select(path => path[folder.Key.Length..]))).Select(set => set.Variant);

    private static bool IsSettings(string name) => SettingsEndings.Any(ending => name.EndsWith(ending, StringComparison.Ordinal));

    private static string Named(string[] weights) => weights.Length == 0 ? "" : $": {string.Join(", ", weights.Take(8))}{(weights.Length > 8 ? ", …" : "")}";
}

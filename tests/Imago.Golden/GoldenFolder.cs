using Imago.Golden.Sets;

namespace Imago.Golden;

/// <summary>A folder of sets, each with its <c>manifest.json</c>.</summary>
public static class GoldenFolder
{
    /// <summary>The sets that Imago runs; a folder's other sets are listed as skipped, case by case.</summary>
    public static IReadOnlyList<GoldenSet> Sets { get; } = [new VaeSet(), new RandomSet(), new FormatsSet(), new ModelsSet(), new TokenizersSet(), new PromptsSet(), new SchedulersSet(), new MetricsSet(), new PipelinesSet()];

    /// <summary>The folder named by <c>IMAGO_GOLDEN</c>, or <c>../shared/golden</c> beside the repository; null where there is none.</summary>
    public static string? Find()
    {
        if (Environment.GetEnvironmentVariable("IMAGO_GOLDEN") is { Length: > 0 } chosen) return Directory.Exists(chosen) ? chosen : null;
        return Repository() is { } root && Path.GetFullPath(Path.Combine(root, "..", "shared", "golden")) is var path && Directory.Exists(path) ? path : null;
    }

    /// <summary>The repository's root: the nearest folder above the program that holds <c>Imago.slnx</c>.</summary>
    public static string? Repository()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "Imago.slnx"))) return folder.FullName;
        }
        return null;
    }

    /// <summary>All cases of all sets of a folder (or of the named ones), in the order of the manifests.</summary>
    public static IEnumerable<GoldenCase> Cases(string folder, IReadOnlyCollection<string> sets)
    {
        foreach (var manifest in Directory.GetFiles(folder, "manifest.json", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
        {
            var home = Path.GetDirectoryName(manifest)!;
            var root = PythonJson.Read(manifest);
            var set = root.TryGetProperty("set", out var given) ? given.GetString()! : Path.GetFileName(home);
            if (sets.Count > 0 && !sets.Contains(set)) continue;
            foreach (var (list, name) in new[] { ("cases", "name"), ("single_files", "file") })
            {
                if (!root.TryGetProperty(list, out var cases)) continue;
                foreach (var entry in cases.EnumerateArray()) yield return new GoldenCase(set, entry.GetProperty(name).GetString()!, entry, home);
            }
            if (!root.TryGetProperty("preprocess", out var preparation)) continue;
            foreach (var entry in preparation.GetProperty("items").EnumerateArray()) yield return new GoldenCase(set, $"preprocess/{entry.GetProperty("name").GetString()}", entry, home);
        }
    }

    /// <summary>Runs one case by the set that knows its kind.</summary>
    public static GoldenOutcome Run(GoldenCase golden) => Sets.FirstOrDefault(set => set.Name == golden.Set) is { } set
        ? set.Run(golden)
        : new GoldenOutcome(golden, GoldenStatus.Skipped, $"Imago has nothing yet that the set {golden.Set} could test", 0);
}

using Imago.Data;

namespace Imago.Hub;

/// <summary>
/// Models of a hub (<c>stabilityai/stable-diffusion-xl-base-1.0</c>) as folders on this machine: from the cache that Python's libraries keep too,
/// or fetched into it, only the files that Imago needs, each verified by its length and hash.
/// </summary>
public static class HubModels
{
    /// <summary>The folder (or the file, if the id names one) of a model. What exists under the text as a path is taken as it is, and so is what cannot be an id.</summary>
    /// <param name="idOrPath">A path, <c>owner/name</c>, <c>owner/name@revision</c>, <c>owner/name/FILE</c>, or the address of a model's page.</param>
    /// <param name="options">The revision and variant, and whether files that are missing may be fetched; <see langword="null"/> for what is in the cache of <c>main</c>.</param>
    /// <param name="progress">How far a download is.</param>
    /// <param name="cancellationToken">Stops a download; what has come is kept.</param>
    /// <returns>A path.</returns>
    /// <exception cref="HubException">The cache does not have it and it may not be fetched, or cannot be.</exception>
    /// <exception cref="ArgumentException">The revision cannot be one, or is given with a path.</exception>
    public static async Task<string> ResolveAsync(string idOrPath, HubOptions? options = null, IProgress<HubProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(idOrPath);
        options ??= new HubOptions();
        if (IsHere(idOrPath) || !HubId.TryParse(idOrPath, options.Revision, out var id))
            return options.Revision is null ? idOrPath : throw new ArgumentException($"--revision is for models of a hub, and '{idOrPath}' is {(IsHere(idOrPath) ? "a path on this machine" : "no hub's id (owner/name)")}.");
        var settings = options.Settings ?? HubSettings.FromEnvironment();
        var (cached, missing) = InCache(id, settings, options);
        if (cached is not null) return cached;
        if (settings.IsOffline) throw new HubException($"{NotHere(id, idOrPath, settings, missing)} HF_HUB_OFFLINE is set, so nothing is fetched; unset it.");
        if (!options.AllowDownload) throw new HubException($"{NotHere(id, idOrPath, settings, missing)} If it is a model of {settings.Endpoint.Host}, fetch it with `imago download {id.Repository}`, or allow the download (--download).");
        var plan = await PlanAsync(id, options, cancellationToken).ConfigureAwait(false);
        return await DownloadAsync(plan, options, progress, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc cref="ResolveAsync"/>
    public static string Resolve(string idOrPath, HubOptions? options = null, IProgress<HubProgress>? progress = null, CancellationToken cancellationToken = default) =>
        ResolveAsync(idOrPath, options, progress, cancellationToken).GetAwaiter().GetResult();

    /// <summary>Asks the hub what a model's download would fetch; writes nothing.</summary>
    /// <param name="id">The model.</param>
    /// <param name="options">The variant that is wanted, and components that are not.</param>
    /// <param name="cancellationToken">Stops it.</param>
    /// <exception cref="HubException">The hub cannot be asked or refuses, or the repository holds no model that Imago loads.</exception>
    public static async Task<HubPlan> PlanAsync(HubId id, HubOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(id);
        options ??= new HubOptions();
        var settings = options.Settings ?? HubSettings.FromEnvironment();
        if (settings.IsOffline) throw new HubException($"{settings.Endpoint.Host} cannot be asked for {id}: HF_HUB_OFFLINE is set; unset it.");
        var (cache, api) = (new HubCache(settings, id.Repository), Api(id, settings, options, out var http));
        using var client = http;
        var commit = HubId.IsCommit(id.Revision) ? id.Revision : await api.CommitAsync(cancellationToken).ConfigureAwait(false);
        var all = await api.FilesAsync(commit, cancellationToken).ConfigureAwait(false);
        var names = all.Select(file => file.Path).ToHashSet();
        var chosen = id.File is { } one ? One(names, one) : await ChooseAsync(names).ConfigureAwait(false);
        if (chosen.Missing.Count > 0) throw new HubException($"{id} cannot be loaded: {string.Join("; ", chosen.Missing)}.");
        var wanted = chosen.Files.ToHashSet();
        HubFile[] files = [.. all.Where(file => wanted.Contains(file.Path))];
        return new HubPlan(id, commit, cache.Snapshot(commit), [.. files.Select(file => new HubPlanFile(file.Path, file.Bytes, cache.Has(commit, file) || cache.HasBlob(file)))]) { Sources = files };

        async Task<HubSelection> ChooseAsync(HashSet<string> names)
        {
            var index = names.Contains(ModelIndex.FileName)
                ? (await api.TextAsync(api.Content(commit, ModelIndex.FileName), ModelIndex.LongestJson, cancellationToken).ConfigureAwait(false)).Text
                : null;
            return HubSelection.Of(names, index, options);
        }

        HubSelection One(HashSet<string> names, string file) => new([file], names.Contains(file) ? [] : [$"it has no file {file}"]);
    }

    /// <summary>Fetches what a plan says, and notes the revision's commit in the cache.</summary>
    /// <param name="plan">What <see cref="PlanAsync"/> gave.</param>
    /// <param name="options">The same options.</param>
    /// <param name="progress">How far it is.</param>
    /// <param name="cancellationToken">Stops it; what has come is kept.</param>
    /// <returns>The model's folder, or its file if the id names one.</returns>
    /// <exception cref="HubException">A file cannot be had.</exception>
    public static async Task<string> DownloadAsync(HubPlan plan, HubOptions? options = null, IProgress<HubProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(plan);
        options ??= new HubOptions();
        var settings = options.Settings ?? HubSettings.FromEnvironment();
        var cache = new HubCache(settings, plan.Id.Repository);
        var api = Api(plan.Id, settings, options, out var http);
        using var client = http;
        try
        {
            await new HubDownload(cache, api, new Downloader(http, options.Retries), options).FetchAsync(plan.Commit, plan.Sources, progress, cancellationToken).ConfigureAwait(false);
            cache.WriteReference(plan.Id.Revision, plan.Commit);
        }
        catch (Exception e) when (e is UnauthorizedAccessException or IOException)
        {
            throw new HubException($"{settings.CacheFolder} cannot be written: {e.Message} Name another folder with HF_HUB_CACHE.", e);
        }
        return plan.Id.File is { } file ? cache.Pointer(plan.Commit, file) : plan.Folder;
    }

    private static bool IsHere(string path) => File.Exists(path) || Directory.Exists(path);

    private static HubApi Api(HubId id, HubSettings settings, HubOptions options, out HttpClient http) => new(settings, id, http = HubHandler.Client(settings, id), options.Retries);

    /// <summary>The path of a model that is whole in the cache, or what it lacks; neither if nothing of it is there.</summary>
    private static (string? Path, IReadOnlyList<string> Missing) InCache(HubId id, HubSettings settings, HubOptions options)
    {
        var cache = new HubCache(settings, id.Repository);
        if (cache.CommitOf(id.Revision) is not { } commit || cache.Files(commit) is not { Count: > 0 } names) return (null, []);
        if (id.File is { } file) return names.Contains(file) ? (cache.Pointer(commit, file), []) : (null, [$"{file} is not there"]);
        var index = cache.Pointer(commit, ModelIndex.FileName);
        var missing = HubSelection.Of(names, names.Contains(ModelIndex.FileName) ? Text(index) : null, options).Missing;
        return missing.Count == 0 ? (cache.Snapshot(commit), []) : (null, missing);
    }

    private static string Text(string path) =>
        LinkedFile.Length(path) is > ModelIndex.LongestJson ? throw new HubException($"{path} is too long for a list of components; delete the model's folder and fetch it again.") : File.ReadAllText(path);

    private static string NotHere(HubId id, string text, HubSettings settings, IReadOnlyList<string> missing) => missing.Count > 0
        ? $"{id} is not complete in {settings.CacheFolder}: {string.Join("; ", missing)}."
        : $"'{text}' is no path on this machine, and {id} is not in the hub's cache {settings.CacheFolder}.";
}

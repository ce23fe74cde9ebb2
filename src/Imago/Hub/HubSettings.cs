using System.Text.RegularExpressions;

namespace Imago.Hub;

/// <summary>Where the hub is, where its files are kept, and who asks: what Python's <c>huggingface_hub</c> reads from the environment, under the same names.</summary>
public sealed partial record HubSettings
{
    private const int LongestToken = 1000;

    private static readonly string[] Yes = ["1", "ON", "YES", "TRUE"];

    /// <summary>The folder with the models (<c>HF_HUB_CACHE</c>, else <c>hub</c> in <c>HF_HOME</c>, which is <c>huggingface</c> in <c>XDG_CACHE_HOME</c> or in <c>~/.cache</c>).</summary>
    public required string CacheFolder { get; init; }

    /// <summary>The hub's address (<c>HF_ENDPOINT</c>).</summary>
    public Uri Endpoint { get; init; } = new("https://huggingface.co");

    /// <summary>The user's token (<c>HF_TOKEN</c>, else the file of <c>HF_TOKEN_PATH</c>, else <c>token</c> in <c>HF_HOME</c>); it is sent to <see cref="Endpoint"/> alone.</summary>
    public string? Token { get; init; }

    /// <summary>Where the token came from, or a file in which one is looked for; for messages.</summary>
    public string TokenSource { get; init; } = "HF_TOKEN";

    /// <summary>Whether nothing may be fetched (<c>HF_HUB_OFFLINE</c>).</summary>
    public bool IsOffline { get; init; }

    /// <summary>Whether a snapshot's files are links to the contents rather than the contents themselves (<c>HF_HUB_DISABLE_SYMLINKS</c>). Where links cannot be made, they are the contents in any case.</summary>
    public bool UsesLinks { get; init; } = true;

    /// <summary>Reads the environment.</summary>
    /// <param name="read">A variable's value by its name; <see langword="null"/> for the process's own environment.</param>
    /// <exception cref="HubException">A variable has a value that cannot be meant.</exception>
    public static HubSettings FromEnvironment(Func<string, string?>? read = null)
    {
        read ??= Environment.GetEnvironmentVariable;
        var user = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
        var home = Folder("HF_HOME") ?? Path.Combine(Folder("XDG_CACHE_HOME") ?? Path.Combine(user, ".cache"), "huggingface");
        var tokenPath = Folder("HF_TOKEN_PATH") ?? Path.Combine(home, "token");
        var (token, source) = FindToken(read, tokenPath);
        return new HubSettings
        {
            CacheFolder = Folder("HF_HUB_CACHE") ?? Folder("HUGGINGFACE_HUB_CACHE") ?? Path.Combine(home, "hub"),
            Endpoint = Address(Value("HF_ENDPOINT") ?? "https://huggingface.co"),
            Token = token,
            TokenSource = source,
            IsOffline = IsSet("HF_HUB_OFFLINE") || IsSet("TRANSFORMERS_OFFLINE"),
            UsesLinks = !IsSet("HF_HUB_DISABLE_SYMLINKS"),
        };

        string? Value(string name) => read(name) is { Length: > 0 } value ? value : null;
        string? Folder(string name) => Value(name) is { } value ? Path.GetFullPath(Expanded(value, user, read)) : null;
        bool IsSet(string name) => Yes.Contains(Value(name)?.ToUpperInvariant());
    }

    /// <summary>Everything but the token.</summary>
    public override string ToString() => $"{Endpoint} in {CacheFolder}";

    private static (string? Token, string Source) FindToken(Func<string, string?> read, string path)
    {
        foreach (var name in (string[])["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"])
        {
            if (Clean(read(name), name) is { } token) return (token, name);
        }
        if (Yes.Contains(read("HF_HUB_DISABLE_IMPLICIT_TOKEN")?.ToUpperInvariant()) || !File.Exists(path)) return (null, path);
        try
        {
            if (new FileInfo(path).Length > 16 * LongestToken) throw new HubException($"{path} is too long to hold a token; write one into it, or remove it.");
            return (Clean(File.ReadAllText(path), path), path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new HubException($"The token in {path} cannot be read: {e.Message}", e);
        }
    }

    private static string? Clean(string? token, string source)
    {
        token = token?.Trim();
        if (string.IsNullOrEmpty(token)) return null;
        return token.Length <= LongestToken && token.All(c => c is > ' ' and < '\x7f') ? token : throw new HubException($"{source} holds no token: a token is one word of letters, digits and signs.");
    }

    private static Uri Address(string text) =>
        Uri.TryCreate(text.TrimEnd('/'), UriKind.Absolute, out var uri) && uri.Scheme is "https" or "http" && uri.UserInfo.Length == 0 && uri.Query.Length == 0
            ? uri
            : throw new HubException($"HF_ENDPOINT is '{text}'; it must be the address of a hub, such as https://huggingface.co.");

    private static string Expanded(string path, string user, Func<string, string?> read)
    {
        if (path == "~" || path.StartsWith("~/", StringComparison.Ordinal) || path.StartsWith(@"~\", StringComparison.Ordinal)) path = user + path[1..];
        return VariablePattern().Replace(path, match => read(match.Groups["name"].Value) ?? match.Value);
    }

    [GeneratedRegex(@"\$(\{(?<name>\w+)\}|(?<name>\w+))")]
    private static partial Regex VariablePattern();
}

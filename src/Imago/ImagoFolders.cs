namespace Imago;

/// <summary>The folders in which Imago keeps what it can make or fetch again.</summary>
public static class ImagoFolders
{
    /// <summary>
    /// The cache of this user: <c>IMAGO_CACHE</c>, or <c>$XDG_CACHE_HOME/imago</c>, <c>~/.cache/imago</c> (Linux),
    /// <c>~/Library/Caches/imago</c> (macOS), <c>%LOCALAPPDATA%\imago</c> (Windows).
    /// </summary>
    public static string Cache => Environment.GetEnvironmentVariable("IMAGO_CACHE") is { Length: > 0 } chosen
        ? Path.GetFullPath(chosen)
        : Path.Combine(UserCache, "imago");

    private static string UserCache
    {
        get
        {
            var home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
            if (OperatingSystem.IsWindows()) return Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData);
            if (OperatingSystem.IsMacOS()) return Path.Combine(home, "Library", "Caches");
            return Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } xdg ? xdg : Path.Combine(home, ".cache");
        }
    }
}

namespace Imago.Tests;

/// <summary>An empty cache folder for the length of a test.</summary>
internal sealed class OwnCache : IDisposable
{
    private const string Variable = "IMAGO_CACHE";
    private readonly TemporaryFolder _folder = new();
    private readonly string? _before = Environment.GetEnvironmentVariable(Variable);

    internal OwnCache() => Environment.SetEnvironmentVariable(Variable, _folder.Path);

    internal string Path => _folder.Path;

    public void Dispose()
    {
        Environment.SetEnvironmentVariable(Variable, _before);
        _folder.Dispose();
    }
}

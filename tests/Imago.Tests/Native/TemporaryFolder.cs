namespace Imago.Tests;

/// <summary>A folder of its own for one test, removed with everything in it.</summary>
internal sealed class TemporaryFolder : IDisposable
{
    internal string Path { get; } = Directory.CreateTempSubdirectory("imago-test-").FullName;

    public void Dispose() => Directory.Delete(Path, recursive: true);
}

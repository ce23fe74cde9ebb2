using System.Text.Json;
using Imago.Weights;

namespace Imago.Tests;

/// <summary><c>imago download</c> and the ids of a hub in other commands, against a hub on this machine.</summary>
public sealed class DownloadCommandTests : IAsyncDisposable
{
    private const string Weights = "unet/diffusion_pytorch_model.safetensors";

    private static readonly string[] Variables = ["HF_ENDPOINT", "HF_HUB_CACHE", "HF_TOKEN"];

    private readonly TemporaryFolder _folder = new();
    private readonly HubServer _server = new();
    private readonly string?[] _before = [.. Variables.Select(Environment.GetEnvironmentVariable)];

    public DownloadCommandTests()
    {
        string?[] now = [_server.Hub.Address.ToString(), _folder.Path, null];
        foreach (var (name, value) in Variables.Zip(now)) Environment.SetEnvironmentVariable(name, value);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var (name, value) in Variables.Zip(_before)) Environment.SetEnvironmentVariable(name, value);
        await _server.DisposeAsync();
        _folder.Dispose();
    }

    [Fact]
    public void DryRun_ListsFilesAndSizes_AndFetchesNothing()
    {
        var (code, output, _) = CommandLine.Run("download", "acme/tiny", "--dry-run");
        Assert.Equal(0, code);
        Assert.Contains($"100 kB  {Weights}", output, StringComparison.Ordinal);
        Assert.DoesNotContain("image.png", output, StringComparison.Ordinal);
        Assert.Empty(Directory.EnumerateFileSystemEntries(_folder.Path));
    }

    [Fact]
    public void Download_AsJson_SaysWhatIsWhere()
    {
        var (code, output, error) = CommandLine.Run("download", "acme/tiny", "--variant", "fp16", "--json");
        Assert.Equal((0, ""), (code, error));
        var document = JsonDocument.Parse(output).RootElement;
        Assert.Equal(HubServer.Commit, document.GetProperty("commit").GetString());
        var paths = document.GetProperty("files").EnumerateArray().Select(file => file.GetProperty("path").GetString()!).ToArray();
        Assert.Contains("unet/diffusion_pytorch_model.fp16.safetensors", paths);
        Assert.All(paths, path => Assert.True(File.Exists(Path.Combine(document.GetProperty("path").GetString()!, path))));
    }

    [Fact]
    public void Inspect_OfAHubsFile_FetchesItWhenAllowed_AndSaysItsRealSize()
    {
        using var ones = TorchSharp.torch.ones(30, 10);
        var local = _folder.File("local.safetensors");
        Safetensors.Write(local, [new("weight", ones)]);
        _server.Files[Weights] = File.ReadAllBytes(local);
        var refused = CommandLine.Run("inspect", $"acme/tiny/{Weights}");
        Assert.Equal(1, refused.Code);
        Assert.Contains("imago download acme/tiny", refused.Error, StringComparison.Ordinal);
        var (code, output, _) = CommandLine.Run("inspect", $"acme/tiny/{Weights}", "--download", "--json");
        Assert.Equal(0, code);
        Assert.Equal(new FileInfo(local).Length, JsonDocument.Parse(output).RootElement.GetProperty("file_bytes").GetInt64());
    }

    [Fact]
    public void Commands_WithAnId_SayWhatTheHubSays()
    {
        var (code, _, error) = CommandLine.Run("generate", "--model", "acme/other", "--download");
        Assert.Equal(1, code);
        Assert.Contains("has no model acme/other", error, StringComparison.Ordinal);
        Assert.Equal(2, CommandLine.Run("download", "tiny").Code);
        Assert.Equal(2, CommandLine.Run("inspect", _folder.Path, "--revision", "v1").Code);
    }
}

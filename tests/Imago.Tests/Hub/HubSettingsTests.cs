using Imago.Hub;

namespace Imago.Tests;

public sealed class HubSettingsTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private static HubSettings Of(params (string Name, string Value)[] variables) => HubSettings.FromEnvironment(name => variables.FirstOrDefault(variable => variable.Name == name).Value);

    [Fact]
    public void Cache_IsWherePythonsLibraryHasIt()
    {
        var home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
        Assert.Equal(Path.Combine(home, ".cache", "huggingface", "hub"), Of().CacheFolder);
        Assert.Equal(Path.GetFullPath("/x/huggingface/hub"), Of(("XDG_CACHE_HOME", "/x")).CacheFolder);
        Assert.Equal(Path.GetFullPath("/h/hub"), Of(("XDG_CACHE_HOME", "/x"), ("HF_HOME", "/h")).CacheFolder);
        Assert.Equal(Path.GetFullPath("/old"), Of(("HF_HOME", "/h"), ("HUGGINGFACE_HUB_CACHE", "/old")).CacheFolder);
        Assert.Equal(Path.GetFullPath("/c"), Of(("HF_HOME", "/h"), ("HUGGINGFACE_HUB_CACHE", "/old"), ("HF_HUB_CACHE", "/c")).CacheFolder);
        Assert.Equal(Path.Combine(home, "models"), Of(("HF_HUB_CACHE", "~/models")).CacheFolder);
        Assert.Equal(Path.GetFullPath("/disk/hf/hub"), Of(("HF_HOME", "${DISK}/hf"), ("DISK", "/disk")).CacheFolder);
    }

    [Theory]
    [InlineData("1", true)]
    [InlineData("true", true)]
    [InlineData("YES", true)]
    [InlineData("on", true)]
    [InlineData("0", false)]
    [InlineData("", false)]
    public void Offline_IsReadAsPythonReadsIt(string value, bool isOffline)
    {
        Assert.Equal(isOffline, Of(("HF_HUB_OFFLINE", value)).IsOffline);
        Assert.Equal(!isOffline, Of(("HF_HUB_DISABLE_SYMLINKS", value)).UsesLinks);
    }

    [Fact]
    public void Token_IsTheVariables_ElseTheFiles_WithoutBlanks()
    {
        File.WriteAllText(_folder.File("token"), "hf_file\n");
        Assert.Equal("hf_file", Of(("HF_HOME", _folder.Path)).Token);
        Assert.Equal("hf_file", Of(("HF_TOKEN_PATH", _folder.File("token"))).Token);
        Assert.Equal(("hf_own", "HF_TOKEN"), Of(("HF_HOME", _folder.Path), ("HF_TOKEN", " hf_own ")) is var settings ? (settings.Token, settings.TokenSource) : default);
        Assert.Null(Of(("HF_HOME", _folder.Path), ("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1")).Token);
        Assert.Null(Of(("HF_HOME", _folder.File("nothing"))).Token);
    }

    [Fact]
    public void Token_IsNeverShown_AndNeverASecondHeader()
    {
        Assert.DoesNotContain("hf_own", Of(("HF_TOKEN", "hf_own")).ToString(), StringComparison.Ordinal);
        var error = Assert.Throws<HubException>(() => Of(("HF_TOKEN", "hf_a\r\nX-Evil: b")));
        Assert.DoesNotContain("hf_a", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("ftp://hub")]
    [InlineData("hub")]
    [InlineData("https://user:word@hub")]
    public void Endpoint_ThatIsNoAddress_IsRefused(string endpoint) => Assert.Contains("HF_ENDPOINT", Assert.Throws<HubException>(() => Of(("HF_ENDPOINT", endpoint))).Message, StringComparison.Ordinal);
}

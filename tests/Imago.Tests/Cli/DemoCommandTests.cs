using System.Text.Json;
using System.Text.RegularExpressions;
using Imago.Autoencoders;
using Imago.Cli;

namespace Imago.Tests;

public sealed class DemoCommandTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private JsonElement Tell(string folder)
    {
        using StringWriter output = new(), error = new();
        var code = CliApp.Run(["demo", "--minutes", "0.01", "--seed", "5", "--out", _folder.File(folder), "--json", "--quiet"], output, error, TestContext.Current.CancellationToken);
        Assert.True(code == 0, error.ToString());
        return JsonDocument.Parse(output.ToString()).RootElement;
    }

    [Fact]
    public void Demo_TellsTheWholeStory_OnOnePage_AndTheSameForTheSameSeed()
    {
        var first = Tell("story");
        var page = File.ReadAllText(first.GetProperty("page").GetString()!);
        Assert.Equal(8, Regex.Count(page, "<h2 "));
        Assert.Equal(7, Regex.Count(page, "<img src=\"data:image/png;base64,"));
        Assert.DoesNotContain("http", page, StringComparison.Ordinal);
        using (var vae = AutoencoderFiles.Load(first.GetProperty("vae").GetString()!)) Assert.True(vae.IsVariational);

        Assert.Equal(first.GetProperty("figures").ToString(), Tell("story").GetProperty("figures").ToString());     // a second telling replaces the first
    }

    [Fact]
    public void Demo_WithoutTime_IsBadUsage()
    {
        using StringWriter output = new(), error = new();
        Assert.Equal(2, CliApp.Run(["demo", "--minutes", "-1", "--out", _folder.File("x")], output, error, TestContext.Current.CancellationToken));
        Assert.False(Directory.Exists(_folder.File("x")));
    }
}

using System.Text.Json;
using System.Text.RegularExpressions;
using Imago.Autoencoders;
using Imago.Cli;
using Imago.Generation;
using Imago.Images;

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
        Assert.Equal(15, Regex.Count(page, "<h2 "));
        Assert.Equal(7, Regex.Count(page, "<svg "));
        var pictures = Regex.Matches(page, "<img src=\"data:image/png;base64,([^\"]*)\"").Select(match => ImageFile.Decode(Convert.FromBase64String(match.Groups[1].Value), "picture")).ToList();
        Assert.Equal(14, pictures.Count);
        Assert.All(pictures, picture => Assert.True(picture.Pixels.Distinct().Count() > 20, "the picture is empty"));
        Assert.DoesNotContain("http", page, StringComparison.Ordinal);
        using (var vae = AutoencoderFiles.Load(first.GetProperty("vae").GetString()!)) Assert.True(vae.IsVariational);
        using (var painter = DiffusionFiles.Load(first.GetProperty("painter").GetString()!)) Assert.IsType<LatentCodec>(painter.Codec);
        Assert.All(first.GetProperty("figures").EnumerateObject(), figure => Assert.True(double.IsFinite(figure.Value.GetDouble()), figure.Name));
        foreach (var figure in (string[])["vae_psnr", "smile_at_1", "guess_error_noise_told", "variety_guided", "error_euler_5", "bits_lambda_20"])
            Assert.True(first.GetProperty("figures").TryGetProperty(figure, out _), figure);

        Assert.Equal(first.GetProperty("figures").ToString(), Tell("story").GetProperty("figures").ToString());     // a second telling replaces the first
    }

    [Fact]
    public void Demo_ShowsItsFirstPictures_BeforeItLearns()
    {
        using var stop = new CancellationTokenSource();
        using var output = new StopAtFirstLine(stop);
        using StringWriter error = new();
        var code = CliApp.Run(["demo", "--minutes", "1", "--out", _folder.File("story"), "--quiet"], output, error, stop.Token);
        Assert.Equal(CliApp.Interrupted, code);
        Assert.Contains("<img ", File.ReadAllText(_folder.File(Path.Combine("story", "index.html"))), StringComparison.Ordinal);
        Assert.False(Directory.Exists(_folder.File(Path.Combine("story", "ae"))));
    }

    private sealed class StopAtFirstLine(CancellationTokenSource stop) : StringWriter
    {
        public override void WriteLine(string? value)
        {
            base.WriteLine(value);
            stop.Cancel();
        }
    }

    [Fact]
    public void Demo_WithoutTime_IsBadUsage()
    {
        using StringWriter output = new(), error = new();
        Assert.Equal(2, CliApp.Run(["demo", "--minutes", "-1", "--out", _folder.File("x")], output, error, TestContext.Current.CancellationToken));
        Assert.False(Directory.Exists(_folder.File("x")));
    }
}

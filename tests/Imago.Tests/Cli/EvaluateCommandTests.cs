using System.Text.Json;
using Imago.Cli;
using Imago.Tests.Training;
using static Imago.Tests.CommandLine;

namespace Imago.Tests;

public class EvaluateCommandTests
{
    private static string Trained(TemporaryFolder folder)
    {
        var run = folder.File("run");
        Assert.Equal(0, Run("train", "autoencoder", "--data", "sprites", "--count", "200", "--size", "16", "--network", "mlp", "--latents", "4", "--steps", "2", "--out", run, "--quiet").Code);
        return run;
    }

    [Fact]
    public void Evaluate_OfARun_ScoresItsTestImages()
    {
        using var folder = new TemporaryFolder();
        var run = Trained(folder);
        var (code, output, _) = Run("evaluate", run, "--samples", "5", "--json");
        Assert.Equal(0, code);
        using var json = JsonDocument.Parse(output);
        var report = json.RootElement.GetProperty("report");
        Assert.Equal(5, report.GetProperty("samples").GetInt32());
        Assert.True(report.GetProperty("log_likelihood").GetDouble() < 0);
        Assert.Equal(4, report.GetProperty("kl_per_latent").GetArrayLength());
        var (_, text, _) = Run("evaluate", run, "--samples", "5", "--images", "7");
        Assert.Contains("7 images", text, StringComparison.Ordinal);
        Assert.Contains("log p(x)", text, StringComparison.Ordinal);
    }

    [Fact]
    public void Evaluate_OfWhatIsNoModel_FailsWithASentence()
    {
        var (code, _, error) = Run("evaluate", "nothing-here");
        Assert.Equal(1, code);
        Assert.Contains("nothing-here", error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", error, StringComparison.Ordinal);
    }
}

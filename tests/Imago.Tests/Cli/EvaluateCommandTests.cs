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

    [Fact]
    public void Evaluate_OfPictures_ByAClassifierOfTheirOwn_ComparesTheSets()
    {
        using var folder = new TemporaryFolder();
        var (judge, statistics) = (folder.File("judge"), folder.File("sprites.npz"));
        Assert.Equal(0, Run("train", "classifier", "--data", "sprites", "--count", "120", "--size", "16", "--attribute", "shape", "--steps", "3", "--out", judge, "--quiet").Code);
        var (code, output, error) = Run("evaluate", "sprites", "--against", "sprites", "--network", judge, "--images", "40", "--metrics", "fid,kid,is,prdc", "--save-statistics", statistics, "--json");
        Assert.True(code == 0, error);
        using var json = JsonDocument.Parse(output);
        Assert.Equal(0, json.RootElement.GetProperty("report").GetProperty("fid").GetDouble(), 1e-6);
        Assert.Equal(1, json.RootElement.GetProperty("report").GetProperty("precision").GetDouble());
        var (_, text, warnings) = Run("evaluate", "sprites", "--against", statistics, "--network", judge, "--images", "40");
        Assert.Contains("FID", text, StringComparison.Ordinal);
        Assert.Contains("biased", warnings, StringComparison.Ordinal);
    }

    [Fact]
    public void Evaluate_OfPictures_SaysWhatIsMissing()
    {
        using var folder = new TemporaryFolder();
        var (code, _, error) = Run("evaluate", "sprites", "--metrics", "nonsense");
        Assert.Equal(2, code);
        Assert.Contains("prdc", error, StringComparison.Ordinal);
        Assert.Equal(1, Run("evaluate", "sprites", "--against", "sprites", "--network", folder.File("none.pth")).Code);
    }
}

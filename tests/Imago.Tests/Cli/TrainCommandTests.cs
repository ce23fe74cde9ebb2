using System.Diagnostics;
using System.Text.Json;
using Imago.Autoencoders;
using Imago.Cli;
using Imago.Images;
using Imago.Tests.Training;
using Imago.Training;
using Imago.Weights;
using static Imago.Tests.CommandLine;

namespace Imago.Tests;

public class TrainCommandTests
{
    [Fact]
    public void Train_MakesAWholeRun_ThatEndsWithWhereItIs()
    {
        using var folder = new TemporaryFolder();
        var (code, output, _) = Run([.. Arguments(folder, "run"), "--steps", "4", "--evaluate-every", "2"]);
        Assert.Equal(0, code);
        Assert.Contains("Trained 4 steps", output);
        var run = RunFolder.Open(folder.File("run"));
        Assert.Equal(2, run.ReadMetrics().Count(line => line.Kind == "validation"));
        Assert.Equal(["step-000000.png", "step-000002.png", "step-000004.png"], Directory.GetFiles(run.Samples).Select(Path.GetFileName).Order());
        Assert.True(File.Exists(run.BestWeights) && File.Exists(run.LastWeights) && File.Exists(run.StateFile));
        Assert.Equal(64, run.ReadConfig<AutoencoderRunConfig>().Network.Create().parameters().First().shape[1]);
    }

    [Theory]
    [InlineData("ae")]
    [InlineData("beta_tc_vae")]
    [InlineData("factor_vae")]
    [InlineData("info_vae")]
    [InlineData("iwae")]
    public void Train_WithJson_PrintsTheResultForMachines(string objective)
    {
        using var folder = new TemporaryFolder();
        var (code, output, _) = Run([.. Arguments(folder, "run"), "--steps", "2", "--objective", objective, "--precision", "bf16", "--json"]);
        Assert.Equal(0, code);
        using var json = JsonDocument.Parse(output);
        Assert.Equal(2, json.RootElement.GetProperty("result").GetProperty("steps").GetInt32());
        Assert.Equal("finished", json.RootElement.GetProperty("result").GetProperty("end").GetString());
    }

    [Theory]
    [InlineData("kl", "vae")]
    [InlineData("tiny", "ae")]
    public void Train_OnGreyPictures_TakesALikelihoodThatSuitsTheNetwork(string network, string objective)
    {
        using var folder = new TemporaryFolder();
        string[] arguments = [.. Arguments(folder, "run"), "--steps", "1", "--objective", objective];
        arguments[Array.IndexOf(arguments, "mlp")] = network;
        Assert.Equal(0, Run(arguments).Code);
        Assert.Equal(LikelihoodKind.Gaussian, RunFolder.Open(folder.File("run")).ReadConfig<AutoencoderRunConfig>().Objective.Likelihood);
    }

    [Fact]
    public void Train_Interrupted_SavesAndSaysHowToGoOn()
    {
        using var folder = new TemporaryFolder();
        using var stop = new CancellationTokenSource();
        using var error = new StringWriter();
        using var output = new StringWriter();
        stop.CancelAfter(TimeSpan.FromSeconds(1));
        var code = CliApp.Run([.. Arguments(folder, "run"), "--steps", "1000000"], output, error, stop.Token);
        Assert.Equal(CliApp.Interrupted, code);
        Assert.Contains("--resume", output.ToString());
        Assert.True(File.Exists(RunFolder.Open(folder.File("run")).StateFile));
    }

    [Fact]
    public void Resume_WithChangedSettings_IsRefusedByName()
    {
        using var folder = new TemporaryFolder();
        Run([.. Arguments(folder, "run"), "--steps", "1"]);
        var (code, _, error) = Run(["train", "autoencoder", "--resume", folder.File("run"), "--lr", "1"]);
        Assert.Equal(CliApp.BadUsage, code);
        Assert.Contains("--lr", error);
        Assert.Equal(0, Run(["train", "autoencoder", "--resume", folder.File("run"), "--steps", "3"]).Code);
        Assert.Equal(3, RunFolder.Open(folder.File("run")).ReadMetrics().Max(line => line.Step));
    }

    [Fact]
    public void Train_WithAnUnknownNetwork_IsBadUsage_AndMakesNoFolder()
    {
        using var folder = new TemporaryFolder();
        var (code, _, error) = Run([.. Arguments(folder, "run").Select(argument => argument == "mlp" ? "resnet" : argument)]);
        Assert.Equal(CliApp.BadUsage, code);
        Assert.Contains("conv", error);
        Assert.False(Directory.Exists(folder.File("run")));
    }

    [Fact]
    public void KilledAndResumed_EqualsTheUninterruptedRun()
    {
        using var folder = new TemporaryFolder();
        string[] settings = ["--steps", "150", "--accumulate", "2", "--evaluate-every", "20", "--checkpoint-every", "10", "--threads", "1"];
        Run([.. Arguments(folder, "whole"), .. settings]);
        using (var process = Start([.. Arguments(folder, "cut"), .. settings]))
        {
            while (!File.Exists(Path.Combine(folder.File("cut"), "checkpoints", "state.safetensors")) && !process.WaitForExit(10))
            {
            }
            process.Kill();
            process.WaitForExit();
        }
        var (code, _, error) = Run(["train", "autoencoder", "--resume", folder.File("cut"), "--threads", "1"]);
        Assert.True(code == 0, error);
        ResumeTests.AssertSame(RunFolder.Open(folder.File("whole")), RunFolder.Open(folder.File("cut")));
    }

    private static Process Start(IEnumerable<string> arguments)
    {
        var start = new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "Imago.Cli.dll"), .. arguments]) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["OMP_NUM_THREADS"] = "1";
        return Process.Start(start)!;
    }

    /// <summary>A run on forty grey pictures of 8×8 pixels.</summary>
    private static string[] Arguments(TemporaryFolder folder, string run)
    {
        var images = Directory.CreateDirectory(folder.File("images")).FullName;
        var random = new System.Random(1);
        for (int i = 0; i < 40 && !File.Exists(Path.Combine(images, "39.png")); i++)
        {
            var pixels = new byte[64];
            random.NextBytes(pixels);
            ImageFile.Write(Path.Combine(images, $"{i:00}.png"), new PixelImage(8, 8, 1, pixels));
        }
        return ["train", "autoencoder", "--data", images, "--network", "mlp", "--latents", "4", "--batch", "4", "--out", folder.File(run)];
    }
}

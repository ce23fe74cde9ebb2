using System.Text.Json;
using Imago.Images;
using Imago.Training;
using static Imago.Tests.CommandLine;

namespace Imago.Tests;

public class TrainFlowAndGanCommandTests
{
    private static readonly string[] Faces = ["--data", "faces", "--size", "16", "--count", "60", "--batch", "8", "--steps", "2"];

    [Fact]
    public void Flow_Trained_IsSampled_Evaluated_AndContinued()
    {
        using var folder = new TemporaryFolder();
        var run = folder.File("run");
        Assert.Equal(0, Run(["train", "flow", .. Faces, "--flow-steps", "1", "--hidden", "8", "--out", run]).Code);
        Assert.Equal("flow", RunFolder.KindOf(run));
        var (code, output, _) = Run("sample", run, "--count", "4", "--temperature", "0.5", "--out", folder.File("drawn.png"), "--json");
        Assert.Equal(0, code);
        Assert.Equal(4, JsonDocument.Parse(output).RootElement.GetProperty("count").GetInt32());
        Assert.Equal(3, ImageFile.Read(folder.File("drawn.png")).Channels);
        (code, output, _) = Run("evaluate", run, "--images", "6", "--json");
        Assert.Equal(0, code);
        Assert.InRange(JsonDocument.Parse(output).RootElement.GetProperty("report").GetProperty("bits_per_dimension").GetDouble(), 1, 20);
        Assert.Equal(0, Run("train", "flow", "--resume", run, "--steps", "3").Code);
        Assert.Contains("--hidden cannot be changed", Run("train", "flow", "--resume", run, "--hidden", "9").Error);
    }

    [Fact]
    public void Gan_Trained_IsSampled()
    {
        using var folder = new TemporaryFolder();
        var run = folder.File("run");
        Assert.Equal(0, Run(["train", "gan", .. Faces, "--width", "8", "--out", run]).Code);
        var (code, output, _) = Run("sample", run, "--count", "4", "--out", folder.File("drawn.png"));
        Assert.Equal(0, code);
        Assert.Contains("4 new pictures of 16×16", output);
        Assert.True(File.Exists(folder.File("drawn.png")));
    }

    [Fact]
    public void Flow_OfOddPictures_IsRefused_WithWhatToDo()
    {
        using var folder = new TemporaryFolder();
        var (code, _, errors) = Run("train", "flow", "--data", "faces", "--size", "17", "--count", "20", "--steps", "1", "--out", folder.File("run"));
        Assert.Equal(2, code);
        Assert.Contains("choose an even size", errors);
    }
}

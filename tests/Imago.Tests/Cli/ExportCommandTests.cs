using System.Text.Json;
using Imago.Cli;
using Imago.Generation;
using Imago.Training;

namespace Imago.Tests;

public sealed class ExportCommandTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly string _model;

    public ExportCommandTests()
    {
        _model = TinyDiffusion.SavedIn(_folder);
    }

    public void Dispose() => _folder.Dispose();

    private static (int Code, string Output, string Error) Run(params string[] arguments) => CommandLine.Run(["export", .. arguments]);

    [Fact]
    public void Export_WritesAModelThatDraws()
    {
        var small = _folder.File("small");
        var (code, output, error) = Run(_model, "--precision", "bf16", "--out", small, "--description", "dark and bright", "--steps", "2", "--guidance", "3", "--json");
        Assert.True(code == 0, error);
        using var json = JsonDocument.Parse(output);
        Assert.Equal("dark and bright", json.RootElement.GetProperty("description").GetString());
        Assert.Equal(new DirectoryInfo(small).EnumerateFiles("*", SearchOption.AllDirectories).Sum(file => file.Length), json.RootElement.GetProperty("bytes").GetInt64());
        using var model = DiffusionFiles.Load(small);
        Assert.Equal((2, 3.0), (model.Config.Defaults.Steps, model.Config.Defaults.Guidance));
        Assert.Single(ImageGenerator.Generate(model, new GenerationRequest()));
        Assert.Equal(0, Run(small, "--out", small).Code);                       // onto itself: in another precision
    }

    [Fact]
    public void Export_OfAnotherEmaWidth_IsOfTheRunsSnapshots()
    {
        var config = TinyDiffusion.Config(steps: 12);
        config = config with { Training = config.Training with { EmaSnapshots = new EmaSnapshotOptions { EverySteps = 2 } } };
        var run = RunFolder.Create(_folder.File("run"), config);
        using (var training = DiffusionTraining.Prepare(config, TinyDiffusion.Splits, run)) training.Run(run);
        Assert.Equal(0, Run(run.Path, "--ema-width", "0.1", "--out", _folder.File("short")).Code);
        Assert.Equal(0, Run(run.Path, "--ema-width", "0.25", "--out", _folder.File("long")).Code);
        using DiffusionModel shorter = DiffusionFiles.Load(_folder.File("short")), longer = DiffusionFiles.Load(_folder.File("long"));
        Assert.NotEqual(shorter.Network.parameters().First().sum().item<float>(), longer.Network.parameters().First().sum().item<float>());
        Assert.Equal(2, Run(run.Path, "--ema-width", "0.3", "--out", _folder.File("wrong")).Code);
        Assert.Equal(1, Run(_model, "--ema-width", "0.1", "--out", _folder.File("wrong")).Code);
    }

    [Fact]
    public void Export_IntoAFolderOfSomethingElse_IsRefused()
    {
        File.WriteAllText(_folder.File("letter.txt"), "dear");
        var (code, _, error) = Run(_model, "--out", _folder.File("."));
        Assert.Equal(2, code);
        Assert.Contains("--out", error, StringComparison.Ordinal);
        Assert.Equal(2, Run(_model, "--out", _folder.File("letter.txt")).Code);
        Assert.Equal("dear", File.ReadAllText(_folder.File("letter.txt")));
    }

    [Theory]
    [InlineData("--sampler", "nonsense")]
    [InlineData("--steps", "0")]
    [InlineData("--precision", "int8")]
    public void Export_WithBadOptions_WritesNothing(string option, string value)
    {
        var (code, _, error) = Run(_model, "--out", _folder.File("new"), option, value);
        Assert.Equal(2, code);
        Assert.Contains(value, error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(_folder.File("new")));
    }

    [Fact]
    public void Export_OfWhatIsNoModel_FailsWithASentence()
    {
        var (code, _, error) = Run(_folder.File("nothing"), "--out", _folder.File("new"));
        Assert.Equal(1, code);
        Assert.Contains("nothing", error, StringComparison.Ordinal);
    }
}

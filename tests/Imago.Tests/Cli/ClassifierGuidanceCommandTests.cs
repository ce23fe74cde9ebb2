using Imago.Generation;
using Imago.Images;
using Imago.Models;

namespace Imago.Tests;

public sealed class ClassifierGuidanceCommandTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly string _pictures;

    public ClassifierGuidanceCommandTests()
    {
        _pictures = _folder.File("pictures");
        foreach (var name in TinyDiffusion.Splits.Train.ClassNames) Directory.CreateDirectory(Path.Combine(_pictures, name));
        for (var i = 0; i < TinyDiffusion.Splits.Train.Count; i++)
        {
            var item = TinyDiffusion.Splits.Train.Get(i);
            ImageFile.Write(Path.Combine(_pictures, TinyDiffusion.Splits.Train.ClassNames[(int)item.Label!], $"{i}.png"), item.Image);
        }
    }

    public void Dispose() => _folder.Dispose();

    private static string Run(params string[] arguments)
    {
        var (code, output, error) = CommandLine.Run(arguments);
        Assert.True(code == 0, error);
        return output;
    }

    private static string Refused(params string[] arguments)
    {
        var (code, _, error) = CommandLine.Run(arguments);
        Assert.NotEqual(0, code);
        return error;
    }

    private string Train(string name, params string[] more)
    {
        Run(["train", "classifier", "--data", _pictures, "--channels", "1", "--batch", "8", "--steps", "60", "--out", _folder.File(name), "--quiet", .. more]);
        return _folder.File(name);
    }

    private string Unconditional()
    {
        using var model = TinyDiffusion.Model("none");
        DiffusionFiles.Save(model, _folder.File("model"));
        return _folder.File("model");
    }

    private string Draw(string name, params string[] arguments)
    {
        Run(["generate", .. arguments, "--steps", "8", "--out", _folder.File(name), "--quiet"]);
        return _folder.File(name);
    }

    private static double Brightness(string path) => ImageFile.Read(path).Pixels.Average(value => (double)value);

    [Fact]
    public void Classifier_LeadsAModelWithoutClassesToOne_AndLikeRepeatsIt()
    {
        var (judge, model) = (Train("judge", "--noisy"), Unconditional());
        string[] guided = ["--model", model, "--classifier", judge, "--classifier-scale", "6"];
        var bright = Draw("bright.png", [.. guided, "--class", "bright"]);
        var dark = Draw("dark.png", [.. guided, "--class", "dark"]);
        var plain = Draw("plain.png", "--model", model);
        Assert.True(Brightness(dark) < Brightness(plain) && Brightness(plain) < Brightness(bright), $"{Brightness(dark)} {Brightness(plain)} {Brightness(bright)}");
        Assert.Equal(File.ReadAllBytes(bright), File.ReadAllBytes(Draw("again.png", "--like", bright)));
        Assert.Equal((judge, 6, "bright"), (GenerationRecipe.Read(bright).Classifier, GenerationRecipe.Read(bright).ClassifierScale, GenerationRecipe.Read(bright).Class));
        var weak = GenerationRecipe.Read(bright).With("classifier-scale", "0");
        Assert.Equal(0, weak.ClassifierScale);
        Assert.Equal(ImageFile.Read(plain).Pixels, ImageFile.Read(Draw("none.png", "--like", bright, "--classifier-scale", "0")).Pixels);
        Assert.Contains("--noisy", Refused("evaluate", _pictures, "--against", _pictures, "--network", judge), StringComparison.Ordinal);
        Run("generate", "--model", model, "--classifier", judge, "--grid", "class=dark,bright", "--grid", "classifier-scale=0,4", "--steps", "2", "--out", _folder.File("grid.png"), "--quiet");
    }

    [Fact]
    public void Refusals_NameWhatIsMissing()
    {
        var (judge, model) = (Train("judge"), Unconditional());
        Assert.Contains("--noisy", Refused("generate", "--model", model, "--classifier", judge, "--class", "dark"), StringComparison.Ordinal);
        Assert.Contains("--class", Refused("generate", "--model", model, "--classifier", judge), StringComparison.Ordinal);
        Assert.Contains("--classifier-scale", Refused("generate", "--model", model, "--classifier-scale", "2"), StringComparison.Ordinal);
    }
}

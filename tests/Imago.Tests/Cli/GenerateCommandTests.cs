using System.Text.Json;
using Imago.Cli;
using Imago.Generation;
using Imago.Images;
using Imago.Training;

namespace Imago.Tests;

public sealed class GenerateCommandTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly string _model;

    public GenerateCommandTests()
    {
        _model = TinyDiffusion.SavedIn(_folder);
    }

    public void Dispose() => _folder.Dispose();

    private static (int Code, string Output, string Error) Run(params string[] arguments) => CommandLine.Run(["generate", .. arguments]);

    private string Draw(string name, params string[] arguments)
    {
        var (code, _, error) = Run([.. arguments, "--out", _folder.File(name)]);
        Assert.True(code == 0, error);
        return _folder.File(name);
    }

    [Theory]
    [InlineData("--class", "bright", "--count", "3", "--steps", "3", "--guidance", "2.5")]
    [InlineData("--class", "0", "--strip", "--steps", "5", "--sampler", "euler_ancestral")]
    [InlineData("--grid", "guidance=1,2", "--grid", "class=dark,bright", "--steps", "2")]
    [InlineData("--to-seed", "9", "--count", "3", "--steps", "2")]
    public void Like_RepeatsThePictureToTheByte(params string[] arguments)
    {
        var first = Draw("first.png", [.. arguments, "--model", _model]);
        Assert.Equal(File.ReadAllBytes(first), File.ReadAllBytes(Draw("again.png", "--like", first)));
        Assert.NotEqual(File.ReadAllBytes(first), File.ReadAllBytes(Draw("other.png", "--like", first, "--seed", "5")));
    }

    [Fact]
    public void Json_TellsFilesAndRecipe()
    {
        var (code, output, _) = Run("--model", _model, "--class", "dark", "--count", "2", "--separate", "--gif", "--steps", "2", "--json", "--out", _folder.File("a.png"));
        Assert.Equal(0, code);
        using var json = JsonDocument.Parse(output);
        Assert.Equal(["a-0.png", "a-1.png", "a.gif"], json.RootElement.GetProperty("files").EnumerateArray().Select(file => Path.GetFileName(file.GetString())));
        Assert.All(json.RootElement.GetProperty("files").EnumerateArray(), file => Assert.True(File.Exists(file.GetString())));
        Assert.Equal("dark", json.RootElement.GetProperty("recipe").GetProperty("class").GetString());
        Assert.Equal(1, GenerationRecipe.Read(_folder.File("a-1.png")).Seed);
    }

    [Fact]
    public void ImageWithMask_KeepsTheBlackPixels()
    {
        var picture = TinyDiffusion.Splits.Train.Get(3).Image;
        ImageFile.Write(_folder.File("picture.png"), picture);
        ImageFile.Write(_folder.File("mask.png"), new PixelImage(8, 8, 1, [.. Enumerable.Range(0, 64).Select(i => i < 32 ? (byte)255 : (byte)0)]));
        var drawn = ImageFile.Read(Draw("drawn.png", "--model", _model, "--image", _folder.File("picture.png"), "--mask", _folder.File("mask.png"), "--steps", "3"));
        Assert.Equal(picture.Pixels[32..], drawn.Pixels[32..]);
        Assert.NotEqual(picture.Pixels[..32], drawn.Pixels[..32]);
    }

    [Fact]
    public void Invert_ShowsThePicture_TheSameAgain_AndTheNewOne_AndIsRepeated()
    {
        var picture = TinyDiffusion.Splits.Train.Get(3).Image;
        ImageFile.Write(_folder.File("picture.png"), picture);
        var first = Draw("first.png", "--model", _model, "--image", _folder.File("picture.png"), "--invert", "--was", "dark", "--class", "bright");
        Assert.Equal(File.ReadAllBytes(first), File.ReadAllBytes(Draw("again.png", "--like", first)));
        Assert.NotEqual(File.ReadAllBytes(first), File.ReadAllBytes(Draw("other.png", "--like", first, "--was", "bright")));
        var recipe = GenerationRecipe.Read(first);
        Assert.Equal((true, "dark", 1.0), (recipe.Invert, recipe.Was, recipe.Strength));
        var alone = ImageFile.Read(Draw("alone-.png", "--model", _model, "--image", _folder.File("picture.png"), "--invert", "--was", "dark", "--class", "dark", "--guidance", "1", "--separate", "--strip").Replace("-.png", "--0.png", StringComparison.Ordinal));
        Assert.Equal((8, 8), (alone.Width, alone.Height));
        Assert.All(picture.Pixels.Zip(alone.Pixels), pair => Assert.InRange(pair.First - pair.Second, -1, 1));
    }

    [Theory]
    [InlineData("--class", "grey", "dark, bright")]
    [InlineData("--sampler", "odd", "dpmpp_2m")]
    [InlineData("--attribute", "smile=1", "does not know")]
    [InlineData("--grid", "steps", "NAME=X,Y")]
    [InlineData("--mask", "m.png", "--image")]
    [InlineData("--was", "dark", "--invert")]
    [InlineData("--strengths", "0,1", "--edit")]
    [InlineData("--edit", "smile", "--data")]
    public void WhatTheModelDoesNotKnow_IsBadUsage(string option, string value, string expected)
    {
        var (code, _, error) = Run("--model", _model, option, value, "--out", _folder.File("none.png"));
        Assert.Equal(CliApp.BadUsage, code);
        Assert.Contains(expected, error);
        Assert.False(File.Exists(_folder.File("none.png")));
    }

    [Fact]
    public void PictureWithoutRecipe_IsRefused()
    {
        ImageFile.Write(_folder.File("plain.png"), new PixelImage(2, 2, 1, new byte[4]));
        var (code, _, error) = Run("--like", _folder.File("plain.png"));
        Assert.Equal(CliApp.Failure, code);
        Assert.Contains("no recipe", error);
    }

    [Fact]
    public void Prompt_BeyondAscii_IsReadBackFromThePicture()
    {
        var recipe = new GenerationRecipe { Model = "m", Prompt = "ein Lächeln 😀 微笑" };
        recipe.Write(_folder.File("recipe.png"), new PixelImage(2, 2, 1, new byte[4]));
        Assert.Equal(recipe.Prompt, GenerationRecipe.Read(_folder.File("recipe.png")).Prompt);
    }

    /// <summary>A folder of dark and one of bright pictures.</summary>
    private string Images()
    {
        foreach (var i in Enumerable.Range(0, 30))
        {
            var item = TinyDiffusion.Splits.Train.Get(i);
            var home = Directory.CreateDirectory(_folder.File(Path.Combine("images", item.Label == 1 ? "bright" : "dark"))).FullName;
            ImageFile.Write(Path.Combine(home, $"{i}.png"), item.Image);
        }
        return _folder.File("images");
    }

    [Fact]
    public void TrainedFromFiles_GeneratesByClass_AndIsContinued()
    {
        string[] train = ["train", "diffusion", "--data", Images(), "--batch", "8", "--width", "16", "--steps", "2", "--evaluate-every", "2", "--out", _folder.File("run")];
        var (code, output, error) = CommandLine.Run(train);
        Assert.True(code == 0, error);
        Assert.Contains("imago generate --model", output);
        Assert.Equal(8, ImageFile.Read(Draw("drawn.png", "--model", _folder.File("run"), "--class", "bright", "--steps", "2")).Width);
        Assert.Equal(0, CommandLine.Run(["train", "diffusion", "--resume", _folder.File("run"), "--steps", "3"]).Code);
        Assert.Equal(3, RunFolder.Open(_folder.File("run")).ReadMetrics().Max(line => line.Step));
        Assert.Equal(CliApp.BadUsage, CommandLine.Run(["train", "diffusion", "--resume", _folder.File("run"), "--width", "32"]).Code);
    }

    [Theory]
    [InlineData("mlp")]
    [InlineData("conv")]
    public void TrainedOnLatentsWithoutAMap_GeneratesByClass(string network)
    {
        using var cache = new OwnCache();
        string[] data = ["--data", Images(), "--batch", "8", "--steps", "2"];
        var (code, _, error) = CommandLine.Run(["train", "autoencoder", .. data, "--network", network, "--latents", "3", "--out", _folder.File("vae")]);
        Assert.True(code == 0, error);
        (code, _, error) = CommandLine.Run(["train", "diffusion", .. data, "--autoencoder", _folder.File("vae"), "--out", _folder.File("run")]);
        Assert.True(code == 0, error);
        Assert.Equal(8, ImageFile.Read(Draw("drawn.png", "--model", _folder.File("run"), "--class", "bright", "--steps", "2")).Width);

        (code, var text, error) = CommandLine.Run("evaluate", _folder.File("run"), "--split", "train", "--samples", "5", "--likelihood", "Gaussian");
        Assert.True(code == 0, error);
        Assert.All((string[])["latents", "rate", "reconstruction", "bits/dimension"], word => Assert.Contains(word, text));

        var sheet = Draw("sheet.png", "--model", _folder.File("run"), "--count", "2", "--steps", "2", "--edit", "bright", "--strengths", "-1,0,1", "--gif");
        Assert.True(File.Exists(Path.ChangeExtension(sheet, ".gif")));
        Assert.Equal(File.ReadAllBytes(sheet), File.ReadAllBytes(Draw("again.png", "--like", sheet)));
        (code, var output, error) = Run("--like", sheet, "--image", _folder.File(Path.Combine("images", "dark", "0.png")), "--json", "--out", _folder.File("edited.png"));
        Assert.True(code == 0, error);
        using var json = JsonDocument.Parse(output);
        Assert.Equal(3, json.RootElement.GetProperty("pictures").GetInt32());
        Assert.InRange(json.RootElement.GetProperty("edit").GetProperty("accuracy").GetDouble(), 0.5, 1);
    }
}

using Imago.Generation;
using Imago.Generation.Pipelines;
using Imago.Images;

namespace Imago.Tests;

/// <summary>Published pipelines as users draw with them: tiny ones with random weights, in folders, single files and a hub's cache.</summary>
public sealed class PublishedCommandTests : IDisposable
{
    private const string Cache = "HF_HUB_CACHE", Commit = "0123456789abcdef0123456789abcdef01234567";

    private readonly TemporaryFolder _folder = new();
    private readonly string? _before = Environment.GetEnvironmentVariable(Cache);

    public PublishedCommandTests() => Environment.SetEnvironmentVariable(Cache, _folder.File("cache"));

    public void Dispose()
    {
        Environment.SetEnvironmentVariable(Cache, _before);
        _folder.Dispose();
    }

    [Theory]
    [InlineData("single/sd15.safetensors", "hub/sd15")]
    [InlineData("single/sd15.ckpt", "hub/sd15")]
    [InlineData("single/sd21.safetensors", "hub/sd21")]
    [InlineData("single/sdxl-base.safetensors", "hub/sdxl-base")]
    [InlineData("single/sdxl-refiner.safetensors", "hub/sdxl-refiner")]
    [InlineData("single/sd3-with-encoders.safetensors", "hub/sd3")]
    public void SingleFile_DrawsThePictureOfItsFolder_AndIsRepeatedByItsRecipe(string file, string hub)
    {
        var single = Draw("single.png", "--model", Shared(file), "--config", Shared(hub));
        Assert.Equal(Pixels(Draw("folder.png", "--model", Shared(hub))), Pixels(single));
        Assert.Equal(File.ReadAllBytes(single), File.ReadAllBytes(Draw("again.png", "--like", single)));
    }

    [Fact]
    public void Without_LeavesAPartOut_OfAFolderAndOfASingleFile()
    {
        var (whole, without) = (Pixels(Draw("whole.png", "--model", Shared("hub/sd3"))), Draw("without.png", "--model", Shared("hub/sd3"), "--without", "text_encoder_3"));
        Assert.NotEqual(whole, Pixels(without));
        Assert.Equal(Pixels(without), Pixels(Draw("single.png", "--model", Shared("single/sd3-with-encoders.safetensors"), "--config", Shared("hub/sd3"), "--without", "text_encoder_3")));
        Assert.Equal(Pixels(without), Pixels(Draw("again.png", "--like", without)));
        using var model = StableDiffusion.Load(PipelineFiles.FromFolder(Shared("hub/sd3"), without: ["text_encoder_3"]));
        Assert.DoesNotContain("text_encoder_3", ((PromptConditioner)model.Encoder).Encoders.Keys);
    }

    [Fact]
    public void Parts_MayBeNamedByTheirIds()
    {
        InCache("sd21-vae", "hub/sd21/vae");
        InCache("clip-g", "hub/sd3/text_encoder_2");
        var drawn = Draw("id.png", "--model", Shared("hub/sd15"), "--vae", "acme/sd21-vae");
        Assert.Equal(Pixels(Draw("path.png", "--model", Shared("hub/sd15"), "--vae", Shared("hub/sd21/vae"))), Pixels(drawn));
        Assert.Equal("acme/sd21-vae", GenerationRecipe.Read(drawn).Changes!.Autoencoder);
        Assert.Equal(Pixels(Draw("whole.png", "--model", Shared("hub/sd3"))), Pixels(Draw("encoder.png", "--model", Shared("hub/sd3"), "--text-encoder", "acme/clip-g")));
        var (code, _, error) = CommandLine.Run("generate", "a cube", "--model", Shared("hub/sd15"), "--vae", "acme/absent");
        Assert.Equal(1, code);
        Assert.Contains("--download", error, StringComparison.Ordinal);
    }

    [Fact]
    public void FolderWithoutAutoencoder_DrawsWithThatOfVae_AndSaysWhatIsMissingOtherwise()
    {
        Copy(Shared("hub/sd15"), _folder.File("bare"));
        Directory.Delete(_folder.File("bare/vae"), recursive: true);
        Assert.Equal(Pixels(Draw("own.png", "--model", Shared("hub/sd15"))), Pixels(Draw("other.png", "--model", _folder.File("bare"), "--vae", Shared("hub/sd15"))));
        Assert.Contains("vae", CommandLine.Run("generate", "a cube", "--model", _folder.File("bare")).Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Mask_OfAnotherShape_IsRefused_AndOfAnotherSizeIsNot()
    {
        foreach (var (name, width, height) in new[] { ("picture.png", 64, 64), ("half.png", 32, 32), ("tall.png", 30, 40) })
            ImageFile.Write(_folder.File(name), new PixelImage(width, height, 1, [.. Enumerable.Range(0, width * height).Select(i => (byte)(i % width < width / 2 ? 0 : 255))]));
        Draw("drawn.png", "--model", Shared("hub/sd15"), "--image", _folder.File("picture.png"), "--mask", _folder.File("half.png"));
        var (code, _, error) = CommandLine.Run("generate", "a cube", "--model", Shared("hub/sd15"), "--image", _folder.File("picture.png"), "--mask", _folder.File("tall.png"));
        Assert.Equal(2, code);
        Assert.Contains("30×40", error, StringComparison.Ordinal);
    }

    [Fact]
    public void LowRankTraining_OfStableDiffusion3_FromItsId_MakesAFileThatDrawsTheRunsPictures()
    {
        InCache("sd3", "hub/sd3");
        foreach (var number in Enumerable.Range(0, 8))
        {
            var bytes = new byte[64 * 64 * 3];
            new Random(number).NextBytes(bytes);
            Directory.CreateDirectory(_folder.File("data"));
            ImageFile.Write(_folder.File($"data/{number}.png"), new PixelImage(64, 64, 3, bytes));
            File.WriteAllText(_folder.File($"data/{number}.txt"), $"cube {number}");
        }
        var run = _folder.File("run");
        var (code, _, error) = CommandLine.Run("train", "diffusion", "--from", "acme/sd3", "--lora", "4", "--steps", "2", "--lr", "0.01", "--ema", "0", "--precision", "fp32", "--data", _folder.File("data"), "--out", run);
        Assert.True(code == 0, error);
        var before = Pixels(Draw("before.png", "--model", "acme/sd3"));
        var trained = Pixels(Draw("run.png", "--model", run));
        Assert.NotEqual(before, trained);
        Assert.All(trained.Zip(Pixels(Draw("lora.png", "--model", "acme/sd3", "--lora", Path.Combine(run, "pytorch_lora_weights.safetensors")))), pair => Assert.InRange(pair.First - pair.Second, -1, 1));
    }

    private string Draw(string name, params string[] arguments)
    {
        string[] ours = arguments[0] == "--like" ? ["generate", .. arguments] : ["generate", "a red cube", "--steps", "2", "--guidance", "3", .. arguments];
        var (code, _, error) = CommandLine.Run([.. ours, "--out", _folder.File(name)]);
        Assert.True(code == 0, error);
        return _folder.File(name);
    }

    /// <summary>A folder as the model acme/NAME of the cache.</summary>
    private void InCache(string name, string path)
    {
        var home = _folder.File($"cache/models--acme--{name}");
        Directory.CreateDirectory(Path.Combine(home, "refs"));
        File.WriteAllText(Path.Combine(home, "refs", "main"), Commit);
        Copy(Shared(path), Path.Combine(home, "snapshots", Commit));
    }

    private static void Copy(string from, string to)
    {
        foreach (var file in Directory.EnumerateFiles(from, "*", SearchOption.AllDirectories))
        {
            var target = Path.Combine(to, Path.GetRelativePath(from, file));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.WriteAllBytes(target, File.ReadAllBytes(file));
        }
    }

    private static byte[] Pixels(string path) => ImageFile.Read(path).Pixels;

    private static string Shared(string path) => PipelineWriterTests.Shared(path);
}

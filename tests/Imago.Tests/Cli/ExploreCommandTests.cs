using System.Text.Json;
using Imago.Autoencoders;
using Imago.Cli;
using Imago.Golden;
using Imago.Images;
using Imago.Models;
using Imago.Training;
using Imago.Weights;
using static Imago.Tests.CommandLine;

namespace Imago.Tests;

public sealed class ExploreCommandTests : IDisposable
{
    private const int Side = 12;

    private readonly string _folder = Directory.CreateTempSubdirectory("imago-explore").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private string In(string name) => Path.Combine(_folder, name);

    /// <summary>The folder of a run with an untrained network.</summary>
    private string Model(int latent = 3, bool isVariational = true)
    {
        var config = new MlpConfig { Channels = 1, Height = Side, Width = Side, Hidden = [16], Latent = latent, Variational = isVariational };
        using var model = config.Create(seed: 1);
        var run = In($"run-{latent}-{isVariational}");
        Directory.CreateDirectory(Path.Combine(run, "checkpoints"));
        File.WriteAllText(Path.Combine(run, "config.json"), config.ToJson());
        ModuleWeights.Save(model, Path.Combine(run, "checkpoints", "last.safetensors"));
        return run;
    }

    /// <summary>Forty pictures in the classes dark and bright.</summary>
    private string Data()
    {
        var random = new Random(3);
        for (int i = 0; i < 40; i++)
        {
            var folder = In(Path.Combine("data", i % 2 == 0 ? "dark" : "bright"));
            Directory.CreateDirectory(folder);
            WritePicture(Path.Combine(folder, $"{i}.png"), random, i % 2 * 150);
        }
        return In("data");
    }

    private static string WritePicture(string path, Random random, int light)
    {
        var pixels = new byte[Side * Side];
        for (int p = 0; p < pixels.Length; p++) pixels[p] = (byte)(light + random.Next(100));
        ImageFile.Write(path, new PixelImage(Side, Side, 1, pixels));
        return path;
    }

    public static TheoryData<string, string, bool> Commands => new()
    {
        { "reconstruct", "--count 3", false },
        { "sample", "--count 5", false },
        { "sample", "--count 5 --prior gmm --components 2", false },
        { "interpolate", "--count 2 --steps 3", true },
        { "interpolate", "--count 2 --steps 3 --way straight", true },
        { "traverse", "--latents 2 --steps 3", true },
        { "traverse", "--range 2", true },
        { "edit", "--attribute bright --count 2 --strengths 0,1", true },
        { "edit", "--attribute bright --method logistic --count 1", true },
        { "edit", "--attribute dark --method svm --count 1", true },
        { "map", "", false },
    };

    [Theory]
    [MemberData(nameof(Commands))]
    public void Command_WritesPictures_AndSaysSo(string command, string options, bool moves)
    {
        var picture = In("out.png");
        var (code, output, error) = Run([command, Model(), "--data", Data(), "--out", picture, .. options.Split(' ', StringSplitOptions.RemoveEmptyEntries)]);
        Assert.Equal((0, ""), (code, error));
        Assert.Contains("Wrote", output);
        Assert.Contains("Next:", output);
        Assert.True(ImageFile.Read(picture).Width > Side);
        Assert.Equal(moves, File.Exists(In("out.gif")));
        if (moves) Assert.Equal("GIF8"u8, File.ReadAllBytes(In("out.gif")).AsSpan(0, 4));
    }

    [Theory]
    [MemberData(nameof(Commands))]
    public void Command_WithJson_PrintsOneDocument_AndIsTheSameAgain(string command, string options, bool moves)
    {
        var picture = In("out.png");
        string[] line = [command, Model(), "--data", Data(), "--out", picture, "--json", .. options.Split(' ', StringSplitOptions.RemoveEmptyEntries)];
        var (code, output, error) = Run(line);
        Assert.Equal((0, ""), (code, error));
        using var document = JsonDocument.Parse(output);
        string[] files = [.. document.RootElement.GetProperty("files").EnumerateArray().Select(file => file.GetString()!)];
        Assert.Equal(moves ? [picture, In("out.gif")] : [picture], files);
        var bytes = files.ToDictionary(file => file, File.ReadAllBytes);
        Assert.Equal(output, Run(line).Output);
        Assert.All(files, file => Assert.Equal(bytes[file], File.ReadAllBytes(file)));
    }

    [Fact]
    public void Traverse_WithoutData_MeasuresOnItsOwnSamples()
    {
        var (code, output, _) = Run("traverse", Model(), "--examples", "50", "--out", In("out.png"), "--json");
        Assert.Equal(0, code);
        using var document = JsonDocument.Parse(output);
        Assert.Equal(JsonValueKind.Null, document.RootElement.GetProperty("data").ValueKind);
        double[] information = [.. document.RootElement.GetProperty("latents").EnumerateArray().Select(latent => latent.GetProperty("information").GetDouble())];
        Assert.Equal(3, information.Length);
        Assert.Equal(information.OrderDescending(), information);
    }

    [Fact]
    public void ImageFiles_TakeThePlaceOfTheData()
    {
        var random = new Random(5);
        string[] images = [WritePicture(In("a.png"), random, 0), WritePicture(In("b.png"), random, 120)];
        Assert.Equal(0, Run(["reconstruct", Model(), .. images, "-o", In("r.png")]).Code);
        Assert.Equal(0, Run(["interpolate", Model(), .. images, "-o", In("i.png")]).Code);
        Assert.Equal(0, Run("traverse", Model(), images[0], "-o", In("t.png")).Code);
        Assert.Equal(0, Run(["edit", Model(), .. images, "--data", Data(), "-a", "bright", "-o", In("e.png")]).Code);
        Assert.All(["r.png", "i.png", "t.png", "e.png"], name => Assert.True(File.Exists(In(name))));
    }

    [Fact]
    public void ARun_BringsItsOwnData()
    {
        var network = new MlpConfig { Channels = 1, Height = Side, Width = Side, Hidden = [16], Latent = 3 };
        var config = new AutoencoderRunConfig { Data = new RunDataConfig { Source = Data() }, Network = network, Training = new TrainingOptions { Steps = 1 } };
        var run = RunFolder.Create(In("own"), config);
        using var model = network.Create(seed: 1);
        ModuleWeights.Save(model, run.LastWeights);
        var (code, output, error) = Run("reconstruct", run.Path, "--count", "2", "-o", In("own.png"));
        Assert.Equal((0, ""), (code, error));
        Assert.StartsWith("2 pictures", output);
    }

    [Fact]
    public void Map_OfTwoLatents_HasTheManifold()
    {
        Assert.Equal(0, Run("map", Model(latent: 2), "--data", Data(), "--side", "4", "-o", In("m.png")).Code);
        Assert.Equal(4 * Side, ImageFile.Read(In("m.png")).Width, 10.0);
        Assert.True(File.Exists(In("m-codes.png")));
        Assert.Equal(0, Run("map", Model(latent: 2), "--side", "3", "-o", In("alone.png")).Code);
    }

    [Fact]
    public void Sample_OfAPlainAutoencoder_Warns() =>
        Assert.Contains("--prior gmm", Run("sample", Model(isVariational: false), "-o", In("s.png")).Error);

    [Theory]
    [InlineData(1, "There is no file or folder", "reconstruct", "nowhere", "--data", "DATA")]
    [InlineData(1, "There is no image file", "reconstruct", "MODEL", "missing.png")]
    [InlineData(1, "There is no data set", "reconstruct", "MODEL", "--data", "nothing-of-the-kind")]
    [InlineData(2, "--data", "reconstruct", "MODEL")]
    [InlineData(2, "--data", "map", "MODEL")]
    [InlineData(2, "bright, dark", "edit", "MODEL", "--data", "DATA", "--attribute", "smile")]
    [InlineData(2, "--strengths", "edit", "MODEL", "--data", "DATA", "-a", "bright", "--strengths", "much")]
    [InlineData(2, "--attribute", "edit", "MODEL", "--data", "DATA")]
    [InlineData(2, "--count", "sample", "MODEL", "--count", "0")]
    [InlineData(2, "--prior", "sample", "MODEL", "--prior", "cauchy")]
    [InlineData(2, "--range", "traverse", "MODEL", "--range", "-1")]
    public void Mistake_IsOneSentence(int code, string part, params string[] args)
    {
        var (model, data) = (Model(), Data());
        var result = Run([.. args.Select(arg => arg switch { "MODEL" => model, "DATA" => data, _ => arg })]);
        Assert.Equal(code, result.Code);
        Assert.Empty(result.Output);
        Assert.StartsWith("error:", result.Error);
        Assert.Contains(part, result.Error);
        Assert.DoesNotContain("   at ", result.Error);
    }

    [Theory]
    [InlineData("VAE_celeba.pt")]
    [InlineData("btcvae_celeba.pt")]
    [InlineData("VAE_mnist.pt")]
    [InlineData("betaH_dsprites.pt")]
    public void Traverse_OfAPretrainedVae(string name)
    {
        var file = Path.Combine(GoldenFolder.Repository()!, "..", "shared", "weights", "disentangling-vae", name);
        Assert.SkipUnless(File.Exists(file), $"{file} is not there");
        var (code, output, _) = Run("traverse", file, "--examples", "30", "--steps", "3", "--latents", "4", "-o", In("t.png"), "--json");
        Assert.Equal(0, code);
        using var document = JsonDocument.Parse(output);
        Assert.All(document.RootElement.GetProperty("latents").EnumerateArray(), latent => Assert.True(latent.GetProperty("information").GetDouble() > 0.01));
    }

    [Fact]
    public void Reconstruct_OfTaef2_HasItsPsnr()
    {
        var shared = Path.Combine(GoldenFolder.Repository()!, "..", "shared");
        var (encoder, faces) = (Path.Combine(shared, "weights", "taef2_encoder.pth"), Path.Combine(shared, "data", "smiles", "smiles.zip"));
        Assert.SkipUnless(File.Exists(encoder) && File.Exists(faces), $"{encoder} or {faces} is not there");
        var (code, output, _) = Run("reconstruct", encoder, "--data", faces, "--count", "8", "-o", In("r.png"), "--json");
        Assert.Equal(0, code);
        using var document = JsonDocument.Parse(output);
        Assert.InRange(document.RootElement.GetProperty("mean_psnr").GetDouble(), 31, 33.5);
    }
}

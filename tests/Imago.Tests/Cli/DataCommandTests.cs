using System.Text.Json;
using Imago.Cli;
using Imago.Images;
using static Imago.Tests.CommandLine;

namespace Imago.Tests;

public sealed class DataCommandTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public DataCommandTests()
    {
        for (var i = 0; i < 12; i++)
        {
            var path = _folder.File($"{(i % 2 == 0 ? "cat" : "dog")}/{i}.png");
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            ImageFile.Write(path, TestImages.Numbered(i, i == 3 ? 9 : 6).Image);
        }
        File.WriteAllText(_folder.File("dog/broken.jpg"), "no image");
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Data_OfAFolder_TellsWhatItHolds()
    {
        var sheet = _folder.File("sheet.png");
        var (code, output, _) = Run("data", _folder.Path, "--all", "--out", sheet);
        Assert.Equal(0, code);
        Assert.Contains("cat 6, dog 6", output, StringComparison.Ordinal);
        Assert.Contains("6×6 grey 11, 9×6 grey 1", output, StringComparison.Ordinal);
        Assert.Contains("dog/broken.jpg", output, StringComparison.Ordinal);
        Assert.True(ImageFile.Read(sheet).Width > 96);
    }

    [Fact]
    public void Data_WithJson_IsOneDocument()
    {
        var (code, output, _) = Run("data", _folder.Path, "--json");
        using var document = JsonDocument.Parse(output);
        Assert.Equal(0, code);
        Assert.Equal(13, document.RootElement.GetProperty("images").GetInt32());
        Assert.Equal(13, document.RootElement.GetProperty("splits").EnumerateObject().Sum(part => part.Value.GetInt32()));
        Assert.Single(document.RootElement.GetProperty("summary").GetProperty("broken").EnumerateArray());
    }

    [Fact]
    public void Data_Strict_FailsOnABrokenImage_AndNamesIt()
    {
        var (code, _, error) = Run("data", _folder.Path, "--strict");
        Assert.Equal(1, code);
        Assert.Contains("broken.jpg", error, StringComparison.Ordinal);
    }

    [Fact]
    public void Data_OfNothing_ListsTheNamedSets_AndOfAnUnknownNameFails()
    {
        Assert.Contains("sprites", Run("data").Output, StringComparison.Ordinal);
        Assert.Equal(1, Run("data", "imagenet").Code);
    }
}

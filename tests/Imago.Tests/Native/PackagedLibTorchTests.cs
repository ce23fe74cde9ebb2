using System.Xml.Linq;

namespace Imago.Tests;

public sealed class PackagedLibTorchTests
{
    [Fact]
    public void Version_IsThatOfTheRepositorysPackages()
    {
        var props = Path.Combine(Golden.GoldenFolder.Repository()!, "Directory.Packages.props");
        var versions = XDocument.Load(props).Descendants("PackageVersion").Where(package => package.Attribute("Include")!.Value.StartsWith("libtorch-cpu-", StringComparison.Ordinal));
        Assert.All(versions, package => Assert.Equal(PackagedLibTorch.Version, package.Attribute("Version")!.Value));
    }

    [Fact]
    public void Command_NamesThePackage_AndWhereItIsLookedFor()
    {
        Assert.Contains($"libtorch-cpu-linux-x64@{PackagedLibTorch.Version}", PackagedLibTorch.Command, StringComparison.Ordinal);
        if (PackagedLibTorch.Folder is { } folder) Assert.Contains(folder[..folder.IndexOf("libtorch-cpu", StringComparison.Ordinal)].TrimEnd('/'), PackagedLibTorch.Command, StringComparison.Ordinal);
    }
}

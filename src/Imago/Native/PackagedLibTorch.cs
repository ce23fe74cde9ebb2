using System.Runtime.InteropServices;

namespace Imago;

/// <summary>
/// libtorch in the folder where NuGet keeps packages on this machine. A program that does not bring libtorch along, such as the tool <c>imago</c> packed without it, uses that:
/// it is half a gigabyte, and one copy is enough for all.
/// </summary>
internal static class PackagedLibTorch
{
    /// <summary>The version that this version of TorchSharp is built for.</summary>
    internal const string Version = "2.10.0";

    private const string Platform = "linux-x64";

    /// <summary>The folder of its libraries, if it is there; on Linux x64 only.</summary>
    internal static string? Folder =>
        OperatingSystem.IsLinux() && RuntimeInformation.ProcessArchitecture == Architecture.X64 && In(Packages) is var folder && Directory.Exists(folder) ? folder : null;

    /// <summary>The command that brings it.</summary>
    internal static string Command => $"dotnet package download libtorch-cpu-{Platform}@{Version} --output \"{Packages}\"";

    /// <summary>The libraries' folder in a folder of packages.</summary>
    internal static string In(string packages) => Path.Combine(packages, $"libtorch-cpu-{Platform}", Version, "runtimes", Platform, "native");

    private static string Packages => Environment.GetEnvironmentVariable("NUGET_PACKAGES") is { Length: > 0 } chosen
        ? Path.GetFullPath(chosen)
        : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages");
}

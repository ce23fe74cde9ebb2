using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using TorchSharp;

namespace Imago;

/// <summary>
/// Loads libtorch and TorchSharp's native library. On Linux with a C++ runtime older than TorchSharp's (GLIBCXX_3.4.32 is missing before
/// GCC 13) it loads a copy in which that one requirement is marked weak; the package itself is never touched.
/// </summary>
internal static class LibTorchSharpLoader
{
    private const string FileName = "libLibTorchSharp.so", Runtime = "libstdc++.so.6";
    private const string Remedy = "restore the packages again (`dotnet restore`), rebuild, and see that the program has a package of libtorch for this platform";

    /// <returns>The library of TorchSharp that was loaded, and whether it is a corrected copy.</returns>
    /// <exception cref="ImagoException">Something is missing or cannot be loaded; the message says what to do.</exception>
    internal static (string Library, bool Corrected) Load()
    {
        if (!OperatingSystem.IsLinux()) return (LoadByTorchSharp(), false);

        var original = Find(FileName);
        LoadLibrary(Runtime);
        var provided = LoadedFile.Find("libstdc++.so")
            ?? throw new ImagoException($"{Runtime} is loaded but its file was not found in /proc/self/maps; Imago must read it to see which versions it provides.");
        var missing = MissingVersions(File.ReadAllBytes(original), File.ReadAllBytes(provided));

        // TorchSharp finds by name what is loaded already, so it never begins its own search, which ends in copies of half a gigabyte.
        foreach (var dependency in (string[])["libc10.so", "libtorch_cpu.so", "libtorch.so"]) LoadLibrary(Find(dependency));
        var library = missing.Count == 0 ? original : CorrectedCopy(original, missing);
        LoadLibrary(library);
        return (library, missing.Count > 0);
    }

    /// <summary>The versions that the library asks of libstdc++ and that a libstdc++ does not name.</summary>
    /// <exception cref="ImagoException">The library is not laid out as expected.</exception>
    internal static List<string> MissingVersions(byte[] library, byte[] runtime)
    {
        try
        {
            return [.. ElfVersionNeeds.Read(library, Runtime)
                .Where(version => runtime.AsSpan().IndexOf(Encoding.ASCII.GetBytes(version + "\0")) < 0)];
        }
        catch (InvalidDataException e)
        {
            throw new ImagoException($"TorchSharp's native library {FileName} cannot be read ({e.Message}); {Remedy}.", e);
        }
    }

    /// <summary>The path of a copy in the cache in which the missing versions are not required; made if it is not there or damaged.</summary>
    /// <exception cref="ImagoException">It cannot be corrected, or not written.</exception>
    internal static string CorrectedCopy(string original, IReadOnlyCollection<string> missing)
    {
        var bytes = File.ReadAllBytes(original);
        var folder = Path.Combine(ImagoFolders.Cache, "native", Convert.ToHexStringLower(SHA256.HashData(bytes)));
        try
        {
            foreach (var version in missing) ElfVersionNeeds.MakeWeak(bytes, Runtime, version);
        }
        catch (InvalidDataException e)
        {
            throw new ImagoException($"TorchSharp's native library needs {string.Join(", ", missing)} of the C++ runtime, which this system lacks, and cannot be corrected ({e.Message}); use a system with GCC 13 or later (Ubuntu 24.04, Debian 13, Fedora 38).", e);
        }

        var path = Path.Combine(folder, FileName);
        try
        {
            if (File.Exists(path) && File.ReadAllBytes(path).AsSpan().SequenceEqual(bytes)) return path;
            Directory.CreateDirectory(folder);
            WriteAtomically(path, bytes);
            return path;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ImagoException($"Imago must write a corrected copy of {FileName} to {folder} and could not ({e.Message}); set IMAGO_CACHE to a folder that can be written.", e);
        }
    }

    /// <summary>Where the host would find a native library: beside the program or in its packages; else in the packages of this machine.</summary>
    internal static string? FindNative(string fileName)
    {
        var folders = (AppContext.GetData("NATIVE_DLL_SEARCH_DIRECTORIES") as string ?? "")
            .Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
            .Append(AppContext.BaseDirectory)
            .Append(Path.Combine(AppContext.BaseDirectory, "runtimes", RuntimeInformation.RuntimeIdentifier, "native"))
            .Append(Path.Combine(AppContext.BaseDirectory, "runtimes", "linux-x64", "native"))
            .Concat(PackagedLibTorch.Folder is { } packaged ? [packaged] : []);
        return folders.Select(folder => Path.Combine(folder, fileName)).FirstOrDefault(File.Exists);
    }

    private static void WriteAtomically(string path, byte[] bytes)
    {
        var temporary = $"{path}.{Environment.ProcessId}.{Guid.NewGuid():N}";
        try
        {
            File.WriteAllBytes(temporary, bytes);
            File.Move(temporary, path, overwrite: true);
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }
    }

    private static string Find(string fileName) =>
        FindNative(fileName) ?? throw new ImagoException($"The native library {fileName} was not found beside the program nor in a package of this machine; {(fileName == FileName ? Remedy : $"run `{PackagedLibTorch.Command}`")}.");

    private static void LoadLibrary(string library)
    {
        try
        {
            NativeLibrary.Load(library);
        }
        catch (Exception e) when (e is DllNotFoundException or BadImageFormatException)
        {
            throw new ImagoException($"The native library {library} does not load ({FirstLine(e)}); {Remedy}.", e);
        }
    }

    private static string LoadByTorchSharp()
    {
        try
        {
            torch.InitializeDeviceType(DeviceType.CPU);
            return "LibTorchSharp";
        }
        catch (Exception e) when (e is NotSupportedException or TypeInitializationException or DllNotFoundException)
        {
            throw new ImagoException($"TorchSharp's native library does not load ({FirstLine(e.InnerException ?? e)}); {Remedy}.", e);
        }
    }

    private static string FirstLine(Exception e) => e.Message.Split('\n')[0].TrimEnd('.', '\r', ' ');
}

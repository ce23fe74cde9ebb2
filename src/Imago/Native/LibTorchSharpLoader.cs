using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Imago;

/// <summary>
/// Loads libtorch and TorchSharp's native library. On Linux with a C++ runtime older than TorchSharp's (GLIBCXX_3.4.32 is missing before
/// GCC 13) it loads a copy in which that one requirement is marked weak; the package itself is never touched.
/// </summary>
internal static class LibTorchSharpLoader
{
    private const string FileName = "libLibTorchSharp.so";

    internal static TorchStartup Load()
    {
        if (!OperatingSystem.IsLinux()) return new TorchStartup("LibTorchSharp", Corrected: false);

        var original = FindNative(FileName)
            ?? throw new ImagoException($"TorchSharp's native library {FileName} was not found beside the program; restore the packages again (`dotnet restore`) and rebuild.");
        var missing = MissingVersions(original);
        if (missing.Count == 0) return new TorchStartup(original, Corrected: false);

        foreach (var dependency in (string[])["libc10.so", "libtorch_cpu.so", "libtorch.so"])
        {
            NativeLibrary.Load(FindNative(dependency)
                ?? throw new ImagoException($"{dependency} was not found beside the program; add a package such as libtorch-cpu-linux-x64 to it."));
        }
        var corrected = CorrectedCopy(original, missing);
        NativeLibrary.Load(corrected);
        return new TorchStartup(corrected, Corrected: true);
    }

    /// <summary>The versions that the library asks of libstdc++ and that the loaded libstdc++ does not name.</summary>
    private static List<string> MissingVersions(string library)
    {
        NativeLibrary.Load("libstdc++.so.6");
        var runtime = File.ReadLines("/proc/self/maps")
            .Select(line => line.Split(' ', 6, StringSplitOptions.RemoveEmptyEntries))
            .Where(fields => fields.Length == 6 && Path.GetFileName(fields[5]).StartsWith("libstdc++.so", StringComparison.Ordinal))
            .Select(fields => fields[5])
            .First();
        ReadOnlySpan<byte> provided = File.ReadAllBytes(runtime);
        var missing = new List<string>();
        foreach (var version in ElfVersionNeeds.Read(File.ReadAllBytes(library), "libstdc++.so.6"))
        {
            if (provided.IndexOf(System.Text.Encoding.ASCII.GetBytes(version + "\0")) < 0) missing.Add(version);
        }
        return missing;
    }

    private static string CorrectedCopy(string original, IReadOnlyCollection<string> missing)
    {
        var bytes = File.ReadAllBytes(original);
        var hash = Convert.ToHexStringLower(SHA256.HashData(bytes));
        try
        {
            foreach (var version in missing) ElfVersionNeeds.MakeWeak(bytes, "libstdc++.so.6", version);
        }
        catch (InvalidDataException e)
        {
            throw new ImagoException($"TorchSharp's native library needs {string.Join(", ", missing)} of the C++ runtime, which this system lacks, and cannot be corrected ({e.Message}); use a system with GCC 13 or later (Ubuntu 24.04, Debian 13, Fedora 38).", e);
        }

        var folder = Path.Combine(ImagoFolders.Cache, "native", hash);
        var path = Path.Combine(folder, FileName);
        try
        {
            if (File.Exists(path) && File.ReadAllBytes(path).AsSpan().SequenceEqual(bytes)) return path;
            Directory.CreateDirectory(folder);
            var temporary = Path.Combine(folder, $"{FileName}.{Environment.ProcessId}.{Guid.NewGuid():N}");
            File.WriteAllBytes(temporary, bytes);
            File.Move(temporary, path, overwrite: true);
            return path;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ImagoException($"Imago must write a corrected copy of {FileName} to {folder} and could not ({e.Message}); set IMAGO_CACHE to a folder that can be written.", e);
        }
    }

    /// <summary>Where the host would find a native library: beside the program or in its packages.</summary>
    internal static string? FindNative(string fileName)
    {
        var folders = (AppContext.GetData("NATIVE_DLL_SEARCH_DIRECTORIES") as string ?? "")
            .Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
            .Append(AppContext.BaseDirectory)
            .Append(Path.Combine(AppContext.BaseDirectory, "runtimes", RuntimeInformation.RuntimeIdentifier, "native"))
            .Append(Path.Combine(AppContext.BaseDirectory, "runtimes", "linux-x64", "native"));
        return folders.Select(folder => Path.Combine(folder, fileName)).FirstOrDefault(File.Exists);
    }
}

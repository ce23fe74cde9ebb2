using CsCheck;

namespace Imago.Tests;

/// <summary>The correction of TorchSharp's library for older C++ runtimes (Linux). The library itself is the subject: it is in the package.</summary>
public class CorrectedCopyTests
{
    private const string Runtime = "libstdc++.so.6", Newest = "GLIBCXX_3.4.32";

    public CorrectedCopyTests() => Assert.SkipWhen(Original.Length == 0, "TorchSharp's library for Linux is not beside the tests");

    private static string Original =>
        LibTorchSharpLoader.FindNative("libLibTorchSharp.so") ?? "";

    [Fact]
    public void MissingVersions_OfARuntimeThatNamesAll_AreNone()
    {
        var library = File.ReadAllBytes(Original);
        var all = ElfVersionNeeds.Read(library, Runtime);
        Assert.Contains(Newest, all);
        Assert.Empty(LibTorchSharpLoader.MissingVersions(library, [.. all.SelectMany(version => System.Text.Encoding.ASCII.GetBytes(version + "\0"))]));
        Assert.Equal(all, LibTorchSharpLoader.MissingVersions(library, []));
    }

    [Fact]
    public void MakeWeak_ChangesNothingButOneFlag()
    {
        var original = File.ReadAllBytes(Original);
        var corrected = original.ToArray();
        ElfVersionNeeds.MakeWeak(corrected, Runtime, Newest);
        Assert.Single(Enumerable.Range(0, original.Length), i => original[i] != corrected[i]);
        Assert.Equal(ElfVersionNeeds.Read(original, Runtime), ElfVersionNeeds.Read(corrected, Runtime));
    }

    [Theory, InlineData("GLIBCXX_3.4", "is in use"), InlineData("GLIBCXX_9.9", "not among the requirements")]
    public void CorrectedCopy_OfAVersionThatIsNeeded_SaysWhatToUse(string version, string reason)
    {
        using var cache = new OwnCache();
        var error = Assert.Throws<ImagoException>(() => LibTorchSharpLoader.CorrectedCopy(Original, [version]));
        Assert.Contains(reason, error.Message, StringComparison.Ordinal);
        Assert.Contains("Ubuntu 24.04", error.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.EnumerateFileSystemEntries(cache.Path));
    }

    [Fact]
    public void CorrectedCopy_MadeByManyAtOnce_IsOneWholeFile()
    {
        using var cache = new OwnCache();
        var paths = Enumerable.Range(0, 8).AsParallel().WithDegreeOfParallelism(8).Select(_ => LibTorchSharpLoader.CorrectedCopy(Original, [Newest])).ToList();
        var path = Assert.Single(paths.Distinct());
        Assert.Equal([path], Directory.EnumerateFiles(cache.Path, "*", SearchOption.AllDirectories));
        Assert.Equal(new FileInfo(Original).Length, new FileInfo(path).Length);
    }

    [Fact]
    public void CorrectedCopy_ThatIsDamaged_IsMadeAgain()
    {
        using var cache = new OwnCache();
        var path = LibTorchSharpLoader.CorrectedCopy(Original, [Newest]);
        var whole = File.ReadAllBytes(path);
        File.WriteAllBytes(path, whole[..(whole.Length / 2)]);
        Assert.Equal(path, LibTorchSharpLoader.CorrectedCopy(Original, [Newest]));
        Assert.Equal(whole, File.ReadAllBytes(path));
    }

    [Fact]
    public void CorrectedCopy_WhereNothingCanBeWritten_SaysWhichVariableToSet()
    {
        using var cache = new OwnCache();
        File.WriteAllText(Path.Combine(cache.Path, "native"), "a file where the folder should be");
        var error = Assert.Throws<ImagoException>(() => LibTorchSharpLoader.CorrectedCopy(Original, [Newest]));
        Assert.Contains("set IMAGO_CACHE to a folder that can be written", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void MissingVersions_OfAnUnknownLayout_SaysWhatToDo() =>
        Assert.Contains("dotnet restore", Assert.Throws<ImagoException>(() => LibTorchSharpLoader.MissingVersions([1, 2, 3], [])).Message, StringComparison.Ordinal);

    /// <summary>The tables that the parser reads, with a few bytes changed or the end cut off: it reads, or says InvalidDataException, in bounded time.</summary>
    [Fact]
    public void ElfVersionNeeds_OfMutatedFiles_ReadOrRefuse()
    {
        var original = File.ReadAllBytes(Original);
        var sectionTable = (int)BitConverter.ToUInt64(original, 40);
        int[] places = [.. Enumerable.Range(0, 64), .. Enumerable.Range(sectionTable, original.Length - sectionTable), .. NeedTable(original)];
        var mutation = Gen.Select(Gen.Int[0, places.Length - 1].Select(i => places[i]), Gen.OneOf(Gen.Const((byte)0), Gen.Const((byte)0xff), Gen.Byte));
        Gen.Select(mutation.Array[1, 4], Gen.Frequency((3, Gen.Const(original.Length)), (1, Gen.Int[0, original.Length])))
            .Sample(
                (changes, length) =>
                {
                    var elf = original[..length];
                    foreach (var (place, value) in changes.Where(change => change.Item1 < length)) elf[place] = value;
                    try
                    {
                        ElfVersionNeeds.MakeWeak(elf, Runtime, Newest);
                    }
                    catch (InvalidDataException)
                    {
                    }
                },
                iter: 300,
                threads: 1);
    }

    /// <summary>The bytes of .gnu.version_r.</summary>
    private static IEnumerable<int> NeedTable(byte[] elf)
    {
        var table = (int)BitConverter.ToUInt64(elf, 40);
        var header = Enumerable.Range(0, BitConverter.ToUInt16(elf, 60)).Select(i => table + 64 * i).First(at => BitConverter.ToUInt32(elf, at + 4) == 0x6ffffffe);
        return Enumerable.Range((int)BitConverter.ToUInt64(elf, header + 24), (int)BitConverter.ToUInt64(elf, header + 32));
    }
}

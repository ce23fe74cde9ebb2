using System.Text.Json;

namespace Imago.Golden.Sets;

/// <summary>The set <c>formats</c>: what files of each container hold, and files that must be refused. A case names a list of files of one kind.</summary>
internal sealed partial class FormatsSet : GoldenSet
{
    private const long FreeBytes = 192 << 20;

    /// <inheritdoc/>
    public override string Name => "formats";

    /// <inheritdoc/>
    protected override void Run(GoldenCase golden, Checks check)
    {
        switch (golden.Name.Split('/')[0])
        {
            case "safetensors":
                RunSafetensors(golden, check);
                break;
            case "pytorch":
                RunPyTorch(golden, check);
                break;
            case "images":
                RunImages(golden, check);
                break;
            case "parquet":
                RunParquet(golden, check);
                break;
            case "idx":
                RunIdx(golden, check);
                break;
            case "gguf":
                RunGguf(golden, check);
                break;
            case "numpy":
                RunNumpy(golden, check);
                break;
            case var container:
                throw new NotImplementedHereException($"Imago does not read {container} yet");
        }
    }

    private static IEnumerable<string> Files(GoldenCase golden, string field = "files") => golden.Entry.GetProperty(field).EnumerateArray().Select(file => file.GetString()!);

    private static JsonElement Config(GoldenCase golden) => golden.Json(golden.Entry.GetProperty("config").GetString()!);

    /// <summary>The entry of a file in a JSON object whose keys are paths, or names without folder and extension.</summary>
    private static JsonElement EntryOf(JsonElement json, string file) =>
        json.TryGetProperty(file, out var entry) || json.TryGetProperty(Path.GetFileName(file), out entry) ? entry : json.GetProperty(Path.GetFileNameWithoutExtension(file));

    /// <summary>The file is refused by one of Imago's own exceptions, and without memory that its size does not warrant.</summary>
    private static void Refused(Checks check, string path, string name, Action read) => Bounded(check, path, name, () => check.Refused(name, read));

    /// <summary>The file is refused, or read to its end, in bounded memory either way.</summary>
    private static void RefusedOrBounded(Checks check, string path, string name, Action read) => Bounded(check, path, name, () =>
    {
        try
        {
            read();
        }
        catch (ImagoException)
        {
        }
        catch (Exception e)
        {
            check.True(name, false, $"{e.GetType().Name} instead of a clear refusal: {e.Message.Split('\n')[0]}");
        }
    });

    /// <summary>Managed memory at most a constant and a multiple of the file (objects are larger than the bytes that describe them).</summary>
    private static void Bounded(Checks check, string path, string name, Action action)
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        action();
        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        check.True(name, allocated <= FreeBytes + 64 * new FileInfo(path).Length, $"{allocated} bytes were allocated");
    }
}

using System.Text.Json;

namespace Imago.Golden.Sets;

/// <summary>The set <c>formats</c>: what files of each container hold, and files that must be refused. A case names a list of files of one kind.</summary>
internal sealed partial class FormatsSet : GoldenSet
{
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

    /// <summary>The file is refused by one of Imago's own exceptions, or (where that is allowed) read to its end within the memory that its size permits.</summary>
    private static void RefusedOrBounded(Checks check, string file, Action read)
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
            check.True(file, false, $"{e.GetType().Name} instead of a clear refusal: {e.Message.Split('\n')[0]}");
            return;
        }
        check.True(file, true);
    }
}

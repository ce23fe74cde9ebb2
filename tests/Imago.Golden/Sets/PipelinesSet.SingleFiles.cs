using System.Text.Json;
using Imago.Generation;
using Imago.Generation.Pipelines;
using Imago.Generation.SingleFiles;
using Imago.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Golden.Sets;

/// <summary>Models in one file of an original layout: the same weights as those of the folders that the manifest names, key by key and bit by bit.</summary>
internal sealed partial class PipelinesSet
{
    private static void RunSingleFile(GoldenCase golden, Checks check)
    {
        var path = golden.PathOf(golden.Entry.GetProperty("file").GetString()!);
        if (golden.Entry.TryGetProperty("tensors", out var listed)) CheckListed(path, listed, check);
        if (golden.Entry.TryGetProperty("same_weights_as", out var folders)) CheckWeights(golden, path, folders, check);
    }

    private static void CheckListed(string path, JsonElement listed, Checks check)
    {
        using var file = TensorFile.Open(path);
        check.Equal("tensors", string.Join(", ", file.Tensors.Select(tensor => tensor.Name).Order(StringComparer.Ordinal)), string.Join(", ", listed.EnumerateArray().Select(name => name.GetString()!).Order(StringComparer.Ordinal)));
        foreach (var tensor in file.Tensors) check.True(tensor.Name, file.Read(tensor.Name).isfinite().all().item<bool>());
    }

    private static void CheckWeights(GoldenCase golden, string path, JsonElement folders, Checks check)
    {
        var single = SingleFile.Open(path, new SingleFileOptions { Folders = golden.Entry.GetProperty("config_from").EnumerateObject().ToDictionary(entry => entry.Name, entry => golden.PathOf(entry.Value.GetString()!)) });
        var hub = folders.EnumerateObject().ToDictionary(entry => entry.Name, entry => PipelineComponent.FromFolder(entry.Name, golden.PathOf(entry.Value.GetString()!)));
        check.Equal("parts", string.Join(", ", single.Components.Keys.Except([ComponentNames.Scheduler]).Order(StringComparer.Ordinal)), string.Join(", ", hub.Keys.Except([ComponentNames.Scheduler]).Order(StringComparer.Ordinal)));
        hub.TryAdd(ComponentNames.Scheduler, single.Components[ComponentNames.Scheduler]);
        using var got = StableDiffusion.Load(single);
        using var want = StableDiffusion.Load(single with { Components = hub });
        foreach (var (kind, ours, theirs) in Modules(got).Zip(Modules(want), (one, other) => (one.Kind, one.Module, other.Module))) CheckSame(kind, ours.state_dict(), theirs.state_dict(), check);
    }

    private static IEnumerable<(string Kind, nn.Module Module)> Modules(DiffusionModel model) =>
        [("denoiser", model.Network), ("conditioner", model.Encoder), ("vae", ((LatentCodec)model.Codec).Autoencoder)];

    private static void CheckSame(string kind, Dictionary<string, Tensor> got, Dictionary<string, Tensor> want, Checks check)
    {
        check.Equal($"{kind} keys", string.Join(", ", got.Keys), string.Join(", ", want.Keys));
        foreach (var (key, tensor) in want) check.Exact($"{kind} {key}", got[key], tensor);
    }
}

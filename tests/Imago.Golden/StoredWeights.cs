using Imago.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Golden;

/// <summary>Weights of a case, copied into a network; every key must find its place.</summary>
internal static class StoredWeights
{
    internal static void CopyInto(nn.Module network, TensorFile file, Func<string, string> keyMap)
    {
        using var noGrad = no_grad();
        var places = network.state_dict();
        foreach (var name in file.Tensors.Select(tensor => tensor.Name))
        {
            if (!places.Remove(keyMap(name), out var place)) throw new KeyNotFoundException($"{file.Path}: nothing in the network is called {keyMap(name)}");
            var stored = file.Read(name);
            if (!stored.shape.SequenceEqual(place.shape)) throw new InvalidDataException($"{name}: shape [{string.Join(", ", stored.shape)}], expected [{string.Join(", ", place.shape)}]");
            place.copy_(stored);
        }
        if (places.Count > 0) throw new KeyNotFoundException($"{file.Path}: no weights for {string.Join(", ", places.Keys)}");
    }
}

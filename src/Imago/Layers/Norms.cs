using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Imago.Layers;

/// <summary>Normalisations that start as PyTorch's do.</summary>
internal static class Norms
{
    /// <summary>Group normalisation with weights of one and biases of zero. TorchSharp 0.107 leaves both uninitialised.</summary>
    internal static GroupNorm Group(long groups, long channels, double eps = 1e-5)
    {
        var norm = nn.GroupNorm(groups, channels, eps);
        nn.init.ones_(norm.weight!);
        nn.init.zeros_(norm.bias!);
        return norm;
    }
}

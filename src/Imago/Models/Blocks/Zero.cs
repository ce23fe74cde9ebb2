using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Models.Blocks;

/// <summary>Fresh weights of a branch's last layer: the branch gives 0 at first (Ho et al. 2020).</summary>
internal static class Zero
{
    internal static void Fill(nn.Module layer)
    {
        using var _ = no_grad();
        foreach (var parameter in layer.parameters()) parameter.zero_();
    }
}

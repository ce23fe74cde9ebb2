using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Layers;

/// <summary>Weights for drawing instead of training: held in the type of the computation, so that no layer converts them at every step.</summary>
public static class InferenceWeights
{
    /// <summary>Networks that are built or loaded on this thread until the result is disposed hold their weights so from the start: a file's numbers are converted once, straight into it.</summary>
    /// <param name="type">float32 or bfloat16.</param>
    public static IDisposable In(ScalarType type) => Initialization.In(type);

    /// <summary>
    /// Converts the matrices, kernels, biases and tables of a network's layers once, and lays kernels out as the convolutions want them (channels-last). Normalisations stay in
    /// float32. A network so held computes in any type as before, but should not be trained: steps smaller than the type's precision would be lost.
    /// </summary>
    /// <param name="network">The network; its parameters are replaced, and what held on to them (an optimiser) is not to be used any more.</param>
    /// <param name="type">float32 or bfloat16.</param>
    /// <example><code>
    /// InferenceWeights.Hold(model.Network, ScalarType.BFloat16);
    /// model.ComputeType = ScalarType.BFloat16;
    /// </code></example>
    public static void Hold(nn.Module network, ScalarType type)
    {
        ArgumentNullException.ThrowIfNull(network);
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        foreach (var layer in network.named_modules().Select(named => named.module).Append(network).Where(layer => layer is Linear or Conv2d or ConvTranspose2d or Embedding))
        {
            layer.to(type);
            var weight = layer switch { Conv2d convolution => convolution.weight, ConvTranspose2d convolution => convolution.weight, _ => null };
            weight?.set_(Convolution.ChannelsLast(weight));
        }
    }
}

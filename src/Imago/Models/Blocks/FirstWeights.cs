using TorchSharp;
using static TorchSharp.torch;
using Linear = Imago.Layers.Linear;

namespace Imago.Models.Blocks;

/// <summary>First weights other than PyTorch's default; each function changes the layer and gives it back. Biases begin at zero.</summary>
internal static class FirstWeights
{
    /// <summary>Weights drawn from N(0, std²).</summary>
    internal static Linear Normal(this Linear layer, double std) => Fill(layer, weight => weight.normal_(0, std));

    /// <summary>Weights uniform in ±√(6/(inputs + outputs)) (Glorot and Bengio 2010).</summary>
    internal static Linear Xavier(this Linear layer) => Fill(layer, weight =>
    {
        var bound = Math.Sqrt(6.0 / (weight.shape[0] + weight.shape[1]));
        return weight.uniform_(-bound, bound);
    });

    /// <summary>Zero.</summary>
    internal static Linear Zero(this Linear layer) => Fill(layer, weight => weight.zero_());

    private static Linear Fill(Linear layer, Func<Tensor, Tensor> fill)
    {
        using var _ = no_grad();
        fill(layer.weight);
        layer.bias?.zero_();
        return layer;
    }
}

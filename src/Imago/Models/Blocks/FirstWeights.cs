using Imago.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Models.Blocks;

/// <summary>First weights other than PyTorch's default; each function changes the layer and gives it back. Biases begin at zero.</summary>
internal static class FirstWeights
{
    /// <summary>Weights drawn from N(0, std²).</summary>
    internal static Linear Normal(this Linear layer, double std) => Fill(layer, weight => weight.normal_(0, std));

    /// <summary>Weights uniform in ±√(6/(inputs + outputs)) (Glorot and Bengio 2010).</summary>
    internal static Linear Xavier(this Linear layer) => Fill(layer, FillXavier);

    /// <summary>Zero.</summary>
    internal static Linear Zero(this Linear layer) => Fill(layer, weight => weight.zero_());

    /// <summary>
    /// A diffusion transformer's first weights (Peebles and Xie 2023): linear layers by <see cref="Xavier"/>, embeddings N(0, 0.02²), modulations zero, so that every
    /// block passes its input on.
    /// </summary>
    internal static void OfTransformer(nn.Module network)
    {
        if (!Initialization.IsDrawing) return;
        var modules = network.named_modules().Select(named => named.module).ToList();
        foreach (var linear in modules.OfType<Linear>()) linear.Xavier();
        foreach (var patches in modules.OfType<PatchEmbedding>()) patches.Xavier();
        foreach (var linear in modules.OfType<TimestepEmbedding>().SelectMany(embedding => embedding.named_modules()).Select(named => named.module).OfType<Linear>()) linear.Normal(0.02);
        foreach (var norm in modules.OfType<AdaLayerNormZero>()) norm.Close();
        foreach (var norm in modules.OfType<AdaLayerNorm>()) norm.Close();
    }

    /// <summary>Fills a weight uniformly in ±√(6/(inputs + outputs)); kernels count as matrices.</summary>
    internal static void FillXavier(Tensor weight)
    {
        using var _ = no_grad();
        var bound = Math.Sqrt(6.0 / (weight.shape[0] + weight.numel() / weight.shape[0]));
        weight.uniform_(-bound, bound);
    }

    private static Linear Fill(Linear layer, Action<Tensor> fill)
    {
        if (!Initialization.IsDrawing) return layer;
        using var _ = no_grad();
        fill(layer.weight);
        layer.bias?.zero_();
        return layer;
    }
}

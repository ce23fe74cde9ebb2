using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Imago.Layers;

/// <summary>A layer whose outputs are sums over its inputs with the weights of one tensor, [O, I, …]: what low-rank changes change.</summary>
internal interface IWeightedLayer
{
    /// <summary>The weights.</summary>
    Parameter Weight { get; }

    /// <summary>What is added to the weights, computed anew for every use: a fresh tensor of their shape. Null for nothing.</summary>
    Func<Tensor>? Delta { get; set; }
}

using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Imago.Layers;

/// <summary>A table of vectors, looked up by number: int64 [...] → float32 [..., D].</summary>
public sealed class Embedding : nn.Module<Tensor, Tensor>
{
    /// <summary>One vector for each number, [N, D].</summary>
    public Parameter weight;

    /// <summary>A table with values drawn from N(0, <paramref name="std"/>²).</summary>
    /// <param name="count">How many vectors there are, N.</param>
    /// <param name="features">Size of each, D.</param>
    /// <param name="std">Standard deviation of the first values; PyTorch's is 1.</param>
    /// <param name="device">Where the table is made.</param>
    public Embedding(long count, long features, double std = 1, Device? device = null)
        : base(nameof(Embedding))
    {
        weight = Initialization.Normal(device, std, count, features);
        RegisterComponents();
    }

    /// <summary>Looks up.</summary>
    /// <param name="ids">Numbers in [0, N), int64 of any shape.</param>
    public override Tensor forward(Tensor ids) => WrappedTensorDisposeScope(() => weight.index_select(0, ids.flatten()).view([.. ids.shape, weight.shape[1]]));
}

using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Imago.Models;

/// <summary>
/// The discriminator of FactorVAE: six linear layers with leaky ReLU, telling joint latents (class 0) from permuted ones (class 1)
/// (Kim and Mnih 2018, appendix A).
/// </summary>
public sealed class LatentDiscriminator : nn.Module<Tensor, Tensor>
{
    private readonly Sequential layers;

    /// <summary>Fresh weights.</summary>
    /// <param name="latents">D.</param>
    /// <param name="hidden">Units of each hidden layer; 1000 in the paper.</param>
    public LatentDiscriminator(int latents, int hidden = 1000)
        : base(nameof(LatentDiscriminator))
    {
        int[] sizes = [latents, .. Enumerable.Repeat(hidden, 5), 2];
        var sequence = new List<nn.Module<Tensor, Tensor>>();
        for (var i = 1; i < sizes.Length; i++)
        {
            if (i > 1) sequence.Add(nn.LeakyReLU(0.2));
            sequence.Add(new Linear(sizes[i - 1], sizes[i]));
        }
        layers = nn.Sequential(sequence);
        RegisterComponents();
    }

    /// <summary>Logits of (joint, permuted).</summary>
    /// <param name="z">[B, D].</param>
    /// <returns>[B, 2].</returns>
    public override Tensor forward(Tensor z) => layers.call(z);
}

using static TorchSharp.torch;

namespace Imago.Diffusion;

/// <summary>Sources of noise for stochastic samplers.</summary>
public static class NoiseSources
{
    /// <summary>Independent normal numbers for the whole batch from one generator.</summary>
    /// <param name="like">A tensor of the sample's shape, type and device.</param>
    /// <param name="generator">Advanced by every draw.</param>
    public static NoiseSource Independent(Tensor like, Generator generator)
    {
        var (shape, type, device) = (like.shape, like.dtype, like.device);
        return (_, _) => randn(shape, type, device, generator: generator);
    }

    /// <summary>Independent normal numbers, those of each image from a generator of its own, so that an image depends on its seed and not on its batch.</summary>
    /// <param name="like">A tensor of the sample's shape, type and device, [B, …].</param>
    /// <param name="generators">B of them, advanced by every draw.</param>
    /// <exception cref="ArgumentException">There are not as many generators as images.</exception>
    public static NoiseSource PerImage(Tensor like, IReadOnlyList<Generator> generators)
    {
        var (shape, type, device) = (like.shape[1..], like.dtype, like.device);
        if (generators.Count != like.shape[0]) throw new ArgumentException($"{generators.Count} generators for a batch of {like.shape[0]}; give one for each image.", nameof(generators));
        return (_, _) => stack(generators.Select(generator => randn(shape, type, device, generator: generator)));
    }
}

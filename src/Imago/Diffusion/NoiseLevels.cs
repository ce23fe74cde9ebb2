using static TorchSharp.torch;

namespace Imago.Diffusion;

/// <summary>The levels of a batch, one for each image: coefficients in double precision on the host, tensors where a formula needs them.</summary>
/// <param name="Items">B levels.</param>
public sealed record NoiseLevels(IReadOnlyList<NoiseLevel> Items)
{
    /// <summary>The same level for every image.</summary>
    /// <param name="level">The level.</param>
    /// <param name="count">B.</param>
    public static NoiseLevels Same(NoiseLevel level, long count) => new([.. Enumerable.Repeat(level, (int)count)]);

    /// <summary>α of every image, broadcasting over <paramref name="like"/>: [B, 1, 1, 1], of its type and on its device.</summary>
    public Tensor Alpha(Tensor like) => Over(like, level => level.Alpha);

    /// <summary>σ of every image, broadcasting over <paramref name="like"/>: [B, 1, 1, 1], of its type and on its device.</summary>
    public Tensor Sigma(Tensor like) => Over(like, level => level.Sigma);

    /// <summary>What the network is told, fp32 [B].</summary>
    public Tensor Times(Device? device = null) => tensor(Items.Select(level => (float)level.Time).ToArray(), device: device);

    /// <summary>x = α x₀ + σ ε.</summary>
    /// <param name="x0">Clean images, [B, C, H, W].</param>
    /// <param name="epsilon">Noise of the same shape.</param>
    public Tensor Noisy(Tensor x0, Tensor epsilon) => Alpha(x0) * x0 + Sigma(x0) * epsilon;

    /// <summary>A number of every level as a tensor that broadcasts over <paramref name="like"/>, [B, 1, 1, 1].</summary>
    /// <exception cref="ArgumentException">The batch has another size.</exception>
    public Tensor Over(Tensor like, Func<NoiseLevel, double> number)
    {
        if (like.shape[0] != Items.Count) throw new ArgumentException($"There are {Items.Count} noise levels for a batch of {like.shape[0]}; each image needs one.", nameof(like));
        long[] shape = [Items.Count, .. Enumerable.Repeat(1L, (int)like.dim() - 1)];
        return tensor(Items.Select(number).ToArray(), float64).to(like.dtype).to(like.device).view(shape);
    }

    /// <summary>A number of every level, [B], of the type and on the device of <paramref name="like"/>.</summary>
    public Tensor Each(Tensor like, Func<NoiseLevel, double> number) => Over(like, number).flatten();
}

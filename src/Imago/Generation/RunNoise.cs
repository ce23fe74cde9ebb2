using Imago.Diffusion;
using Imago.Exploration;
using Imago.Randomness;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Generation;

/// <summary>Whose random numbers a seed stands for.</summary>
public enum NoiseKind
{
    /// <summary>PyTorch's on a CPU.</summary>
    Cpu,

    /// <summary>PyTorch's on a GPU of NVIDIA's (Philox), made on the CPU; for pictures with seeds from there.</summary>
    Cuda,
}

/// <summary>All random numbers of one batch of pictures, in the order in which they are asked for.</summary>
public abstract class RunNoise : IDisposable
{
    /// <summary>What the pictures begin as: unit normal numbers, [B, …].</summary>
    /// <param name="shape">[B, …].</param>
    public abstract Tensor Initial(long[] shape);

    /// <summary>Unit normal numbers for a sample of an autoencoder's posterior, [B, …]; or [1, …], which serve all pictures.</summary>
    /// <param name="shape">[B, …].</param>
    public abstract Tensor Posterior(long[] shape);

    /// <summary>What stochastic methods draw in their steps.</summary>
    /// <param name="like">A tensor of the sample's shape, type and device.</param>
    public abstract NoiseSource Steps(Tensor like);

    /// <summary>Gives up what it holds.</summary>
    public virtual void Dispose() => GC.SuppressFinalize(this);
}

/// <summary>Every picture's numbers come from its own seed, so that it does not depend on the batch.</summary>
internal sealed class SeededNoise : RunNoise
{
    private readonly IReadOnlyList<PictureWish> _wishes;
    private readonly List<Stream> _streams;

    internal SeededNoise(IReadOnlyList<PictureWish> wishes, NoiseKind kind)
    {
        (_wishes, Kind) = (wishes, kind);
        _streams = [.. wishes.Select(wish => new Stream((ulong)wish.Seed, kind))];
    }

    private NoiseKind Kind { get; }

    public override Tensor Initial(long[] shape) => stack(_wishes.Zip(_streams, (wish, stream) => Of(wish, stream.Normal(shape[1..]), shape[1..])));

    public override Tensor Posterior(long[] shape) => Drawn(shape);

    public override NoiseSource Steps(Tensor like)
    {
        var (shape, type, device) = (like.shape, like.dtype, like.device);
        return (_, _) => Drawn(shape).to(type).to(device);
    }

    public override void Dispose()
    {
        foreach (var stream in _streams) stream.Dispose();
        base.Dispose();
    }

    private Tensor Drawn(long[] shape) => stack(_streams.Select(stream => stream.Normal(shape[1..])));

    private Tensor Of(PictureWish wish, Tensor own, long[] shape)
    {
        if (wish.Towards is not { } towards || towards.Seed == wish.Seed) return own;
        using var other = new Stream((ulong)towards.Seed, Kind);
        return Interpolations.Spherical(own, other.Normal(shape), wish.Share);
    }

    /// <summary>The numbers of one seed, in fp32.</summary>
    private sealed class Stream(ulong seed, NoiseKind kind) : IDisposable
    {
        private readonly Generator? _generator = kind == NoiseKind.Cpu ? new Generator(seed) : null;
        private readonly PhiloxRandom? _philox = kind == NoiseKind.Cuda ? new PhiloxRandom(seed) : null;

        internal Tensor Normal(long[] shape)
        {
            if (_generator is not null) return randn(shape, generator: _generator);
            var values = new float[shape.Aggregate(1L, (count, size) => count * size)];
            _philox!.Normal(values);
            return tensor(values).view(shape);
        }

        public void Dispose() => _generator?.Dispose();
    }
}

using Imago.Autoencoders;
using Imago.Data;
using Imago.Images;
using Imago.Probability;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Exploration;

/// <summary>
/// An autoencoder seen from its latents: pictures in [0, 1] and vectors z of D numbers, whatever the network's own range and shape of latents.
/// Works in batches without gradients; everything it returns lies in main memory.
/// </summary>
public sealed class LatentSpace
{
    private readonly long[] _shape;
    private readonly Device _device;
    private readonly ScalarType _type;

    /// <summary>Looks at a model for pictures of one size, and puts it into evaluation mode.</summary>
    /// <param name="model">The network; it stays the caller's.</param>
    /// <param name="height">Rows of the pictures; the network's own <see cref="Autoencoder.ImageSize"/> by default.</param>
    /// <param name="width">Columns of the pictures.</param>
    /// <param name="batchSize">Pictures that pass through the network at once; by default about as many as have half a million pixels together.</param>
    /// <exception cref="ArgumentException">The network cannot take pictures of that size.</exception>
    public LatentSpace(Autoencoder model, int? height = null, int? width = null, int? batchSize = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        Model = model;
        (Height, Width) = (height ?? model.ImageSize.Height, width ?? model.ImageSize.Width);
        BatchSize = batchSize ?? (int)Math.Clamp((1 << 19) / ((long)Height * Width), 1, 64);
        ArgumentOutOfRangeException.ThrowIfLessThan(BatchSize, 1, nameof(batchSize));
        _shape = model.LatentShape(Height, Width);
        Dimensions = (int)_shape.Aggregate(1L, (a, b) => a * b);
        var weight = model.parameters().FirstOrDefault();
        (_device, _type) = (weight?.device ?? CPU, weight?.dtype ?? float32);
        model.eval();
    }

    /// <summary>The network.</summary>
    public Autoencoder Model { get; }

    /// <summary>Rows of the pictures.</summary>
    public int Height { get; }

    /// <summary>Columns of the pictures.</summary>
    public int Width { get; }

    /// <summary>D, the numbers in one latent vector.</summary>
    public int Dimensions { get; }

    /// <summary>Pictures that pass through the network at once.</summary>
    public int BatchSize { get; }

    /// <summary>q(z|x) of pictures.</summary>
    /// <param name="images">[N, C, H, W] in [0, 1].</param>
    /// <returns>Mean and log-variance, [N, D] float32.</returns>
    public DiagonalGaussian Encode(Tensor images)
    {
        if (images.dim() != 4 || images.shape[1] != Model.Channels || images.shape[2] != Height || images.shape[3] != Width)
            throw new ArgumentException($"The network takes pictures of shape [N, {Model.Channels}, {Height}, {Width}]; got [{string.Join(", ", images.shape)}].", nameof(images));
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        List<Tensor> means = [], logVars = [];
        foreach (var batch in images.split(BatchSize))
        {
            using var one = NewDisposeScope();
            var x = batch.to(_type, _device);
            var posterior = Model.Encode(Model.Pixels == PixelRange.ZeroToOne ? x : 2 * x - 1);
            means.Add(Flat(posterior.Mean));
            logVars.Add(Flat(posterior.LogVar));
        }
        return new DiagonalGaussian(cat(means).MoveToOuterDisposeScope(), cat(logVars).MoveToOuterDisposeScope());

        static Tensor Flat(Tensor latents) => latents.flatten(1).to(float32, CPU).clone().MoveToOuterDisposeScope();
    }

    /// <summary>The pictures that latents stand for.</summary>
    /// <param name="z">[N, D].</param>
    /// <param name="progress">Told after every batch.</param>
    /// <param name="cancellation">Stops between batches.</param>
    /// <returns>[N, C, H, W] in [0, 1], clamped, float32.</returns>
    public Tensor Decode(Tensor z, IProgress<WorkProgress>? progress = null, CancellationToken cancellation = default)
    {
        if (z.dim() != 2 || z.shape[1] != Dimensions)
            throw new ArgumentException($"Latents of this network have the shape [N, {Dimensions}]; got [{string.Join(", ", z.shape)}].", nameof(z));
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        List<Tensor> pictures = [];
        long done = 0;
        foreach (var batch in z.split(BatchSize))
        {
            cancellation.ThrowIfCancellationRequested();
            using var one = NewDisposeScope();
            var pixels = Model.ToPixels(Model.Decode(batch.to(_type, _device).reshape([batch.shape[0], .. _shape])));
            pictures.Add(Pictures.ZeroToOne(pixels, Model.Pixels).to(float32, CPU).clamp(0, 1).MoveToOuterDisposeScope());
            progress?.Report(new WorkProgress(done += batch.shape[0], z.shape[0]));
        }
        return cat(pictures).MoveToOuterDisposeScope();
    }

    /// <summary>Encodes a data set, in its order. Only the latents are kept.</summary>
    /// <param name="dataset">The pictures; they are brought to the size and channels of the network.</param>
    /// <param name="progress">Told after every batch.</param>
    /// <param name="cancellation">Stops between batches.</param>
    public LatentCodes Encode(ImageDataset dataset, IProgress<WorkProgress>? progress = null, CancellationToken cancellation = default)
    {
        using var scope = NewDisposeScope();
        var loader = Loader(dataset);
        var codes = new LatentCodes.Builder(this, dataset);
        foreach (var batch in loader.Epoch(0, 0, cancellation))
        {
            using (batch)
            {
                using var one = NewDisposeScope();
                codes.Add(Encode(batch.ToFloat(PixelRange.ZeroToOne)), batch);
                progress?.Report(new WorkProgress(codes.Count, dataset.Count));
            }
        }
        return codes.Build(loader.Skipped);
    }

    /// <summary>Codes of a variational autoencoder's own samples: what stands in for data where there are none.</summary>
    /// <param name="count">How many.</param>
    /// <param name="generator">Where z ~ N(0, I) comes from.</param>
    /// <param name="progress">Told after every batch.</param>
    /// <param name="cancellation">Stops between batches.</param>
    public LatentCodes EncodeSamples(int count, Generator generator, IProgress<WorkProgress>? progress = null, CancellationToken cancellation = default)
    {
        using var scope = NewDisposeScope();
        var codes = new LatentCodes.Builder(this, null);
        while (codes.Count < count)
        {
            cancellation.ThrowIfCancellationRequested();
            using var one = NewDisposeScope();
            var z = randn(Math.Min(BatchSize, count - codes.Count), Dimensions, generator: generator);
            codes.Add(Encode(Decode(z, cancellation: cancellation)), null);
            progress?.Report(new WorkProgress(codes.Count, count));
        }
        return codes.Build([]);
    }

    /// <summary>The first pictures of a data set as the network takes them: [N, C, H, W] in [0, 1].</summary>
    /// <param name="dataset">The pictures.</param>
    /// <param name="cancellation">Stops decoding.</param>
    public Tensor Load(ImageDataset dataset, CancellationToken cancellation = default)
    {
        using var scope = NewDisposeScope();
        List<Tensor> pictures = [];
        foreach (var batch in Loader(dataset).Epoch(0, 0, cancellation))
        {
            using (batch) pictures.Add(batch.ToFloat(PixelRange.ZeroToOne));
        }
        return cat(pictures).MoveToOuterDisposeScope();
    }

    private ImageLoader Loader(ImageDataset dataset)
    {
        if (Height != Width && dataset.Count > 0 && dataset.Get(0).Image is var first && (first.Height, first.Width) != (Height, Width))
            throw new ArgumentException($"The pictures must have {Width}×{Height} pixels, those of {dataset.Name} have {first.Width}×{first.Height}; only squares are resized.", nameof(dataset));
        return new ImageLoader(dataset, new LoaderOptions
        {
            BatchSize = BatchSize,
            Shuffle = false,
            Size = Height == Width ? Height : null,
            Channels = Model.Channels,
            CacheBytes = 0,
        });
    }
}

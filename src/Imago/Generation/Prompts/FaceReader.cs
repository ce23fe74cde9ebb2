using System.Security.Cryptography;
using System.Text;
using Imago.Data;
using Imago.Data.Faces;
using Imago.Images;
using Imago.Metrics;
using Imago.Models;
using Imago.Training;
using Imago.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Generation.Prompts;

/// <summary>How a <see cref="FaceReader"/> learns.</summary>
public sealed record FaceReaderOptions
{
    /// <summary>Side of the faces in pixels, a multiple of 16.</summary>
    public int Size { get; init; } = 64;

    /// <summary>Faces that it learns from.</summary>
    public int Faces { get; init; } = 20_000;

    /// <summary>Steps of its training.</summary>
    public long Steps { get; init; } = 3000;

    /// <summary>Faces in a step.</summary>
    public int BatchSize { get; init; } = 64;

    /// <summary>Seed of the faces, the weights and the order. Faces of other seeds are unknown to it.</summary>
    public long Seed { get; init; } = 7_001;

    /// <summary>The type in which it learns.</summary>
    public Precision Precision { get; init; } = DiffusionPresets.BestPrecision;
}

/// <summary>
/// Reads the factors of a drawn face off its pixels: one network, for each choice of <see cref="FaceAttributes.All"/> a logit a value, for each quantity one number.
/// It learns from faces that are blurred and covered with noise by random amounts, so that it does not depend on the sharpness of the drawing.
/// </summary>
public sealed class FaceReader : IDisposable
{
    // Part of the cached file's name: changes when its meaning does.
    private const string Format = "face reader 2";
    private const double MostNoise = 0.04;
    private const int FacesToErrOn = 500;

    private static readonly IReadOnlyList<ImageAttribute> Attributes = [.. FaceAttributes.All.Select(attribute => attribute.Attribute)];
    private static readonly AttributeOutputs Outputs = new(Attributes);
    private readonly ImageClassifier _network;

    private FaceReader(ImageClassifier network, int size) => (_network, Size) = (network, size);

    /// <summary>Side of the faces that it reads.</summary>
    public int Size { get; }

    /// <summary>
    /// The root mean square error of each factor in the order of <see cref="FaceAttributes.All"/>, in the factor's unit, on 500 faces that it did not learn from; 0 for choices, which are
    /// right or wrong.
    /// </summary>
    public IReadOnlyList<double> Errors { get; private set; } = [];

    /// <summary>The reader that these options train, from the cache if it was trained before.</summary>
    /// <param name="options">How it learns.</param>
    /// <param name="progress">Told after every step.</param>
    /// <param name="cancellationToken">Stops the training.</param>
    /// <exception cref="ArgumentException">The size is no multiple of 16.</exception>
    public static FaceReader Open(FaceReaderOptions options, IProgress<WorkProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        var key = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{Format}|{ConfigJson.WriteCompact(options)}")));
        var path = Path.Combine(ImagoFolders.Cache, "readers", $"{key}.safetensors");
        if (File.Exists(path))
        {
            var known = Fresh(options);
            try
            {
                ModuleWeights.Load(known._network, path);
                known.Errors = known.ErrorsOn(options);
                return known;
            }
            catch (CheckpointException)                                           // damaged: it is trained anew and replaced
            {
                known.Dispose();
            }
        }
        var reader = Train(options, progress, cancellationToken);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        ModuleWeights.Save(reader._network, path);
        return reader;
    }

    /// <summary>Trains a reader.</summary>
    /// <inheritdoc cref="Open"/>
    public static FaceReader Train(FaceReaderOptions options, IProgress<WorkProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        var reader = Fresh(options);
        try
        {
            var faces = new FaceDataset(options.Faces, (ulong)options.Seed, options.Size);
            Trainer.Run(new TrainingJob<ImageBatch>
            {
                Players = [new("reader", reader._network, reader.Loss, new AdamWConfig { LearningRate = 2e-3, WeightDecay = 0.02 })],
                Data = new ImageLoader(faces, new LoaderOptions { BatchSize = options.BatchSize, Seed = options.Seed, DropLast = true }),
                Options = new TrainingOptions { Steps = options.Steps, Seed = options.Seed, Precision = options.Precision, Schedule = new LearningRateSchedule { Shape = ScheduleShape.Cosine, WarmupSteps = (int)Math.Min(100, options.Steps / 10) } },
            }, new StepsAsWork(progress, "learning to read faces"), cancellationToken);
            cancellationToken.ThrowIfCancellationRequested();
            reader._network.eval();
            reader.Errors = reader.ErrorsOn(options);
            return reader;
        }
        catch
        {
            reader.Dispose();
            throw;
        }
    }

    /// <summary>Reads faces.</summary>
    /// <param name="pictures">In colour, with sides of <see cref="Size"/>.</param>
    /// <returns>For each picture the value of every factor, in the order of <see cref="FaceAttributes.All"/>; of a choice the number of its likeliest value.</returns>
    /// <exception cref="ArgumentException">A picture has another size or is grey.</exception>
    public IReadOnlyList<double[]> Read(IReadOnlyList<PixelImage> pictures)
    {
        ArgumentNullException.ThrowIfNull(pictures);
        if (pictures.FirstOrDefault(picture => picture.Width != Size || picture.Height != Size || picture.Channels != 3) is { } odd)
            throw new ArgumentException($"A picture of {odd.Width}×{odd.Height} pixels and {odd.Channels} channels cannot be read; this reader knows faces of {Size}×{Size} in colour.", nameof(pictures));
        const int AtOnce = 128;
        using var noGrad = no_grad();
        List<double[]> read = [];
        foreach (var chunk in pictures.Chunk(AtOnce))
        {
            using var scope = NewDisposeScope();
            var output = _network.call(stack([.. chunk.Select(picture => Pictures.ToFloat(picture, PixelRange.ZeroToOne))]));
            var values = stack([.. Outputs.Heads(output).Select((head, k) => Attributes[k].Values.Count > 0 ? head.argmax(1).to(float32) : AttributeOutputs.FromUnit(head.squeeze(1), Attributes[k]))], 1);
            var numbers = values.to(float64).data<double>().ToArray();
            read.AddRange(numbers.Chunk(Attributes.Count));
        }
        return read;
    }

    /// <inheritdoc/>
    public void Dispose() => _network.Dispose();

    private static FaceReader Fresh(FaceReaderOptions options)
    {
        var network = new ImageClassifierConfig { Channels = 3, Size = options.Size, Outputs = Outputs.Count, Hidden = 256, Dropout = 0 }.Create(options.Seed);
        network.eval();
        return new FaceReader(network, options.Size);
    }

    private double[] ErrorsOn(FaceReaderOptions options)
    {
        var faces = new FaceDataset(FacesToErrOn, (ulong)options.Seed, Size, firstIndex: options.Faces);
        var pictures = new PixelImage[faces.Count];
        Parallel.For(0, pictures.Length, i => pictures[i] = faces.Get(i).Image);
        var read = Read(pictures);
        return [.. FaceAttributes.All.Select((attribute, k) => attribute.Attribute.Values.Count > 0 ? 0 : Math.Sqrt(read.Select((values, i) => values[k] - attribute.Get(faces.Factors(i))).Average(error => error * error)))];
    }

    private LossTerms Loss(ImageBatch batch, StepContext step) =>
        new(Outputs.Loss(_network.call(Worn(batch.ToFloat(PixelRange.ZeroToOne), step).to(step.ComputeType)).to(float32), batch.Attributes!), []);

    /// <summary>x + a (blurred x − x) + σ ε, with a and σ of each picture at random.</summary>
    private static Tensor Worn(Tensor x, StepContext step)
    {
        if (!step.IsTraining) return x;
        var (a, sigma) = (rand([x.shape[0], 1, 1, 1], generator: step.Noise), MostNoise * rand([x.shape[0], 1, 1, 1], generator: step.Noise));
        var blurred = nn.functional.avg_pool2d(x, 3, 1, 1, count_include_pad: false);
        return x + a * (blurred - x) + sigma * step.Normal(x.shape);
    }
}

using Imago.Diffusion;
using Imago.Images;
using Imago.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Generation;

/// <summary>How a model draws when nothing is chosen.</summary>
public sealed record DrawingDefaults
{
    /// <summary>Name of the method, as in <see cref="Samplers.All"/>.</summary>
    public string Sampler { get; init; } = "dpmpp_2m";

    /// <summary>Steps.</summary>
    public int Steps { get; init; } = 20;

    /// <summary>Name of the spacing, as in <see cref="Spacings.All"/>.</summary>
    public string Spacing { get; init; } = "trailing";

    /// <summary>Scale of classifier-free guidance, for a picture under a condition; 1 for none.</summary>
    public double Guidance { get; init; } = 2;
}

/// <summary>How what published text encoders make of a prompt reaches a network.</summary>
public enum PromptUse
{
    /// <summary>As in the published pipelines of the network's family.</summary>
    Family,

    /// <summary>The tokens of one encoder, all of them attended to: for networks that are trained here.</summary>
    Tokens,
}

/// <summary>Published text encoders in a model's folder.</summary>
public sealed record PromptsConfig
{
    /// <summary>How what they make of a prompt reaches the network.</summary>
    public required PromptUse Use { get; init; }

    /// <summary>Whether saying nothing is zeros rather than the empty text.</summary>
    public bool EmptyIsZeros { get; init; }
}

/// <summary>What a diffusion model is, but for the weights and the configurations of its networks, which lie in files of their own.</summary>
public sealed record DiffusionModelConfig
{
    /// <summary>Rows of the pictures.</summary>
    public required int Height { get; init; }

    /// <summary>Columns of the pictures.</summary>
    public required int Width { get; init; }

    /// <summary>1 for grey, 3 for colour.</summary>
    public required int Channels { get; init; }

    /// <summary>Side of the patches that a model of pixels draws (<see cref="PixelCodec"/>).</summary>
    public int Patch { get; init; } = 1;

    /// <summary>Mean and deviation of an autoencoder's latents, for a model of latents; null for one of pixels.</summary>
    public LatentScale? Latents { get; init; }

    /// <summary>How images turn into noise.</summary>
    public ProcessConfig Process { get; init; } = new FlowProcessConfig();

    /// <summary>What the network predicts.</summary>
    public Prediction Prediction { get; init; } = Prediction.Flow;

    /// <summary>What pictures can be asked for by.</summary>
    public ConditionerConfig Conditioner { get; init; } = new();

    /// <summary>How published text encoders tell the network of prompts; null for a model whose conditions were learned with it.</summary>
    public PromptsConfig? Prompts { get; init; }

    /// <summary>A published pipeline of which the model's networks are, as <see cref="DiffusionFiles.Load(string)"/> takes it; null for a model whose folder holds them.</summary>
    public string? Pipeline { get; init; }

    /// <summary>How it draws when nothing is chosen.</summary>
    public DrawingDefaults Defaults { get; init; } = new();

    /// <summary>What it is, in words; null where nobody has said.</summary>
    public string? Description { get; init; }
}

/// <summary>
/// Everything that draws pictures: a network that removes noise, the process that it was trained on, what conditions are turned into, and what it draws in.
/// </summary>
/// <example><code>
/// using var model = DiffusionFiles.Load("runs/digits");
/// var pictures = ImageGenerator.Generate(model, new GenerationRequest { Pictures = PictureWish.Many(new Condition { ClassNumber = 3 }, count: 8) });
/// </code></example>
public sealed class DiffusionModel : IDisposable
{
    /// <summary>Puts a model together; all parts belong to it from now on.</summary>
    /// <param name="config">What the parts mean.</param>
    /// <param name="network">The network.</param>
    /// <param name="conditioner">What conditions are turned into.</param>
    /// <param name="codec">What it draws in.</param>
    public DiffusionModel(DiffusionModelConfig config, DenoisingNetwork network, ConditionEncoder conditioner, ImageCodec codec)
    {
        (Config, Network, Encoder, Codec, Process) = (config, network, conditioner, codec, config.Process.Create());
        Trained = new DiffusionParts(network, conditioner as Conditioner);
        if (conditioner is Conditioner) return;
        Freeze(conditioner);
    }

    /// <summary>What the parts mean.</summary>
    public DiffusionModelConfig Config { get; private set; }

    /// <summary>The network.</summary>
    public DenoisingNetwork Network { get; }

    /// <summary>What turns conditions into what the network is told.</summary>
    public ConditionEncoder Encoder { get; private set; }

    /// <summary>The same, of a model that was trained by Imago: learned together with the network.</summary>
    /// <exception cref="InvalidOperationException">The model reads prompts with published text encoders, which are not trained here.</exception>
    public Conditioner Conditioner => Encoder as Conditioner ?? throw new InvalidOperationException("This model reads prompts with published text encoders; there is nothing in them that Imago trains. Models that Imago made have a conditioner.");

    /// <summary>What it draws in.</summary>
    public ImageCodec Codec { get; private set; }

    /// <summary>How images turn into noise.</summary>
    public NoiseProcess Process { get; }

    /// <summary>The type in which networks compute; results are float32 always.</summary>
    public ScalarType ComputeType
    {
        get => Codec.ComputeType;
        set => Codec.ComputeType = value;
    }

    /// <summary>Where it computes.</summary>
    public Device Device { get; private set; } = CPU;

    /// <summary>What training changes, as one module: the network under <c>network.</c>, the conditioner under <c>conditioner.</c> unless it is of published text encoders.</summary>
    internal DiffusionParts Trained { get; }

    /// <summary>Numbers that training changes.</summary>
    public long ParameterCount => Trained.parameters().Sum(parameter => parameter.numel());

    /// <summary>Shape of what is drawn for one picture, [C, H, W].</summary>
    public long[] Shape => Codec.Shape(Config.Height, Config.Width);

    /// <summary>The network under a condition as a denoiser.</summary>
    /// <param name="condition">What the pictures are to be of, of as many pictures as there will be noisy images; in <see cref="ComputeType"/>.</param>
    public Denoiser Denoise(Conditioning condition) => Denoisers.FromNetwork((x, time) => Forward(x, time, condition), Config.Prediction, Process);

    /// <summary>The network's own answers under a condition, whatever they mean; the noisy images are in the process's scale.</summary>
    /// <inheritdoc cref="Denoise"/>
    public Denoiser Answer(Conditioning condition) => (x, level) => Forward(x, full(x.shape[0], level.Time, ScalarType.Float32, x.device), condition).to(x.dtype);

    private Tensor Forward(Tensor x, Tensor time, Conditioning condition)
    {
        var input = x.to(ComputeType);
        return Network.forward(condition.Channels is { } channels ? cat([input, channels.to(ComputeType)], 1) : input, time, condition);
    }

    /// <summary>The parts of the published pipeline that it was made of, if it was.</summary>
    internal Pipelines.PipelineParts? Parts { get; set; }

    /// <summary>The scheduler that the model was published with, if it was.</summary>
    internal SchedulerConfig? Scheduler => (Config.Process as HubProcessConfig)?.Config;

    /// <summary>Whether pictures are drawn as published pipelines draw them: their preparation, their numbers, their scheduler.</summary>
    internal bool IsPublished => Encoder is Pipelines.PromptConditioner && Config.Prompts is not { Use: PromptUse.Tokens };

    /// <summary>A picture in the size and channels of those that are drawn: scaled to cover them, the rest cut off.</summary>
    /// <param name="picture">Any picture.</param>
    public PixelImage Fit(PixelImage picture) => Resampling.ResizeAndCrop(InItsColours(picture), Config.Width, Config.Height, ResampleFilter.Bicubic);

    /// <summary>A picture in the channels of those that are drawn.</summary>
    internal PixelImage InItsColours(PixelImage picture) => Config.Channels == 1 ? ColourConversion.ToGrey(picture) : ColourConversion.ToColour(picture, AlphaMode.OnWhite);

    /// <summary>A picture in the model's numbers, without noise of its own.</summary>
    /// <param name="picture">Of the model's size and channels, as <see cref="Fit"/> gives it.</param>
    /// <returns>[1, …<see cref="Shape"/>].</returns>
    public Tensor Encode(PixelImage picture) => WrappedTensorDisposeScope(() => Codec.Encode(Pictures.ToFloat(picture, PixelRange.MinusOneToOne).unsqueeze(0).to(Device)));

    /// <summary>Published encoders are not trained here.</summary>
    private static void Freeze(ConditionEncoder encoder)
    {
        encoder.eval();
        foreach (var parameter in encoder.parameters()) parameter.requires_grad_(false);
    }

    /// <summary>Draws in something else from now on; what it drew in is disposed of. Its folder, if it names a pipeline, is not that pipeline any more.</summary>
    internal void Replace(LatentCodec codec, Pipelines.PipelineParts parts)
    {
        var old = Codec;
        codec.ComputeType = old.ComputeType;
        codec.To(Device);
        (Codec, Parts, Config) = (codec, parts, Config with { Latents = codec.Scale, Pipeline = null });
        old.Dispose();
    }

    /// <summary>Reads conditions in another way from now on; of what read them before, the caller disposes.</summary>
    internal void Replace(Pipelines.PromptConditioner encoder, Pipelines.PipelineParts parts)
    {
        Freeze(encoder);
        encoder.to(Device);
        (Encoder, Parts, Config) = (encoder, parts, Config with { Pipeline = null });
    }

    /// <summary>Moves it to a device.</summary>
    public DiffusionModel To(Device device)
    {
        Trained.to(device);
        Encoder.to(device);
        Codec.To(device);
        Device = device;
        return this;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Trained.Dispose();
        Encoder.Dispose();
        Codec.Dispose();
    }
}

/// <summary>The trained parts of a model as one module.</summary>
internal sealed class DiffusionParts : nn.Module
{
    private readonly DenoisingNetwork network;
    private readonly Conditioner? conditioner;

    internal DiffusionParts(DenoisingNetwork network, Conditioner? conditioner)
        : base(nameof(DiffusionParts))
    {
        (this.network, this.conditioner) = (network, conditioner);
        RegisterComponents();
    }
}

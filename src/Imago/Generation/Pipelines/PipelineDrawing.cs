using System.Text.Json.Nodes;
using Imago.Diffusion;
using Imago.Images;
using Imago.Models;

namespace Imago.Generation.Pipelines;

/// <summary>The part of a recipe that is for published pipelines alone. What is null is the model's own way.</summary>
public sealed record PipelineDrawing
{
    /// <summary>Columns of the pictures.</summary>
    public int? Width { get; init; }

    /// <summary>Rows of the pictures.</summary>
    public int? Height { get; init; }

    /// <summary>A scheduler: a class of diffusers, such as <c>EulerDiscreteScheduler</c>, with the model's own numbers; or a file or folder with a <c>scheduler_config.json</c>.</summary>
    public string? Scheduler { get; init; }

    /// <summary>η of DDIM, γ of TCD.</summary>
    public double? Eta { get; init; }

    /// <summary>How prompts are read.</summary>
    public PromptReading Reading { get; init; } = PromptReading.Usual;

    /// <summary>The prompt of the second text encoder.</summary>
    public string? SecondPrompt { get; init; }

    /// <summary>The prompt of the third one.</summary>
    public string? ThirdPrompt { get; init; }

    /// <summary>Rows, columns of the picture that this one is to look as if made from.</summary>
    public IReadOnlyList<int>? OriginalSize { get; init; }

    /// <summary>Rows, columns that it is to look as if cut off above and on the left.</summary>
    public IReadOnlyList<int>? CropOrigin { get; init; }

    /// <summary>How beautiful it is to look, for the refiner.</summary>
    public double? AestheticScore { get; init; }

    /// <summary>Pixels around the mask that are drawn, at the full size, and put back.</summary>
    public int? MaskPadding { get; init; }

    /// <summary>How a start of another shape is brought to the size.</summary>
    public PictureFit? Fit { get; init; }

    /// <summary>The model that draws the end, as it was named.</summary>
    public string? Refiner { get; init; }

    /// <summary>The share of the noise that is gone when the refiner takes over.</summary>
    public double DenoisingEnd { get; init; } = 0.8;

    /// <summary>Blocks that a third branch goes without.</summary>
    public IReadOnlyList<int> SkippedBlocks { get; init; } = [];

    /// <summary>How strongly pictures are led away from it.</summary>
    public double SkipScale { get; init; } = 2.8;

    /// <summary>Layers in which a third branch's self-attention sees nothing, as regular expressions; numbers of blocks for a transformer.</summary>
    public IReadOnlyList<string> PerturbedLayers { get; init; } = [];

    /// <summary>How strongly pictures are led away from it.</summary>
    public double PerturbedScale { get; init; } = 3;

    /// <summary>Whose random numbers seeds stand for.</summary>
    public NoiseKind Noise { get; init; }

    /// <summary>A request with all this.</summary>
    /// <param name="request">The request.</param>
    /// <param name="model">The model.</param>
    /// <exception cref="ImagoException">The scheduler is none that Imago knows.</exception>
    internal GenerationRequest Apply(GenerationRequest request, DiffusionModel model) => request with
    {
        Width = Width, Height = Height, Scheduler = Scheduler is null ? request.Scheduler : SchedulerOf(model), Eta = Eta, NoiseKind = Noise, Perturbations = [.. request.Perturbations, .. Perturbations(model)],
        Start = request.Start is { } start ? start with { MaskPadding = MaskPadding, Fit = Fit } : null,
    };

    /// <summary>A condition with all this.</summary>
    internal Condition Apply(Condition condition) => condition with
    {
        Reading = Reading, SecondCaption = SecondPrompt, ThirdCaption = ThirdPrompt, AestheticScore = AestheticScore, Sizes = Sizes,
        Negative = condition.Negative is { } negative ? negative with { Reading = Reading } : null,
    };

    private ImageSizes? Sizes
    {
        get
        {
            if (OriginalSize is null && CropOrigin is null) return null;
            if (Height is not { } height || Width is not { } width) throw new ArgumentException("An original size or a crop is told together with the size of the picture; say that too.");
            var (original, crop) = (OriginalSize ?? [height, width], CropOrigin ?? [0, 0]);
            return original.Count == 2 && crop.Count == 2 ? new(original[0], original[1], crop[0], crop[1], height, width) : throw new ArgumentException("An original size and a crop are two numbers each.");
        }
    }

    private SchedulerConfig SchedulerOf(DiffusionModel model)
    {
        if (File.Exists(Scheduler) || Directory.Exists(Scheduler)) return SchedulerConfig.Load(Scheduler);
        var name = Scheduler!.EndsWith("Scheduler", StringComparison.Ordinal) ? Scheduler : $"{Scheduler}Scheduler";
        var kind = SchedulerConfig.Parse(new JsonObject { ["_class_name"] = name }.ToJsonString(), "the scheduler asked for").Kind;
        return model.Scheduler?.As(kind) ?? throw new ArgumentException("A scheduler by its class takes its numbers from the model's own, and this model was published without one; give a file.");
    }

    private IEnumerable<Perturbation> Perturbations(DiffusionModel model)
    {
        var isTransformer = model.Network.Config is MMDiTConfig;
        if (SkippedBlocks.Count > 0 && !isTransformer) throw new ArgumentException("Blocks are skipped in transformers (Stable Diffusion 3); for a U-Net there is guidance away from perturbed layers.");
        if (SkippedBlocks.Count > 0) yield return new(new PerturbationConfig { Scale = SkipScale, IsUnrounded = true }) { SkippedBlocks = [.. SkippedBlocks] };
        if (PerturbedLayers.Count == 0) yield break;
        yield return new(new PerturbationConfig { Scale = PerturbedScale, Interval = GuidanceInterval.Whole, IncludesStart = true })
        {
            PerturbedLayers = isTransformer ? null : [.. PerturbedLayers],
            PerturbedBlocks = isTransformer ? [.. PerturbedLayers.Select(layer => int.TryParse(layer, out var block) ? block : throw new ArgumentException($"'{layer}' is no number of a transformer's block."))] : null,
        };
    }
}

using Imago.Encoders;
using Imago.Models;

namespace Imago.Generation.Pipelines;

/// <summary>The families of published text-to-image models.</summary>
public enum PipelineFamily
{
    /// <summary>Stable Diffusion 1 and 2: a U-Net that attends to one text encoder.</summary>
    StableDiffusion,

    /// <summary>Stable Diffusion XL: a U-Net that attends to two text encoders and is told a pooled text and sizes.</summary>
    StableDiffusionXL,

    /// <summary>The refiner of Stable Diffusion XL: one text encoder, and an aesthetic score among the sizes.</summary>
    StableDiffusionXLRefiner,

    /// <summary>Stable Diffusion 3 and 3.5: a transformer with up to three text encoders.</summary>
    StableDiffusion3,
}

/// <summary>
/// A published pipeline in parts, from wherever they come: a hub's folder (<see cref="PipelineFiles.FromFolder"/>), a single file taken apart, or parts of several. Of these
/// <see cref="StableDiffusion.Load(PipelineParts)"/> makes a model.
/// </summary>
public sealed record PipelineParts
{
    /// <summary>Where the pipeline comes from, for messages.</summary>
    public required string Source { get; init; }

    /// <summary>The parts by name (<see cref="ComponentNames"/>); one that is absent is missing from the list.</summary>
    public required IReadOnlyDictionary<string, PipelineComponent> Components { get; init; }

    /// <summary>Whether saying nothing is encoded as zeros rather than as the empty text (<c>force_zeros_for_empty_prompt</c> of <c>model_index.json</c>; only XL asks).</summary>
    public bool ForceZerosForEmptyPrompt { get; init; } = true;

    /// <summary>The denoiser's name: <see cref="ComponentNames.UNet"/> or <see cref="ComponentNames.Transformer"/>.</summary>
    /// <exception cref="CheckpointException">There is none.</exception>
    public string Denoiser => Components.ContainsKey(ComponentNames.UNet) ? ComponentNames.UNet
        : Components.ContainsKey(ComponentNames.Transformer) ? ComponentNames.Transformer
        : throw new CheckpointException($"{Source}: the pipeline has no denoiser: neither {ComponentNames.UNet} nor {ComponentNames.Transformer} is there.");

    /// <summary>The family, which the denoiser's configuration tells, and for XL the width of its text encoder.</summary>
    /// <exception cref="CheckpointException">There is no denoiser, or one of another family.</exception>
    public PipelineFamily Family => Network switch
    {
        MMDiTConfig => PipelineFamily.StableDiffusion3,
        UNet2DConditionConfig { AdditionEmbedType: "text_time" } => SizesToldBesideText == ScoredSizes ? PipelineFamily.StableDiffusionXLRefiner : PipelineFamily.StableDiffusionXL,
        UNet2DConditionConfig { ClassEmbedType: null, NumClassEmbeds: null, EncoderHidDim: null } => PipelineFamily.StableDiffusion,
        UNet2DConditionConfig => throw new CheckpointException($"{Source}: the U-Net asks for classes or for embeddings of pictures, as none of Stable Diffusion 1, 2 and XL does."),
        _ => throw new CheckpointException($"{Source}: the network is none of Stable Diffusion's."),
    };

    /// <summary>The denoiser's configuration.</summary>
    internal DenoiserConfig Network => Require(Denoiser) is var part && part.Config is { } json
        ? DenoiserConfig.Parse(json, part.Source)
        : throw new CheckpointException($"{part.Source}: the configuration of the {Denoiser} is missing.");

    /// <summary>What stands in a U-Net's added embedding behind the pooled text: 6 sizes, or 4 and a score.</summary>
    private int SizesToldBesideText
    {
        get
        {
            var pooled = Components.GetValueOrDefault(ComponentNames.TextEncoderOf(2)) is { Config: { } json } encoder && EncoderConfig.Parse(json, encoder.Source) is ClipTextConfig clip ? clip.ProjectionDim : PublishedPooled;
            return Network is UNet2DConditionConfig { ProjectionClassEmbeddingsInputDim: { } inputs, AdditionTimeEmbedDim: > 0 and var each } ? (inputs - pooled) / each : AllSizes;
        }
    }

    private const int ScoredSizes = 5, AllSizes = 6, PublishedPooled = 1280;

    /// <summary>A part that must be there.</summary>
    /// <exception cref="CheckpointException">It is missing.</exception>
    public PipelineComponent Require(string name) => Components.GetValueOrDefault(name)
        ?? throw new CheckpointException($"{Source}: the pipeline's {name} is missing; it has {(Components.Count == 0 ? "no parts" : string.Join(", ", Components.Keys.Order(StringComparer.Ordinal)))}.");

    /// <summary>The pipeline with a part in place of its own.</summary>
    public PipelineParts With(string name, PipelineComponent component) => this with { Components = new Dictionary<string, PipelineComponent>(Components) { [name] = component } };

    /// <summary>The pipeline without a part.</summary>
    public PipelineParts Without(string name) => this with { Components = Components.Where(entry => entry.Key != name).ToDictionary() };
}

using System.Text.Json.Nodes;
using Imago.Autoencoders;
using Imago.Diffusion;
using Imago.Models;

namespace Imago.Generation.Pipelines;

/// <summary>What follows from a pipeline's configurations taken together.</summary>
internal static class PipelineFit
{
    /// <summary>The model that the parts make.</summary>
    internal static DiffusionModelConfig Describe(DenoiserConfig network, LatentCodec codec, SchedulerConfig scheduler, PipelineFamily family)
    {
        var (height, width) = network switch
        {
            MMDiTConfig mmdit => (mmdit.SampleSize, mmdit.SampleSize),
            UNet2DConditionConfig { SampleSize: { } side } => (side[0], side[side.IsList ? 1 : 0]),
            _ => (64, 64),
        };
        return new()
        {
            Height = height * codec.Factor, Width = width * codec.Factor, Channels = codec.ImageChannels, Latents = codec.Scale, Prediction = scheduler.Prediction,
            Process = new HubProcessConfig { Scheduler = JsonNode.Parse(scheduler.ToJson())!.AsObject() },
            Defaults = new() { Sampler = GenerationPlan.OwnScheduler, Steps = family == PipelineFamily.StableDiffusion3 ? 28 : 50, Guidance = GuidanceOf(family) },
        };
    }

    /// <summary>How the network expects what the text encoders say.</summary>
    internal static PromptLayout Layout(PipelineParts parts, DenoiserConfig network, PipelineFamily family, IReadOnlyDictionary<int, PromptTower> towers)
    {
        if (network is MMDiTConfig mmdit) return Sequence(mmdit, towers.GetValueOrDefault(1), towers.GetValueOrDefault(2));
        var isLarge = family != PipelineFamily.StableDiffusion;
        return new FeatureLayout(((UNet2DConditionConfig)network).CrossAttentionDim[0], isLarge ? PooledOf(towers.GetValueOrDefault(2)) ?? 0 : 0)
        {
            Sizes = family switch { PipelineFamily.StableDiffusionXL => PromptSizes.Whole, PipelineFamily.StableDiffusionXLRefiner => PromptSizes.WithScore, _ => PromptSizes.None },
            NothingIsZeros = isLarge && parts.ForceZerosForEmptyPrompt,
        };
    }

    /// <summary>An absent CLIP has the room that the other leaves in the pooled text, and tokens of as many features.</summary>
    private static SequenceLayout Sequence(MMDiTConfig network, PromptTower? first, PromptTower? second)
    {
        var all = network.PooledProjectionDim;
        var (one, two) = (PooledOf(first), PooledOf(second));
        var (firstPooled, secondPooled) = (one ?? all - (two ?? 0), two ?? all - (one ?? all));
        return new(network.JointAttentionDim, all, (first?.Width ?? firstPooled, firstPooled), (second?.Width ?? secondPooled, secondPooled));
    }

    /// <summary>Refuses parts of different families.</summary>
    internal static void Check(PipelineParts parts, DenoiserConfig network, LatentCodec codec, IReadOnlyDictionary<int, PromptTower> towers)
    {
        var channels = network switch { MMDiTConfig mmdit => mmdit.InChannels, UNet2DConditionConfig unet => unet.OutChannels, _ => 0 };
        if (codec.Shape(codec.Factor, codec.Factor)[0] is var latents && latents != channels)
            throw new CheckpointException($"{parts.Source}: the {parts.Denoiser} draws latents of {channels} channels, the {ComponentNames.Vae} has {latents}; they are of different families.");
        CheckPooled(parts, network, towers);
        if (network is not UNet2DConditionConfig { EncoderHidDim: null } attends || towers.Count == 0) return;
        if (towers.Values.Sum(tower => tower.Width) is var width && width != attends.CrossAttentionDim[0])
            throw new CheckpointException($"{parts.Source}: the {parts.Denoiser} attends to tokens of {attends.CrossAttentionDim[0]} features; the text encoders ({string.Join(", ", towers.Keys.Select(ComponentNames.TextEncoderOf))}) give {width}. One is missing or of another family.");
    }

    private static void CheckPooled(PipelineParts parts, DenoiserConfig network, IReadOnlyDictionary<int, PromptTower> towers)
    {
        if (network is not MMDiTConfig mmdit) return;
        foreach (var (number, tower) in towers)
        {
            if (tower.IsClip && PooledOf(tower) is null) throw new CheckpointException($"{parts.Source}: the {ComponentNames.TextEncoderOf(number)} has no projection, which Stable Diffusion 3 needs; it is of another family.");
        }
        if (PooledOf(towers.GetValueOrDefault(1)) + PooledOf(towers.GetValueOrDefault(2)) is { } pooled && pooled != mmdit.PooledProjectionDim)
            throw new CheckpointException($"{parts.Source}: the {parts.Denoiser} is told a pooled text of {mmdit.PooledProjectionDim} features, and its text encoders give {pooled}; they are of different families.");
        if (towers.GetValueOrDefault(3)?.Width is { } width && width != mmdit.JointAttentionDim)
            throw new CheckpointException($"{parts.Source}: the {parts.Denoiser} attends to tokens of {mmdit.JointAttentionDim} features, and the {ComponentNames.TextEncoderOf(3)} gives {width}; they are of different families.");
    }

    /// <summary>x = (z − shift) · factor, as a mean and a deviation; or channel by channel, where the autoencoder says so.</summary>
    internal static LatentScale ScaleOf(AutoencoderConfig autoencoder)
    {
        var (channels, factor, shift) = autoencoder switch
        {
            KlConfig kl => (kl.LatentChannels, kl.ScalingFactor, kl.ShiftFactor ?? 0),
            TinyConfig tiny => (tiny.LatentChannels, tiny.ScalingFactor, tiny.ShiftFactor ?? 0),
            _ => throw new CheckpointException($"An autoencoder of {autoencoder.GetType().Name} is none of a published pipeline."),
        };
        return autoencoder is KlConfig { LatentsMean: { } mean, LatentsStd: { } deviation }
            ? new LatentScale([.. mean], [.. deviation.Select(d => d / factor)])
            : new LatentScale([.. Enumerable.Repeat(shift, channels)], [.. Enumerable.Repeat(1 / factor, channels)]);
    }

    private static int? PooledOf(PromptTower? tower) => tower?.Encoder.Config is ClipTextConfig { HasProjection: true } clip ? clip.ProjectionDim : null;

    private static double GuidanceOf(PipelineFamily family) => family switch { PipelineFamily.StableDiffusion => 7.5, PipelineFamily.StableDiffusion3 => 7, _ => 5 };
}

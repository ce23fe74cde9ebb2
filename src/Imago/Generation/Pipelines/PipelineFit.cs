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
            Defaults = new() { Steps = family == PipelineFamily.StableDiffusion3 ? 28 : 50, Guidance = GuidanceOf(family) },
        };
    }

    /// <summary>How the network expects what the text encoders say.</summary>
    internal static PromptLayout Layout(PipelineParts parts, DenoiserConfig network, PipelineFamily family, IReadOnlyDictionary<int, PromptTower> towers)
    {
        if (network is MMDiTConfig mmdit) return new SequenceLayout(mmdit.JointAttentionDim, mmdit.PooledProjectionDim, PooledOf(towers.GetValueOrDefault(2)) ?? mmdit.PooledProjectionDim - (PooledOf(towers.GetValueOrDefault(1)) ?? 0));
        var isLarge = family != PipelineFamily.StableDiffusion;
        return new FeatureLayout(((UNet2DConditionConfig)network).CrossAttentionDim[0], isLarge ? PooledOf(towers.GetValueOrDefault(2)) ?? 0 : 0)
        {
            Sizes = family switch { PipelineFamily.StableDiffusionXL => PromptSizes.Whole, PipelineFamily.StableDiffusionXLRefiner => PromptSizes.WithScore, _ => PromptSizes.None },
            NothingIsZeros = isLarge && parts.ForceZerosForEmptyPrompt,
        };
    }

    /// <summary>Refuses parts of different families.</summary>
    internal static void Check(PipelineParts parts, DenoiserConfig network, LatentCodec codec, IReadOnlyDictionary<int, PromptTower> towers)
    {
        var channels = network switch { MMDiTConfig mmdit => mmdit.InChannels, UNet2DConditionConfig unet => unet.OutChannels, _ => 0 };
        if (codec.Shape(codec.Factor, codec.Factor)[0] is var latents && latents != channels)
            throw new CheckpointException($"{parts.Source}: the {parts.Denoiser} draws latents of {channels} channels, the {ComponentNames.Vae} has {latents}; they are of different families.");
        if (network is not UNet2DConditionConfig { EncoderHidDim: null } attends || towers.Count == 0) return;
        if (towers.Values.Sum(tower => tower.Width) is var width && width != attends.CrossAttentionDim[0])
            throw new CheckpointException($"{parts.Source}: the {parts.Denoiser} attends to tokens of {attends.CrossAttentionDim[0]} features; the text encoders ({string.Join(", ", towers.Keys.Select(ComponentNames.TextEncoderOf))}) give {width}. One is missing or of another family.");
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

using Imago.Autoencoders;
using Imago.Encoders;
using Imago.Generation.Pipelines;
using Imago.Models;
using Imago.Weights;

namespace Imago.Generation.SingleFiles;

/// <summary>Parts of a pipeline from files of their own, in the original layouts or in those of diffusers and transformers.</summary>
public static class SeparateParts
{
    private static readonly string[] AutoencoderPrefixes = ["first_stage_model.", "vae.", ""], TextPrefixes = ["cond_stage_model.transformer.", "cond_stage_model.model.", "transformer.", ""];

    /// <summary>The pipeline with another autoencoder.</summary>
    /// <param name="parts">The pipeline.</param>
    /// <param name="path">A file in either layout (also a whole checkpoint, of which the autoencoder is taken), or a folder of the hub (also a whole pipeline).</param>
    /// <exception cref="CheckpointException">There is no autoencoder in it; the message says what it is.</exception>
    public static PipelineParts WithAutoencoder(this PipelineParts parts, string path)
    {
        ArgumentNullException.ThrowIfNull(parts);
        var own = parts.Components.GetValueOrDefault(ComponentNames.Vae);
        if (Directory.Exists(path))
        {
            var folder = PipelineFiles.IsPipeline(path) ? Path.Combine(path, ComponentNames.Vae) : path;
            return parts.With(ComponentNames.Vae, own?.WithWeights(folder) ?? PipelineComponent.FromFolder(ComponentNames.Vae, folder));
        }
        using var file = TensorFile.Open(path);
        if (file.Contains("encoder.down_blocks.0.resnets.0.conv1.weight"))
            return parts.With(ComponentNames.Vae, own?.WithWeights(path) ?? throw new CheckpointException($"{path} holds an autoencoder without configuration, and the model has none of its own: give the folder that holds its config.json too."));
        var prefix = AutoencoderPrefixes.FirstOrDefault(start => file.Contains($"{start}encoder.down.0.block.0.conv1.weight"))
            ?? throw new CheckpointException($"{path} holds no autoencoder of Stable Diffusion. {ModelKind.Explain(file.Tensors)}");
        var (part, family) = (new OriginalPart(ComponentNames.Vae, prefix), FamilyOf(parts));
        var inferred = OriginalParts.Infer(file, part, family, isVelocity: false);
        var config = own?.Config is { } given && Latents(given, own.Source) == Latents(inferred, path) ? given : inferred;
        return parts.With(ComponentNames.Vae, new PipelineComponent { Source = path, Config = config, OpenWeights = () => OriginalParts.Open(path, part, family, config) });
    }

    /// <summary>The pipeline with another text encoder, or with one that it lacks; which of the pipeline's it is, its kind and width tell.</summary>
    /// <param name="parts">The pipeline.</param>
    /// <param name="path">A file of CLIP (under the names of transformers or OpenCLIP) or T5.</param>
    /// <param name="options">Where configurations and tokenizers are, for a text encoder that the pipeline lacks; null for the hub's cache.</param>
    /// <exception cref="CheckpointException">There is no text encoder in it, it is none of this pipeline's, or there is no tokenizer for it.</exception>
    public static PipelineParts WithTextEncoder(this PipelineParts parts, string path, SingleFileOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(parts);
        options ??= new SingleFileOptions();
        using var file = TensorFile.Open(path);
        var (prefix, layout, width) = TextIn(file) ?? throw new CheckpointException($"{path} holds no text encoder. {ModelKind.Explain(file.Tensors)}");
        var (family, number) = (FamilyOf(parts), NumberOf(parts, options, layout, width, path));
        var part = new OriginalPart(ComponentNames.TextEncoderOf(number), prefix, layout);
        var config = Configured(options, part.Name) ?? parts.Components.GetValueOrDefault(part.Name)?.Config ?? OriginalParts.Infer(file, part, family, isVelocity: false);
        var encoder = new PipelineComponent { Source = path, Config = config, OpenWeights = () => OriginalParts.Open(path, part, family, config) };
        var tokenizer = ComponentNames.TokenizerOf(number);
        var with = parts.With(part.Name, encoder);
        return options.Folders.TryGetValue(tokenizer, out var folder) ? with.With(tokenizer, PipelineComponent.FromFolder(tokenizer, folder))
            : parts.Components.ContainsKey(tokenizer) ? with
            : with.With(tokenizer, PublishedTokenizers.Require(path, part, family, config, options.TokenizerFolder));
    }

    private static (string Prefix, TextLayout Layout, long Width)? TextIn(TensorFile file)
    {
        foreach (var prefix in TextPrefixes)
        {
            foreach (var (key, layout) in ((string, TextLayout)[])[("text_model.embeddings.token_embedding.weight", TextLayout.Clip), ("embeddings.token_embedding.weight", TextLayout.Clip), ("token_embedding.weight", TextLayout.OpenClip), ("shared.weight", TextLayout.T5), ("encoder.embed_tokens.weight", TextLayout.T5)])
            {
                if (file.Tensors.FirstOrDefault(tensor => tensor.Name == prefix + key) is { Shape: [_, var width] }) return (prefix, layout, width);
            }
        }
        return null;
    }

    /// <summary>T5 is the third; a CLIP is the one of the pipeline that has its width, else the first up to 1024 features and the second beyond.</summary>
    private static int NumberOf(PipelineParts parts, SingleFileOptions options, TextLayout layout, long width, string path)
    {
        var family = parts.Family;
        var number = layout == TextLayout.T5 ? 3 : Enumerable.Range(1, 2).Cast<int?>().FirstOrDefault(number => WidthOf(parts, options, number!.Value) == width) ?? (width <= 1024 ? 1 : 2);
        var most = family switch { PipelineFamily.StableDiffusion => 1, PipelineFamily.StableDiffusion3 => 3, _ => 2 };
        return number <= most && !(family == PipelineFamily.StableDiffusionXLRefiner && number == 1) ? number
            : throw new CheckpointException($"{path} is {(layout == TextLayout.T5 ? "T5" : $"a CLIP of {width} features")}, which {parts.Source} ({family}) does not read with.");
    }

    private static long? WidthOf(PipelineParts parts, SingleFileOptions options, int number)
    {
        var name = ComponentNames.TextEncoderOf(number);
        var config = Configured(options, name) ?? parts.Components.GetValueOrDefault(name)?.Config;
        return config is not null && EncoderConfig.Parse(config, name) is ClipTextConfig clip ? clip.HiddenSize : null;
    }

    /// <summary>The family as far as a part of it depends on it.</summary>
    private static OriginalFamily FamilyOf(PipelineParts parts) => parts.Family switch
    {
        PipelineFamily.StableDiffusion3 => OriginalFamily.StableDiffusion3,
        PipelineFamily.StableDiffusionXL => OriginalFamily.StableDiffusionXL,
        PipelineFamily.StableDiffusionXLRefiner => OriginalFamily.StableDiffusionXLRefiner,
        _ => parts.Network is UNet2DConditionConfig { UseLinearProjection: true } ? OriginalFamily.StableDiffusion2 : OriginalFamily.StableDiffusion1,
    };

    private static int Latents(string config, string source) => DiffusersConfig.Parse(config, source) is KlConfig kl ? kl.LatentChannels : 0;

    private static string? Configured(SingleFileOptions options, string part) =>
        options.Folders.TryGetValue(part, out var folder) && Path.Combine(folder, "config.json") is var path && File.Exists(path) ? PipelineFiles.ReadText(path) : null;
}

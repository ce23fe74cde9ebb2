using Imago.Encoders;
using Imago.Generation.SingleFiles;
using Imago.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Generation.Pipelines;

/// <summary>Puts another autoencoder or text encoder into a loaded model; everything else stays as it is and is not read again.</summary>
/// <remarks>Not while the model draws. Take low-rank changes (<see cref="Lora.LoraStack"/>) of a text encoder off before it is replaced.</remarks>
/// <example><code>
/// using var model = StableDiffusion.Load("stable-diffusion-v1-5");
/// model.ReplaceAutoencoder("vae-ft-mse-840000-ema-pruned.safetensors");
/// </code></example>
public static class PartReplacement
{
    /// <summary>Another autoencoder in place of the model's, which is disposed of.</summary>
    /// <param name="model">A model of Stable Diffusion, as <see cref="StableDiffusion.Load(PipelineParts)"/> makes it.</param>
    /// <param name="path">As <see cref="SeparateParts.WithAutoencoder"/> takes it.</param>
    /// <exception cref="CheckpointException">It holds no autoencoder, or one of another family; the model is as it was.</exception>
    /// <exception cref="ArgumentException">The model was not loaded from a published pipeline.</exception>
    public static void ReplaceAutoencoder(this DiffusionModel model, string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        var (parts, prompts) = PartsOf(model);
        var own = (LatentCodec)model.Codec;
        using var _ = InferenceWeights.In(HeldType(own.Autoencoder));
        var changed = parts.WithAutoencoder(path);
        var codec = StableDiffusion.LoadCodec(changed);
        try
        {
            PipelineFit.Check(changed with { Source = path }, model.Network.Config, codec, prompts.Towers);
            if (codec.Factor != own.Factor) throw new CheckpointException($"{path}: a latent stands for {codec.Factor}×{codec.Factor} pixels, with the model's own {own.Factor}×{own.Factor}; it is of another family.");
        }
        catch
        {
            codec.Dispose();
            throw;
        }
        model.Replace(codec, changed);
    }

    /// <summary>Another text encoder in place of the model's, which is disposed of, or one that it lacks; its kind and width tell which.</summary>
    /// <param name="model">A model of Stable Diffusion, as <see cref="StableDiffusion.Load(PipelineParts)"/> makes it.</param>
    /// <param name="path">As <see cref="SeparateParts.WithTextEncoder"/> takes it.</param>
    /// <param name="options">Where configuration and tokenizer are, for one that the model lacks.</param>
    /// <exception cref="CheckpointException">It holds no text encoder, or one of another family, or its tokenizer is not found; the model is as it was.</exception>
    /// <exception cref="ArgumentException">The model was not loaded from a published pipeline.</exception>
    public static void ReplaceTextEncoder(this DiffusionModel model, string path, SingleFileOptions? options = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        var (parts, prompts) = PartsOf(model);
        using var _ = InferenceWeights.In(HeldType(model.Network));
        var changed = parts.WithTextEncoder(path, options);
        var number = Enumerable.Range(1, 3).Single(number => IsOther(ComponentNames.TextEncoderOf(number)));
        var tower = StableDiffusion.LoadTower(changed, number, changed.Family)!;
        PromptConditioner changedPrompts;
        try
        {
            var towers = new Dictionary<int, PromptTower>(prompts.Towers) { [number] = tower };
            PipelineFit.Check(changed with { Source = path }, model.Network.Config, (LatentCodec)model.Codec, towers);
            changedPrompts = new PromptConditioner(PipelineFit.Layout(changed, model.Network.Config, changed.Family, towers), towers);
        }
        catch
        {
            tower.Encoder.Dispose();
            throw;
        }
        // The old conditioner is not disposed of as a whole: the other encoders go on in the new one.
        model.Replace(changedPrompts, changed);
        prompts.Towers.GetValueOrDefault(number)?.Encoder.Dispose();

        bool IsOther(string name) => !ReferenceEquals(changed.Components.GetValueOrDefault(name), parts.Components.GetValueOrDefault(name));
    }

    /// <summary>The parts that a model was made of.</summary>
    private static (PipelineParts Parts, PromptConditioner Prompts) PartsOf(DiffusionModel model)
    {
        ArgumentNullException.ThrowIfNull(model);
        return model.Parts is { } parts && model.Encoder is PromptConditioner prompts
            ? (parts, prompts)
            : throw new ArgumentException("Parts are replaced in models that were loaded from a published pipeline; this one was not.", nameof(model));
    }

    /// <summary>The type in which a network's layers hold their weights (normalisations are in float32 always).</summary>
    private static ScalarType HeldType(nn.Module network) => network.parameters().Any(parameter => parameter.dtype == ScalarType.BFloat16) ? ScalarType.BFloat16 : ScalarType.Float32;
}

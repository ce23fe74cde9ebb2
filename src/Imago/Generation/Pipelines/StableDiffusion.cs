using Imago.Autoencoders;
using Imago.Diffusion;
using Imago.Encoders;
using Imago.Models;
using Imago.Text;
using Imago.Weights;
using static TorchSharp.torch;

namespace Imago.Generation.Pipelines;

/// <summary>Makes models of the published pipelines of Stable Diffusion 1, 2, XL and 3.</summary>
/// <example><code>
/// using var model = StableDiffusion.Load("stable-diffusion-v1-5");
/// var pictures = ImageGenerator.Generate(model, new GenerationRequest { Pictures = PictureWish.Many(new Condition { Caption = "a red house" }, count: 1) });
/// </code></example>
public static class StableDiffusion
{
    /// <summary>Loads a pipeline from a folder as diffusers writes it.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="variant">Which of several files of the same weights is read, such as <c>fp16</c>, where a part has it.</param>
    /// <inheritdoc cref="Load(PipelineParts)" path="/returns|/exception"/>
    public static DiffusionModel Load(string folder, string? variant = null) => Load(PipelineFiles.FromFolder(folder, variant));

    /// <summary>Makes a model of a pipeline's parts. Text encoders may be missing from Stable Diffusion 3; from the others only where every condition is given encoded.</summary>
    /// <param name="parts">The parts.</param>
    /// <returns>The model in evaluation mode, in float32, on the CPU. The caller owns it.</returns>
    /// <exception cref="CheckpointException">A part is missing or damaged, or the parts do not fit together.</exception>
    public static DiffusionModel Load(PipelineParts parts)
    {
        ArgumentNullException.ThrowIfNull(parts);
        var owned = new List<IDisposable>();
        try
        {
            foreach (var name in new[] { parts.Denoiser, ComponentNames.Vae, ComponentNames.Scheduler }) parts.Require(name);
            var (family, scheduler) = (parts.Family, SchedulerOf(parts));
            var network = Owned(LoadNetwork(parts));
            var codec = Owned(LoadCodec(parts));
            var conditioner = Owned(LoadPrompts(parts, network.Config, family));
            PipelineFit.Check(parts, network.Config, codec, conditioner.Towers);
            var model = new DiffusionModel(PipelineFit.Describe(network.Config, codec, scheduler, family), network, conditioner, codec) { Parts = parts };
            model.Trained.eval();
            return model;
        }
        catch (Exception e)
        {
            foreach (var part in owned) part.Dispose();
            if (e is ArgumentException) throw new CheckpointException($"{parts.Source}: {e.Message}", e);
            throw;
        }

        T Owned<T>(T part)
            where T : IDisposable
        {
            owned.Add(part);
            return part;
        }
    }

    /// <summary>The text encoders of a pipeline, for its network.</summary>
    internal static PromptConditioner LoadPrompts(PipelineParts parts, DenoiserConfig network, PipelineFamily family)
    {
        var towers = new Dictionary<int, PromptTower>();
        try
        {
            foreach (var number in Enumerable.Range(1, 3))
            {
                if (LoadTower(parts, number, family) is { } tower) towers[number] = tower;
            }
            return new PromptConditioner(PipelineFit.Layout(parts, network, family, towers), towers);
        }
        catch
        {
            foreach (var tower in towers.Values) tower.Encoder.Dispose();
            throw;
        }
    }

    /// <summary>The first text encoder alone, whose tokens a network attends to.</summary>
    internal static PromptConditioner LoadTokens(PipelineParts parts)
    {
        var tower = LoadTower(parts, 1, PipelineFamily.StableDiffusion) ?? throw new CheckpointException($"{parts.Source}: there is no {ComponentNames.TextEncoder}.");
        return new PromptConditioner(new FeatureLayout(tower.Width, PooledWidth: 0), new Dictionary<int, PromptTower> { [1] = tower });
    }

    private static SchedulerConfig SchedulerOf(PipelineParts parts)
    {
        var part = parts.Require(ComponentNames.Scheduler);
        var scheduler = SchedulerConfig.Parse(ConfigOf(part, ComponentNames.Scheduler), part.Source);
        return scheduler.IsEdm ? throw new CheckpointException($"{part.Source}: the network stands under EDM's preconditioning ({scheduler.Kind}), which is not loaded yet.") : scheduler;
    }

    private static DenoisingNetwork LoadNetwork(PipelineParts parts)
    {
        var part = parts.Require(parts.Denoiser);
        using var file = WeightsOf(part, parts.Denoiser);
        return Filled(parts.Network.CreateEmpty(CPU), network => ModuleWeights.Load(network, file));
    }

    /// <summary>The autoencoder of a pipeline.</summary>
    internal static LatentCodec LoadCodec(PipelineParts parts)
    {
        var part = parts.Require(ComponentNames.Vae);
        using var file = WeightsOf(part, ComponentNames.Vae);
        var autoencoder = AutoencoderFiles.LoadDiffusers(ConfigOf(part, ComponentNames.Vae), part.Source, file);
        return new LatentCodec(autoencoder, PipelineFit.ScaleOf(autoencoder.Config));
    }

    /// <summary>A text encoder and its tokenizer, if the pipeline has them.</summary>
    internal static PromptTower? LoadTower(PipelineParts parts, int number, PipelineFamily family)
    {
        var name = ComponentNames.TextEncoderOf(number);
        if (parts.Components.GetValueOrDefault(name) is not { } part) return null;
        var config = EncoderConfig.Parse(ConfigOf(part, name), part.Source) as TextEncoderConfig ?? throw new CheckpointException($"{part.Source}: the {name} is no text encoder.");
        var words = parts.Require(ComponentNames.TokenizerOf(number));
        var folder = words.Folder ?? throw new CheckpointException($"{parts.Source}: the folder of the {ComponentNames.TokenizerOf(number)} is not known.");
        PromptTokenizer tokenizer = config is T5Config ? T5Tokenizer.Load(folder) : ClipTokenizer.Load(folder, words.Padding);
        if (tokenizer.Count > config.VocabSize) throw new CheckpointException($"{folder}: the tokenizer has {tokenizer.Count} tokens, the {name} knows {config.VocabSize}; they do not belong together.");
        using var file = WeightsOf(part, name);
        return new(tokenizer, EncoderFiles.LoadText(config, file), IsPenultimate: family != PipelineFamily.StableDiffusion) { TokenizerFolder = folder };
    }

    private static T Filled<T>(T module, Action<T> load)
        where T : nn.Module
    {
        try
        {
            load(module);
            module.eval();
            return module;
        }
        catch
        {
            module.Dispose();
            throw;
        }
    }

    private static string ConfigOf(PipelineComponent part, string name) => part.Config ?? throw new CheckpointException($"{part.Source}: the configuration of the {name} is missing.");

    private static TensorFile WeightsOf(PipelineComponent part, string name) => part.OpenWeights?.Invoke() ?? throw new CheckpointException($"{part.Source}: the weights of the {name} are missing.");
}

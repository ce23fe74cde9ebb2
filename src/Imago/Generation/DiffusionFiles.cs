using System.Text;
using Imago.Autoencoders;
using Imago.Generation.Lora;
using Imago.Generation.Pipelines;
using Imago.Generation.SingleFiles;
using Imago.Models;
using Imago.Text;
using Imago.Training;
using Imago.Weights;
using static TorchSharp.torch;

namespace Imago.Generation;

/// <summary>
/// Diffusion models in folders. A model's folder holds <c>imago.json</c> (<see cref="DiffusionModelConfig"/>), <c>network/</c> (the hub's <c>config.json</c> and
/// <c>diffusion_pytorch_model.safetensors</c>, for other libraries too), <c>conditioner/</c> (weights and the tokenizer's files) and, for a model of latents, <c>vae/</c>.
/// A run keeps such a folder as <c>model/</c>.
/// </summary>
public static class DiffusionFiles
{
    private const string ModelName = "imago.json", ConfigName = "config.json", WeightsName = "diffusion_pytorch_model.safetensors";
    private const string NetworkFolder = "network", ConditionerFolder = "conditioner", AutoencoderFolder = "vae", TokenizerFolder = "tokenizer";
    private const string ConditionerWeights = "model.safetensors";

    /// <summary>Loads a model: from a run's folder with the weights that it kept last (the moving average where it has one), from a model's folder, from a pipeline of diffusers (one of Stable Diffusion, or with a UNet2DModel or a DiT), or from a single file of Stable Diffusion (<see cref="SingleFile.Open"/>).</summary>
    /// <param name="path">The folder or file.</param>
    /// <returns>The model in evaluation mode, in float32, on the CPU. The caller owns it.</returns>
    /// <exception cref="CheckpointException">There is no model, or it is damaged, or its weights do not fit.</exception>
    public static DiffusionModel Load(string path) => Load(path, variant: null);

    /// <summary>Loads a model, and of a pipeline with several files of the same weights the variant that is wanted.</summary>
    /// <param name="path">The folder.</param>
    /// <param name="variant">Such as <c>fp16</c>, where it is there; <see langword="null"/> for the plain one.</param>
    /// <inheritdoc cref="Load(string)" path="/returns|/exception"/>
    public static DiffusionModel Load(string path, string? variant)
    {
        if (File.Exists(Path.Combine(path, ModelName))) return Open(path, withWeights: true);
        if (File.Exists(path)) return StableDiffusion.Load(SingleFile.Open(path));
        if (PipelineFiles.IsPipeline(path)) return StableDiffusion.Load(path, variant);
        if (HubDiffusion.IsPipeline(path)) return HubDiffusion.Load(path, variant);
        if (!Directory.Exists(path)) throw new CheckpointException($"There is no file or folder {path}; it should be a diffusion model.");
        if (!IsRun(path)) throw new CheckpointException($"{path} holds no diffusion model: neither the folder of a run of `imago train diffusion`, nor one with {ModelName} in it, nor a pipeline of diffusers.");
        var run = RunFolder.Open(path);
        var lora = run.ReadConfig<DiffusionRunConfig>().Lora;
        var weights = File.Exists(run.LastWeights) ? run.LastWeights : run.Weights;
        var model = Open(ModelOf(path), withWeights: lora is not null);
        try
        {
            if (lora is null) ModuleWeights.Load(model.Trained, weights);
            else LoraFiles.Fuse(model.Network, weights, lora.Scale);
            return model;
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    /// <summary>Loads the model of a run with a moving average of another length, combined from the snapshots that the run stored (Karras et al. 2024, section 3).</summary>
    /// <param name="path">The folder of a run that was trained with <see cref="TrainingOptions.EmaSnapshots"/>.</param>
    /// <param name="relativeWidth">σ_rel, the width of the average as a share of the run: above 0 (the last weights) and up to <see cref="PostHocEma.LargestWidth"/> (a plain mean).</param>
    /// <inheritdoc cref="Load(string)" path="/returns"/>
    /// <exception cref="CheckpointException">There is no run, or it stored no snapshots.</exception>
    public static DiffusionModel Load(string path, double relativeWidth)
    {
        if (!IsRun(path)) throw new CheckpointException($"{path} is no run of `imago train diffusion`; only a run stores the snapshots of which an average of another length is made.");
        var run = RunFolder.Open(path);
        if (run.ReadConfig<DiffusionRunConfig>().Lora is not null) throw new CheckpointException($"{path} trains low-rank changes, whose average has one length; averages of other lengths are for runs that train all weights.");
        var model = Open(ModelOf(path), withWeights: false);
        try
        {
            EmaSnapshots.Load(model.Trained, run.Averages, relativeWidth);
            return model;
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    /// <summary>Whether a path is a diffusion model of Imago's own: a run, or a model's folder.</summary>
    public static bool IsModel(string path) => File.Exists(Path.Combine(path, ModelName)) || IsRun(path);

    /// <summary>Length of the token vectors of a text encoder.</summary>
    /// <param name="folder">As <see cref="DiffusionRunConfig.TextEncoder"/> is.</param>
    /// <exception cref="CheckpointException">There is no text encoder, or it is damaged.</exception>
    public static int TextWidth(string folder)
    {
        using var encoder = PromptFiles.LoadEncoder(folder);
        return encoder.Towers[1].Width;
    }

    /// <summary>Writes a model's folder: all that is needed to draw with it.</summary>
    /// <param name="model">The model.</param>
    /// <param name="folder">Made if it is missing; files of an older model in it are replaced one by one.</param>
    /// <param name="options">How the numbers are kept, and what is said of the model; <see langword="null"/> for float32 and the model's own configuration.</param>
    /// <exception cref="CheckpointException">A file cannot be written.</exception>
    public static void Save(DiffusionModel model, string folder, ExportOptions? options = null)
    {
        options ??= new ExportOptions();
        SaveWithoutWeights(model, folder, options);
        SaveWeights(model, folder, options.Type);
    }

    /// <summary>Whether a path is the folder of a run of diffusion.</summary>
    internal static bool IsRun(string path) => RunFolder.Exists(path) && File.Exists(Path.Combine(ModelOf(path), ModelName));

    /// <summary>The folder of the model in a run.</summary>
    internal static string ModelOf(string run) => Path.Combine(run, "model");

    /// <summary>Writes what does not change in training.</summary>
    internal static void SaveWithoutWeights(DiffusionModel model, string folder, ExportOptions? options = null)
    {
        Directory.CreateDirectory(folder);
        if (model.Config.Pipeline is not null && options is null)
        {
            WriteText(Path.Combine(folder, ModelName), ConfigJson.Write(model.Config));
            return;
        }
        Directory.CreateDirectory(Path.Combine(folder, NetworkFolder));
        WriteText(Path.Combine(folder, NetworkFolder, ConfigName), model.Network.Config.ToJson());
        if (model.Encoder is PromptConditioner prompts) PromptFiles.Save(prompts, folder, options?.Type);
        if (model.Encoder is Conditioner { Tokenizer: BytePairTokenizer tokenizer })
        {
            Directory.CreateDirectory(Path.Combine(folder, TokenizerFolder));
            tokenizer.Save(Path.Combine(folder, TokenizerFolder));
        }
        if (model.Codec is LatentCodec latent)
        {
            var vae = Directory.CreateDirectory(Path.Combine(folder, AutoencoderFolder)).FullName;
            WriteText(Path.Combine(vae, ConfigName), latent.Autoencoder.Config.ToJson());
            ModuleWeights.Save(latent.Autoencoder, Path.Combine(vae, WeightsName), type: options?.Type);
        }
        WriteText(Path.Combine(folder, ModelName), ConfigJson.Write(options?.Describe(Whole(model)) ?? Whole(model)));
    }

    /// <summary>Writes what training changes.</summary>
    internal static void SaveWeights(DiffusionModel model, string folder, ScalarType? type = null)
    {
        var metadata = new Dictionary<string, string> { ["format"] = "pt" };
        ModuleWeights.Save(model.Network, Path.Combine(folder, NetworkFolder, WeightsName), metadata, type);
        if (model.Encoder is not Conditioner conditioner) return;
        Directory.CreateDirectory(Path.Combine(folder, ConditionerFolder));
        ModuleWeights.Save(conditioner, Path.Combine(folder, ConditionerFolder, ConditionerWeights), metadata, type);
    }

    /// <summary>Reads what <see cref="SaveWeights"/> wrote.</summary>
    internal static void LoadWeights(DiffusionModel model, string folder)
    {
        ModuleWeights.Load(model.Network, Path.Combine(folder, NetworkFolder, WeightsName));
        if (model.Encoder is Conditioner conditioner) ModuleWeights.Load(conditioner, Path.Combine(folder, ConditionerFolder, ConditionerWeights));
    }

    /// <summary>What a model's folder says of it.</summary>
    internal static DiffusionModelConfig ReadConfig(string folder) => ConfigJson.Read<DiffusionModelConfig>(ReadText(Path.Combine(folder, ModelName)), Path.Combine(folder, ModelName));

    /// <summary>Builds the model that a folder describes.</summary>
    internal static DiffusionModel Open(string folder, bool withWeights)
    {
        var config = ReadConfig(folder);
        if (config.Pipeline is { } pipeline) return Published(config, pipeline);
        var network = DenoiserConfig.Parse(ReadText(Path.Combine(folder, NetworkFolder, ConfigName)), Path.Combine(folder, NetworkFolder, ConfigName));
        var model = Assemble(config, network, config.Prompts is null ? TokenizerOf(folder) : null, () => LoadAutoencoder(folder), folder);
        try
        {
            if (withWeights) LoadWeights(model, folder);
            model.Trained.eval();
            return model;
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    /// <summary>A model whose networks are those of a pipeline elsewhere.</summary>
    private static DiffusionModel Published(DiffusionModelConfig config, string pipeline)
    {
        var whole = Load(pipeline);
        return new DiffusionModel(config, whole.Network, whole.Encoder, whole.Codec) { Parts = whole.Parts };
    }

    /// <summary>The tokenizer of a model's folder, if it has one.</summary>
    internal static BytePairTokenizer? TokenizerOf(string folder) =>
        Directory.Exists(Path.Combine(folder, TokenizerFolder)) ? BytePairTokenizer.Load(Path.Combine(folder, TokenizerFolder)) : null;

    private static DiffusionModel Assemble(DiffusionModelConfig config, DenoiserConfig network, BytePairTokenizer? tokenizer, Func<Autoencoder> autoencoder, string source)
    {
        var parts = new List<IDisposable>();
        try
        {
            T Part<T>(T part)
                where T : IDisposable
            {
                parts.Add(part);
                return part;
            }

            ImageCodec codec = config.Latents is { } scale ? new LatentCodec(Part(autoencoder()), scale) : new PixelCodec(config.Channels, config.Patch);
            if (codec is LatentCodec latent) latent.Scale.Validate(latent.Shape(config.Height, config.Width)[0]);
            return new DiffusionModel(config, Part(network.Create()), Part(config.Prompts is { } prompts ? PromptFiles.Load(source, prompts) : (ConditionEncoder)config.Conditioner.Create(tokenizer: tokenizer)), codec);
        }
        catch (Exception e)
        {
            foreach (var part in parts) part.Dispose();
            if (e is ArgumentException) throw new CheckpointException($"{source}: {e.Message}", e);
            throw;
        }
    }

    /// <summary>The autoencoder of a model's folder.</summary>
    internal static Autoencoder LoadAutoencoder(string modelFolder)
    {
        var folder = Path.Combine(modelFolder, AutoencoderFolder);
        var path = Path.Combine(folder, ConfigName);
        var model = AutoencoderConfig.Parse(ReadText(path), path).Create();
        try
        {
            ModuleWeights.Load(model, Path.Combine(folder, WeightsName));
            model.eval();
            return model;
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    /// <summary>The configuration of a folder that holds every part itself.</summary>
    private static DiffusionModelConfig Whole(DiffusionModel model) => model.Config with
    {
        Pipeline = null, Prompts = model.Config.Prompts ?? (model.Encoder is PromptConditioner prompts ? new PromptsConfig { Use = PromptUse.Family, EmptyIsZeros = prompts.Layout.NothingIsZeros } : null),
    };

    private static string ReadText(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CheckpointException($"{path} cannot be read: {e.Message}", e);
        }
    }

    private static void WriteText(string path, string text) => AtomicFile.Write(path, stream => stream.Write(Encoding.UTF8.GetBytes(text + "\n")));
}

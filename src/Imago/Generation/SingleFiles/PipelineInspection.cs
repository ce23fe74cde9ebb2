using System.Text.Json.Nodes;
using Imago.Autoencoders;
using Imago.Diffusion;
using Imago.Generation.Pipelines;
using Imago.Models;
using Imago.Weights;

namespace Imago.Generation.SingleFiles;

/// <summary>One part of a pipeline, looked at from outside.</summary>
/// <param name="Name">Its name, as in <see cref="ComponentNames"/>.</param>
/// <param name="Kind">The class of its network, scheduler or tokenizer.</param>
/// <param name="Parameters">Numbers of its weights.</param>
/// <param name="Precision">Numbers by the type that they are kept in.</param>
/// <param name="Problem">What is missing or does not fit; null if nothing is.</param>
public sealed record PartInspection(string Name, string Kind, long Parameters, IReadOnlyDictionary<string, long> Precision, string? Problem);

/// <summary>
/// What a pipeline of Stable Diffusion is, from a folder of the hub or a single file: its parts, whether something is missing, and what it needs to run. Names and shapes are
/// read and compared with the configurations; no numbers are.
/// </summary>
public sealed record PipelineInspection
{
    private const int BytesOfFloat32 = 4, LiveMaps = 3;

    /// <summary>The path that was looked at.</summary>
    public required string Path { get; init; }

    /// <summary>The family's name.</summary>
    public required string Family { get; init; }

    /// <summary>Whether it is a folder of the hub, rather than a single file in an original layout.</summary>
    public required bool IsFolder { get; init; }

    /// <summary>What the denoiser takes beside noisy latents: nothing, <c>mask and masked picture</c> (inpainting) or <c>picture</c> (editing).</summary>
    public required string ExtraInput { get; init; }

    /// <summary>What the denoiser predicts, by its configuration; for single files, what the family's published model does. Null where there is no scheduler.</summary>
    public required Prediction? Prediction { get; init; }

    /// <summary>Side of the pictures that it was trained on, in pixels; 0 if the denoiser's configuration cannot be told.</summary>
    public required int Side { get; init; }

    /// <summary>The parts.</summary>
    public required IReadOnlyList<PartInspection> Parts { get; init; }

    /// <summary>Parts that a pipeline of the family has and this one lacks.</summary>
    public required IReadOnlyList<string> Missing { get; init; }

    /// <summary>Keys of a single file that belong to no part.</summary>
    public IReadOnlyList<string> Unused { get; init; } = [];

    /// <summary>Numbers of all weights.</summary>
    public long Parameters => Parts.Sum(part => part.Parameters);

    /// <summary>Memory for all weights in float32, in bytes; half of it in bfloat16.</summary>
    public long WeightBytes => Parameters * BytesOfFloat32;

    /// <summary>About how much memory decoding a picture of <see cref="Side"/> takes beside the weights, in float32, in bytes: a few maps of the decoder's widest layer at full resolution.</summary>
    public required long WorkingBytes { get; init; }

    /// <summary>What this machine has for everything, in bytes.</summary>
    public long MachineBytes { get; init; } = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;

    /// <summary>Whether it fits this machine in float32.</summary>
    public bool FitsInFp32 => WeightBytes + WorkingBytes <= MachineBytes;

    /// <summary>Whether it fits this machine in bfloat16.</summary>
    public bool FitsInBf16 => (WeightBytes + WorkingBytes) / 2 <= MachineBytes;

    /// <summary>Whether nothing is missing that drawing needs, and everything fits together.</summary>
    public bool IsComplete => Missing.Count == 0 && Parts.All(part => part.Problem is null);

    /// <summary>Whether a path is such a pipeline; for what else it may be, see <see cref="FileInspection.Of"/>.</summary>
    /// <param name="path">A folder or a file.</param>
    /// <exception cref="CheckpointException">It is damaged.</exception>
    public static bool IsPipeline(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        return Directory.Exists(path) ? PipelineFiles.IsPipeline(path) : FileInspection.IsOfTensors(path) && SingleFile.IsCheckpoint(path);
    }

    /// <summary>Looks at a pipeline.</summary>
    /// <param name="path">A folder or a file.</param>
    /// <param name="options">For a single file, what it does not say; null for what is usual.</param>
    /// <exception cref="CheckpointException">It is damaged, or none.</exception>
    public static PipelineInspection Of(string path, SingleFileOptions? options = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        return Directory.Exists(path) ? OfFolder(path) : OfFile(path, options ?? new SingleFileOptions());
    }

    private static PipelineInspection OfFolder(string folder)
    {
        var index = System.IO.Path.Combine(folder, "model_index.json");
        var named = File.Exists(index) ? PipelineFiles.ReadObject(index).Where(entry => entry.Value is JsonArray { Count: 2 } pair && pair[0] is not null && ComponentNames.All.Contains(entry.Key)).Select(entry => entry.Key).ToList() : [];
        var present = ComponentNames.All.Where(name => Directory.Exists(System.IO.Path.Combine(folder, name))).ToList();
        var looked = present.Select(name => Look(name, () => PipelineComponent.FromFolder(name, System.IO.Path.Combine(folder, name)))).ToList();
        var parts = new PipelineParts { Source = folder, Components = looked.Where(look => look.Component is not null).ToDictionary(look => look.Part.Name, look => look.Component!) };
        return Describe(folder, parts, FamilyName(parts)) with { IsFolder = true, Parts = [.. looked.Select(look => look.Part)], Missing = [.. named.Except(present).Concat(Lacking(present)).Distinct()] };
    }

    /// <summary>What every pipeline has, and a tokenizer for each text encoder.</summary>
    private static IEnumerable<string> Lacking(IReadOnlyCollection<string> present)
    {
        foreach (var name in (string[])[ComponentNames.Vae, ComponentNames.Scheduler])
        {
            if (!present.Contains(name)) yield return name;
        }
        var encoders = Enumerable.Range(1, 3).Where(number => present.Contains(ComponentNames.TextEncoderOf(number))).ToList();
        if (encoders.Count == 0) yield return "text encoders";
        foreach (var number in encoders.Where(number => !present.Contains(ComponentNames.TokenizerOf(number)))) yield return ComponentNames.TokenizerOf(number);
    }

    private static PipelineInspection OfFile(string path, SingleFileOptions options)
    {
        using var file = TensorFile.Open(path);
        var layout = SingleFile.LayoutOf(file);
        var prediction = options.Prediction ?? OriginalSchedules.DefaultOf(layout.Family);
        var looked = layout.Parts.Select(part => (Original: part, Look: Look(part.Name, () => SingleFile.Component(path, file, part, layout.Family, options, prediction)))).ToList();
        looked.Add((new OriginalPart(ComponentNames.Scheduler, ""), Look(ComponentNames.Scheduler, () => SingleFile.Scheduler(path, layout.Family, options))));
        var components = looked.Where(look => look.Look.Component is not null).ToDictionary(look => look.Original.Name, look => look.Look.Component!);
        var wordless = layout.Parts.Where(part => part.Text is not null && components.TryGetValue(part.Name, out var encoder) && !HasTokenizer(part, layout.Family, encoder, options));
        List<string> missing = [.. wordless.Select(part => $"a tokenizer for {part.Name}")];
        if (!layout.Parts.Any(part => part.Text is not null)) missing.Add("text encoders");
        if (!layout.Parts.Any(part => part.Name == ComponentNames.Vae)) missing.Add(ComponentNames.Vae);
        return Describe(path, new PipelineParts { Source = path, Components = components }, layout.Family.Name()) with { Parts = [.. looked.Select(look => look.Look.Part)], Missing = missing, Unused = layout.Unused };
    }

    private static bool HasTokenizer(OriginalPart part, OriginalFamily family, PipelineComponent encoder, SingleFileOptions options) =>
        options.Folders.ContainsKey(part.Name.Replace(ComponentNames.TextEncoder, ComponentNames.Tokenizer, StringComparison.Ordinal)) || PublishedTokenizers.Find(part, family, encoder.Config!, options.TokenizerFolder) is not null;

    private static PipelineInspection Describe(string path, PipelineParts parts, string family)
    {
        var network = parts.Components.Keys.Any(name => name is ComponentNames.UNet or ComponentNames.Transformer) ? parts.Network : null;
        var autoencoder = parts.Components.GetValueOrDefault(ComponentNames.Vae) is { Config: { } config } vae ? DiffusersConfig.Parse(config, vae.Source) as KlConfig : null;
        var (latents, channels) = network switch { MMDiTConfig mmdit => (mmdit.SampleSize, mmdit.InChannels), UNet2DConditionConfig unet => ((unet.SampleSize ?? 64)[0], unet.InChannels), _ => (0, 0) };
        var side = latents * (autoencoder is null ? 8 : 1 << (autoencoder.BlockOutChannels.Count - 1));
        var scheduler = parts.Components.GetValueOrDefault(ComponentNames.Scheduler);
        return new PipelineInspection
        {
            Path = path, Family = family, IsFolder = false, Side = side, Parts = [], Missing = [],
            ExtraInput = channels switch { 9 => "mask and masked picture", 8 => "picture", _ => "nothing" },
            Prediction = scheduler?.Config is { } json ? SchedulerConfig.Parse(json, scheduler.Source).Prediction : null,
            WorkingBytes = autoencoder is null ? 0 : (long)side * side * autoencoder.BlockOutChannels[Math.Min(1, autoencoder.BlockOutChannels.Count - 1)] * BytesOfFloat32 * LiveMaps,
        };
    }

    private static string FamilyName(PipelineParts parts) => parts.Family switch
    {
        PipelineFamily.StableDiffusion3 => ((MMDiTConfig)parts.Network).QkNorm is null ? "Stable Diffusion 3" : "Stable Diffusion 3.5",
        PipelineFamily.StableDiffusionXL => OriginalFamily.StableDiffusionXL.Name(),
        PipelineFamily.StableDiffusionXLRefiner => OriginalFamily.StableDiffusionXLRefiner.Name(),
        _ => ((UNet2DConditionConfig)parts.Network).UseLinearProjection ? OriginalFamily.StableDiffusion2.Name() : OriginalFamily.StableDiffusion1.Name(),
    };

    /// <summary>A part, and what can be said of it; one that cannot be opened is said to be so.</summary>
    private static (PartInspection Part, PipelineComponent? Component) Look(string name, Func<PipelineComponent> open)
    {
        try
        {
            var component = open();
            return (Part(name, component), component);
        }
        catch (CheckpointException e)
        {
            return (new PartInspection(name, "unknown", 0, new Dictionary<string, long>(), e.Message), null);
        }
    }

    private static PartInspection Part(string name, PipelineComponent part)
    {
        var config = part.Config is null ? null : PipelineFiles.Object(part.Config, part.Source);
        var kind = (config?["architectures"] as JsonArray)?[0]?.ToString() ?? config?["_class_name"]?.ToString() ?? config?["model_type"]?.ToString() ?? "tokenizer";
        if (part.OpenWeights is null) return new PartInspection(name, kind, 0, new Dictionary<string, long>(), null);
        try
        {
            using var file = part.OpenWeights();
            var numbers = file.Tensors.Where(tensor => !tensor.Name.EndsWith("position_ids", StringComparison.Ordinal)).ToList();
            return new PartInspection(name, kind, numbers.Sum(tensor => tensor.ElementCount), numbers.GroupBy(tensor => tensor.DataType).ToDictionary(group => group.Key, group => group.Sum(tensor => tensor.ElementCount)), Misfit(name, part));
        }
        catch (CheckpointException e)
        {
            return new PartInspection(name, kind, 0, new Dictionary<string, long>(), e.Message);
        }
    }

    private static string? Misfit(string name, PipelineComponent part)
    {
        try
        {
            PipelineWriter.Check(name, part);
            return null;
        }
        catch (Exception e) when (e is CheckpointException or ArgumentException)
        {
            return e.Message;
        }
    }
}

using System.Text.Json;
using Imago.Generation;
using Imago.Generation.Pipelines;

namespace Imago.Golden.Sets;

/// <summary>
/// The set <c>pipelines</c>: whole runs of diffusers' pipelines, dispatched by the pipeline's class and the arguments of the call; and the preparation of pictures. What a run
/// passes on its way is compared, each quantity at the case's own tolerance.
/// </summary>
internal sealed partial class PipelinesSet : GoldenSet
{
    /// <inheritdoc/>
    public override string Name => "pipelines";

    /// <inheritdoc/>
    protected override void Run(GoldenCase golden, Checks check)
    {
        if (golden.Entry.TryGetProperty("operation", out _) || golden.Entry.TryGetProperty("processor", out _)) RunPreparation(golden, check);
        else if (!golden.Entry.TryGetProperty("pipeline", out _)) RunSingleFile(golden, check);
        else RunPipeline(golden, check);
    }

    private static void RunPipeline(GoldenCase golden, Checks check)
    {
        RefuseOthers(golden);
        if (LoraAdapters(golden) is { Count: > 0 } adapters)
        {
            RunLora(golden, adapters, check);
            return;
        }
        using var run = new PipelineRun(golden);
        run.Compare(check);
    }

    private static void RefuseOthers(GoldenCase golden)
    {
        var kind = golden.Entry.GetProperty("pipeline").GetString()!;
        if (kind.Contains("ControlNet", StringComparison.Ordinal)) throw new NotImplementedHereException("ControlNet comes later");
        if (!kind.StartsWith("StableDiffusion", StringComparison.Ordinal)) throw new NotImplementedHereException($"Imago has no pipeline {kind}");
        if (golden.Entry.GetProperty("call").TryGetProperty("ip_adapter_image", out _)) throw new NotImplementedHereException("IP-Adapter comes later");
        if (Adapters(golden).Select(adapter => adapter.GetProperty("kind").GetString()!).FirstOrDefault(adapter => !IsLora(adapter)) is { } other) throw new NotImplementedHereException($"adapters of the kind {other} come later");
    }

    /// <summary>The pipeline of a case, part by part.</summary>
    private static PipelineParts PartsOf(GoldenCase golden)
    {
        var components = golden.Entry.GetProperty("components").EnumerateObject().Where(part => part.Value.ValueKind == JsonValueKind.String).ToDictionary(part => part.Name, part => golden.PathOf(part.Value.GetString()!));
        var parts = components.Where(part => ComponentNames.All.Contains(part.Key) && part.Key != ComponentNames.Scheduler).ToDictionary(part => part.Key, part => PipelineComponent.FromFolder(part.Key, part.Value));
        parts[ComponentNames.Scheduler] = new PipelineComponent { Source = golden.Name, Config = golden.Entry.GetProperty("scheduler").GetRawText() };
        var denoiser = components.GetValueOrDefault(ComponentNames.UNet) ?? components[ComponentNames.Transformer];
        var home = Path.GetDirectoryName(denoiser)!;
        var zeros = !File.Exists(Path.Combine(home, "model_index.json")) || PipelineFiles.FromFolder(home).ForceZerosForEmptyPrompt;
        return new PipelineParts { Source = golden.Name, Components = parts, ForceZerosForEmptyPrompt = zeros };
    }
}

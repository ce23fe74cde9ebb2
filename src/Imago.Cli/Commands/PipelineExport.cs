using Imago.Generation.Pipelines;
using Imago.Generation.SingleFiles;
using Imago.Training;
using TorchSharp;

namespace Imago.Cli.Commands;

/// <summary><c>imago export</c> of a published pipeline: a folder of the hub.</summary>
internal static class PipelineExport
{
    internal static void Run(CommandContext context, string path, string folder, Precision? precision)
    {
        torch.ScalarType? type = precision switch { null => null, Precision.Bf16 => torch.ScalarType.BFloat16, _ => torch.ScalarType.Float32 };
        var parts = (PipelineOptions.Changes(context) ?? new PipelineChanges()).Located(name => HubModelOptions.LocateExtra(context, name)).Open(path, context.Get(HubModelOptions.Variant));
        context.Track("parts written", sink => PipelineWriter.Save(parts, folder, type, sink, context.Cancellation));
        var bytes = new DirectoryInfo(folder).EnumerateFiles("*", SearchOption.AllDirectories).Sum(file => file.Length);
        if (context.IsJson)
        {
            context.WriteJson(new { Model = path, Folder = folder, Bytes = bytes, parts.Family, Parts = parts.Components.Keys });
            return;
        }
        context.Say($"{parts.Family} of {parts.Components.Count} parts, {ByteSize.Text(bytes)} in {folder}.");
        context.Hint($"Next: imago generate \"…\" --model {folder}");
    }
}

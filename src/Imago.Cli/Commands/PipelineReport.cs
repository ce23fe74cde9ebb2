using Imago.Generation.SingleFiles;

namespace Imago.Cli;

/// <summary><c>imago inspect</c> of a pipeline of Stable Diffusion.</summary>
internal static class PipelineReport
{
    private const int MostUnused = 10, MostText = 2000;

    internal static void Write(CommandContext context, PipelineInspection pipeline)
    {
        if (context.IsJson)
        {
            context.WriteJson(pipeline);
            return;
        }
        context.Say($"{pipeline.Path}: {pipeline.Family}, {(pipeline.IsFolder ? "a folder of the hub" : "a single file in the original layout")}");
        if (pipeline.Side > 0) context.Say($"  Draws       {pipeline.Side}×{pipeline.Side} pixels; predicts {pipeline.Prediction}{(pipeline.ExtraInput == "nothing" ? "" : $"; is given a {pipeline.ExtraInput} too")}");
        foreach (var part in pipeline.Parts) context.Say($"  {part.Name,-15} {InspectCommand.Shown(part.Kind, 60)}{Size(part)}");
        context.Say($"  Parameters  {InspectCommand.Number(pipeline.Parameters)}");
        var (weights, work) = (pipeline.WeightBytes, pipeline.WorkingBytes);
        context.Say($"  Memory      {Needs("fp32", weights + work, pipeline.FitsInFp32)}, {Needs("bf16", (weights + work) / 2, pipeline.FitsInBf16)}; this machine has {ByteSize.Text(pipeline.MachineBytes)}");
        foreach (var part in pipeline.Parts.Where(part => part.Problem is not null)) context.Say($"  Problem     {part.Name}: {InspectCommand.Shown(part.Problem!.Split('\n')[0], MostText)}");
        if (pipeline.Missing.Count > 0) context.Say($"  Missing     {string.Join(", ", pipeline.Missing)}");
        if (pipeline.Unused.Count > 0) context.Say($"  Unused      {pipeline.Unused.Count} keys of no part: {InspectCommand.Shown(string.Join(", ", pipeline.Unused.Take(MostUnused)), MostText)}");
        if (pipeline.IsComplete) context.Say("  Complete    nothing is missing");
    }

    private static string Size(PartInspection part) => part.Parameters == 0 ? "" : $", {InspectCommand.Number(part.Parameters)} numbers ({string.Join(", ", part.Precision.Keys)})";

    private static string Needs(string precision, long bytes, bool fits) => $"about {ByteSize.Text(bytes)} in {precision}{(fits ? "" : " (too much)")}";
}

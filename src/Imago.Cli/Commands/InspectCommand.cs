using System.CommandLine;
using System.Globalization;
using Imago.Generation.SingleFiles;
using Imago.Weights;

namespace Imago.Cli;

/// <summary><c>imago inspect</c>: what a file is and holds.</summary>
internal static class InspectCommand
{
    private static readonly Argument<string> File = new("FILE") { Description = "Weights (safetensors, PyTorch, NumPy, GGUF), an image, an IDX or Parquet file, a folder with one model, or a whole pipeline of Stable Diffusion (folder or single file); also one of a hub: owner/name/FILE." };

    private static readonly Option<bool> Keys = new("--keys") { Description = "List the tensors of a model's single file, instead of its parts." };

    internal static Command Create()
    {
        var command = new ImagoCommand(
            "inspect", "Say what a file is and holds, without running anything of it; files that would run something are refused.",
            "imago inspect model.safetensors", "imago inspect sd_xl_base_1.0.safetensors", "imago inspect vae.pth --json", "imago inspect stabilityai/sd-vae-ft-mse --download")
        {
            File, Keys, HubModelOptions.Download, HubModelOptions.Revision, HubModelOptions.Variant, PipelineOptions.Config, PipelineOptions.Tokenizer, PipelineOptions.Predicts, SharedOptions.Json,
        };
        return command.Does(Run, usesTorch: false);
    }

    private static void Run(CommandContext context)
    {
        var path = HubModelOptions.Locate(context, context.Get(File)!);
        if (!context.Get(Keys) && PipelineInspection.IsPipeline(path))
        {
            context.StartTorch();
            PipelineReport.Write(context, PipelineInspection.Of(path, PipelineOptions.OfFile(context)));
            return;
        }
        var file = FileInspection.Of(path);
        if (context.IsJson)
        {
            context.WriteJson(file);
            return;
        }
        context.Say($"{file.Path}: {file.Description}, {ByteSize.Text(file.FileBytes)}");
        if (file.Model is { } model) context.Say($"  Model       {model}");
        if (file.Tensors.Count > 0)
        {
            context.Say($"  Tensors     {Number(file.Tensors.Count)} with {Number(file.Parameters)} numbers, {ByteSize.Text(file.Tensors.Sum(tensor => tensor.ByteCount))}");
            context.Say($"  Precision   {string.Join(", ", file.Precision.Select(type => $"{type.Key} {Number(type.Value)}"))}");
        }
        foreach (var (key, value) in file.Metadata) context.Say($"  {Shown(key, 40),-10}  {Shown(value, 200)}");
        foreach (var tensor in file.Tensors) context.Say($"  {tensor.DataType,-8} {$"[{string.Join(", ", tensor.Shape)}]",-20} {Shown(tensor.Name, 400)}");
    }

    internal static string Number(long number) => number.ToString("N0", CultureInfo.InvariantCulture);

    /// <summary>Text of a stranger on one line of the terminal: no control characters, not too long.</summary>
    internal static string Shown(string text, int most)
    {
        var plain = string.Concat(text.Take(most).Select(c => char.IsControl(c) || char.GetUnicodeCategory(c) == UnicodeCategory.Format ? '·' : c));
        return text.Length > most ? $"{plain}… ({text.Length} characters)" : plain;
    }
}

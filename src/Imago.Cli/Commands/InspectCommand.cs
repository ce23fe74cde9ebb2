using System.CommandLine;
using System.Globalization;
using Imago.Weights;

namespace Imago.Cli;

/// <summary><c>imago inspect</c>: what a file is and holds.</summary>
internal static class InspectCommand
{
    private static readonly Argument<string> File = new("FILE") { Description = "Weights (safetensors, PyTorch, NumPy, GGUF), an image, an IDX or Parquet file, or a folder with one model." };

    internal static Command Create()
    {
        var command = new ImagoCommand(
            "inspect", "Say what a file is and holds, without running anything of it; files that would run something are refused.",
            "imago inspect model.safetensors", "imago inspect vae.pth --json");
        command.Add(File);
        command.Add(SharedOptions.Json);
        return command.Does(Run, usesTorch: false);
    }

    private static void Run(CommandContext context)
    {
        var file = FileInspection.Of(context.Get(File)!);
        if (context.IsJson)
        {
            context.WriteJson(file);
            return;
        }
        context.Say($"{file.Path}: {file.Description}, {Bytes(file.FileBytes)}");
        if (file.Model is { } model) context.Say($"  Model       {model}");
        if (file.Tensors.Count > 0)
        {
            context.Say($"  Tensors     {Number(file.Tensors.Count)} with {Number(file.Parameters)} numbers, {Bytes(file.Tensors.Sum(tensor => tensor.ByteCount))}");
            context.Say($"  Precision   {string.Join(", ", file.Precision.Select(type => $"{type.Key} {Number(type.Value)}"))}");
        }
        foreach (var (key, value) in file.Metadata) context.Say($"  {Shown(key, 40),-10}  {Shown(value, 200)}");
        foreach (var tensor in file.Tensors) context.Say($"  {tensor.DataType,-8} {$"[{string.Join(", ", tensor.Shape)}]",-20} {Shown(tensor.Name, 400)}");
    }

    private static string Number(long number) => number.ToString("N0", CultureInfo.InvariantCulture);

    private static string Bytes(long bytes) => bytes switch
    {
        < 10_000 => $"{bytes} bytes",
        < 10_000_000 => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e3:F0} kB"),
        < 10_000_000_000 => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e6:F0} MB"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1e9:F1} GB"),
    };

    /// <summary>Text of a stranger on one line of the terminal: no control characters, not too long.</summary>
    private static string Shown(string text, int most)
    {
        var plain = string.Concat(text.Take(most).Select(c => char.IsControl(c) || char.GetUnicodeCategory(c) == UnicodeCategory.Format ? '·' : c));
        return text.Length > most ? $"{plain}… ({text.Length} characters)" : plain;
    }
}

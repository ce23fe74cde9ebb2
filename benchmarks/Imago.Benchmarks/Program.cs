namespace Imago.Benchmarks;

/// <summary>
/// <c>dotnet run -c Release --project benchmarks/Imago.Benchmarks -- TOPIC</c>. Each topic compares Imago's way with the obvious alternative in one
/// run, both sides in turn, and prints the median ratio.
/// </summary>
internal static class Program
{
    private static readonly Dictionary<string, (string Description, Action<string[]> Run)> Topics = new()
    {
        ["allocator"] = ("x + x with Imago's allocator of tensor memory and with libtorch's", AllocatorBenchmark.Run),
        ["denoisers"] = ("a training step of U-Nets and diffusion transformers by Imago and by PyTorch", DenoiserBenchmark.Run),
        ["loading"] = ("a data-loading epoch and one thread that decodes, resizes and stacks", LoadingBenchmark.Run),
        ["optimizer"] = ("an AdamW step over 400 tensors by Imago and by TorchSharp", OptimizerBenchmark.Run),
        ["samples"] = ("what a separate classifier thinks of the samples of diffusion models after equal minutes of training", SamplesBenchmark.Run),
        ["samplers"] = ("what every sampler spends outside a small network", SamplersBenchmark.Run),
        ["smiles"] = ("a smile added to held-out faces by a guided and by a plain VAE, judged by a separate classifier", SmilesBenchmark.Run),
        ["stable-diffusion"] = ("a step of Stable Diffusion 1.5, XL and 3 and the decoder, at full size, by Imago and by PyTorch", StableDiffusionBenchmark.Run),
        ["train"] = ("a training step of the networks mlp, conv and kl by Imago and by PyTorch", TrainingBenchmark.Run),
        ["weights"] = ("400 MB of safetensors, mapped and read by a copying loader", WeightsBenchmark.Run),
    };

    private static int Main(string[] args)
    {
        if (args.Length > 0 && Topics.TryGetValue(args[0], out var topic))
        {
            topic.Run(args[1..]);
            return 0;
        }
        Console.Error.WriteLine("Name one of these topics:");
        foreach (var (name, (description, _)) in Topics) Console.Error.WriteLine($"  {name,-16} {description}");
        return 2;
    }
}

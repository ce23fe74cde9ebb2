using System.Security.Cryptography;
using System.Text;
using Imago.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago;

/// <summary>How exactly one kernel of libtorch computes on this machine.</summary>
/// <param name="Kernel">What it does, with its sizes.</param>
/// <param name="Precision">The type it computed in.</param>
/// <param name="Part">Which of its results is the worst: the output, or the gradient of an input.</param>
/// <param name="Error">The largest difference from float64, as a share of the largest value; NaN if there were any.</param>
/// <param name="Tolerance">What rounding explains.</param>
public sealed record KernelResult(string Kernel, string Precision, string Part, double Error, double Tolerance)
{
    /// <summary>Whether rounding explains the error.</summary>
    public bool IsRight => Error <= Tolerance;
}

/// <summary>
/// Compares the kernels that Imago relies on with float64, outputs and gradients. Some kernels of some versions of libtorch are wrong on some
/// processors, by 20–100 %; a training run that "learns badly" may only have met one.
/// </summary>
public static class KernelCheck
{
    private sealed record Kernel(string Name, long[][] Shapes, Func<Tensor[], Tensor> Compute);

    /// <summary>Measures all kernels in float32 and bfloat16 with the current number of threads (a second or two of work).</summary>
    /// <returns>One result for each kernel and precision.</returns>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static IReadOnlyList<KernelResult> Run(CancellationToken cancellation = default)
    {
        var results = new List<KernelResult>();
        foreach (var kernel in Kernels())
        {
            cancellation.ThrowIfCancellationRequested();
            results.Add(Measure(kernel, ScalarType.Float32, tolerance: 2e-5));
            results.Add(Measure(kernel, ScalarType.BFloat16, tolerance: 3e-2));
        }
        return results;
    }

    /// <summary>
    /// Throws if a kernel is wrong. It measures once for each processor, libtorch, number of threads and version of Imago, and notes the good news in
    /// <see cref="ImagoFolders.Cache"/>.
    /// </summary>
    /// <exception cref="ImagoException">A kernel is wrong on this machine; the message names it.</exception>
    public static void EnsureRight(CancellationToken cancellation = default)
    {
        var note = Path.Combine(ImagoFolders.Cache, "kernels", $"{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(Circumstances())))}.txt");
        if (File.Exists(note)) return;

        var wrong = Run(cancellation).Where(result => !result.IsRight).ToList();
        if (wrong.Count > 0) throw new ImagoException(Sentence(wrong));
        TryWrite(note, Circumstances());
    }

    internal static string Sentence(IReadOnlyList<KernelResult> wrong) =>
        $"libtorch computes wrong numbers on this machine ({wrong.Count} of its kernels, the first: {wrong[0].Kernel} in {wrong[0].Precision}, {wrong[0].Part} off by {wrong[0].Error:p0}), so nothing is trained here; `imago doctor` lists them, and the environment variable ONEDNN_MAX_CPU_ISA=AVX2 or another version of libtorch may help.";

    /// <summary>Everything on which the answer may depend.</summary>
    private static string Circumstances()
    {
        var libraries = new[] { TorchRuntime.Start().NativeLibrary, LibTorchSharpLoader.FindNative("libtorch_cpu.so") }
            .Where(File.Exists)
            .Select(file => $"{Path.GetFileName(file)} {new FileInfo(file!).Length}");
        string[] lines =
        [
            $"processor {Processor.Name}",
            $"caches {string.Join(", ", Processor.Caches)}",
            $"threads {get_num_threads()}",
            $"libtorch {__version__} {string.Join(", ", libraries)}",
            $"oneDNN {Environment.GetEnvironmentVariable("ONEDNN_MAX_CPU_ISA")} {Environment.GetEnvironmentVariable("ATEN_CPU_CAPABILITY")}",
            $"Imago {typeof(KernelCheck).Module.ModuleVersionId}",
        ];
        return string.Join('\n', lines) + "\n";
    }

    /// <summary>A cache that cannot be written means that the next run measures again.</summary>
    private static void TryWrite(string path, string text)
    {
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllText(path, text);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
        }
    }

    private static IEnumerable<Kernel> Kernels() =>
    [
        .. from c in ((long In, long Out, long Size, long Stride, long Padding)[])
               [(3, 32, 3, 1, 1), (64, 3, 3, 1, 1), (1, 24, 4, 2, 1), (24, 40, 3, 2, 1), (64, 64, 3, 1, 1), (32, 40, 1, 1, 0), (8, 4, 5, 1, 2)]
           select new Kernel(
               $"convolution {c.Size}×{c.Size} {c.In}→{c.Out}",
               [[2, c.In, 24, 24], [c.Out, c.In, c.Size, c.Size], [c.Out]],
               t => Convolution.Conv2d(t[0], t[1], t[2], (c.Stride, c.Stride), (c.Padding, c.Padding))),
        .. from c in ((long In, long Out)[])[(64, 32), (32, 3), (24, 1)]
           select new Kernel(
               $"transposed convolution 4×4 {c.In}→{c.Out}",
               [[2, c.In, 12, 12], [c.In, c.Out, 4, 4], [c.Out]],
               t => Convolution.ConvTranspose2d(t[0], t[1], t[2], (2, 2), (1, 1), (0, 0))),
        new("linear 72→100", [[50, 72], [100, 72], [100]], t => nn.functional.linear(t[0], t[1], t[2])),
        new("linear 784→10", [[64, 784], [10, 784], [10]], t => nn.functional.linear(t[0], t[1], t[2])),
        new("batched matrix product", [[6, 40, 72], [6, 72, 24]], t => bmm(t[0], t[1])),
        new("attention", [[2, 4, 60, 40], [2, 4, 77, 40], [2, 4, 77, 40]], t => nn.functional.scaled_dot_product_attention(t[0], t[1], t[2])),
        new("group norm", [[2, 32, 16, 16], [32], [32]], t => nn.functional.group_norm(Convolution.ChannelsLast(t[0]), 8, t[1], t[2])),
        new("layer norm", [[30, 96], [96], [96]], t => nn.functional.layer_norm(t[0], [96], t[1], t[2])),
        new("nearest upsampling", [[2, 20, 9, 9]], t => nn.functional.interpolate(Convolution.ChannelsLast(t[0]), scale_factor: [2, 2])),
        new("average pooling", [[2, 20, 16, 16]], t => nn.functional.avg_pool2d(Convolution.ChannelsLast(t[0]), 2)),
        new("SiLU", [[3000]], t => nn.functional.silu(t[0])),
        new("GELU", [[3000]], t => nn.functional.gelu(t[0])),
        new("sigmoid", [[3000]], t => t[0].sigmoid()),
        new("softplus", [[3000]], t => nn.functional.softplus(t[0])),
        new("exponential", [[3000]], t => t[0].exp()),
        new("softmax", [[30, 100]], t => nn.functional.softmax(t[0], dim: -1)),
        new("logarithm of sums of exponentials", [[30, 100]], t => t[0].logsumexp(-1)),
    ];

    private static KernelResult Measure(Kernel kernel, ScalarType type, double tolerance)
    {
        using var scope = NewDisposeScope();
        using var gradients = enable_grad();
        using var generator = new Generator(1);
        // Values that bfloat16 holds exactly, so that only the arithmetic differs.
        Tensor Draw(long[] shape) => randn(shape, dtype: ScalarType.Float32, generator: generator).to(ScalarType.BFloat16);

        Tensor[] inputs = [.. kernel.Shapes.Select(Draw)];
        var upstream = Draw(OutputShape(kernel, inputs));
        var errors = Results(kernel, inputs, upstream, type).Zip(Results(kernel, inputs, upstream, ScalarType.Float64), RelativeError).ToArray();
        var worst = Enumerable.Range(0, errors.Length).MaxBy(i => double.IsNaN(errors[i]) ? double.PositiveInfinity : errors[i]);
        return new KernelResult(
            kernel.Name, type == ScalarType.Float32 ? "float32" : "bfloat16", worst == 0 ? "output" : $"gradient of input {worst}", errors[worst], tolerance);
    }

    private static long[] OutputShape(Kernel kernel, Tensor[] inputs)
    {
        using var scope = NewDisposeScope();
        return kernel.Compute([.. inputs.Select(input => input.to(ScalarType.Float64))]).shape;
    }

    private static Tensor[] Results(Kernel kernel, Tensor[] inputs, Tensor upstream, ScalarType type)
    {
        Tensor[] leaves = [.. inputs.Select(input => input.to(type).detach().requires_grad_())];
        var y = kernel.Compute(leaves);
        return [y, .. autograd.grad([y], leaves, [upstream.to(type)])];
    }

    private static double RelativeError(Tensor value, Tensor truth) =>
        ((value.to(ScalarType.Float64) - truth).abs().max() / truth.abs().max()).item<double>();
}

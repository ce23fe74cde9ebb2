using System.Text;
using Imago.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Tests;

/// <summary>
/// Outputs and all gradients of the convolutions against float64, over channels × kernels × strides × layouts × precisions × threads:
/// libtorch's own kernels fail many of these on some processors.
/// </summary>
public class ConvolutionTests
{
    private const int Batch = 2;

    private static readonly (long In, long Out)[] Channels =
        [(1, 1), (1, 32), (32, 1), (3, 64), (64, 3), (3, 3), (2, 2), (4, 16), (5, 7), (7, 9), (8, 4), (17, 33), (24, 24), (32, 40), (72, 72)];

    private static readonly (long In, long Out)[] FewChannels = [(3, 64), (64, 3), (24, 24), (32, 40), (72, 72)];

    [Theory, MemberData(nameof(Grid))]
    public void Conv2d_AnyShape_EqualsItsDefinition(int kernel, int stride, int padding, ScalarType type, int threads, bool channelsLast)
    {
        Check(
            type, threads, channelsLast, 12, (i, o) => [o, i, kernel, kernel],
            (x, w, b) => Convolution.Conv2d(x, w, b, (stride, stride), (padding, padding)),
            (x, w, b) => ConvolutionReference.Conv2d(x, w, b, stride, padding));
    }

    [Theory, MemberData(nameof(TransposedGrid))]
    public void ConvTranspose2d_AnyShape_EqualsItsDefinition(
        int kernel, int stride, int padding, int outputPadding, ScalarType type, int threads, bool channelsLast)
    {
        Check(
            type, threads, channelsLast, 6, (i, o) => [i, o, kernel, kernel],
            (x, w, b) => Convolution.ConvTranspose2d(x, w, b, (stride, stride), (padding, padding), (outputPadding, outputPadding)),
            (x, w, b) => ConvolutionReference.ConvTranspose2d(x, w, b, stride, padding, outputPadding));
    }

    /// <summary>The downsampling of diffusers pads by one at the right and at the bottom only.</summary>
    [Theory, InlineData(ScalarType.Float32, 1e-5), InlineData(ScalarType.BFloat16, 2e-2)]
    public void Conv2d_AfterPaddingOnTwoSides_EqualsItsDefinition(ScalarType type, double tolerance)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(1);
        Tensor Draw(params long[] shape) => randn(shape, generator: generator).bfloat16().to(float64);
        static Tensor Pad(Tensor x) => nn.functional.pad(x, [0, 1, 0, 1]);
        var (x, w, b, g) = (Draw(Batch, 24, 13, 10), Draw(40, 24, 3, 3), Draw(40), Draw(Batch, 40, 6, 5));
        var got = Results((x, w, b) => Convolution.Conv2d(Pad(x), w, b, (2, 2), (0, 0)), Convolution.ChannelsLast(x.to(type)), w.to(float32), b.to(float32), g.to(type));
        var wanted = Results((x, w, b) => ConvolutionReference.Conv2d(Pad(x), w, b, stride: 2, padding: 0), x, w, b, g);
        Assert.All(got.Zip(wanted), pair => Assert.InRange(((pair.First.to(float64) - pair.Second).abs().max() / pair.Second.abs().max()).item<double>(), 0, tolerance));
    }

    public static TheoryData<int, int, int, ScalarType, int, bool> Grid()
    {
        var data = new TheoryData<int, int, int, ScalarType, int, bool>();
        foreach (var (kernel, stride, padding) in new[] { (1, 1, 0), (1, 2, 0), (1, 1, 1), (2, 2, 0), (3, 1, 1), (3, 2, 1), (3, 2, 0), (4, 2, 1), (5, 1, 2), (5, 2, 2) })
        {
            foreach (var (type, threads, channelsLast) in Circumstances(withTwoThreads: (kernel, stride) is (1, 1) or (3, 1) or (4, 2))) data.Add(kernel, stride, padding, type, threads, channelsLast);
        }
        return data;
    }

    public static TheoryData<int, int, int, int, ScalarType, int, bool> TransposedGrid()
    {
        var data = new TheoryData<int, int, int, int, ScalarType, int, bool>();
        foreach (var (kernel, stride, padding, outputPadding) in new[] { (1, 1, 0, 0), (2, 2, 0, 0), (3, 1, 1, 0), (3, 2, 1, 1), (4, 2, 1, 0), (5, 2, 2, 1) })
        {
            foreach (var (type, threads, channelsLast) in Circumstances(withTwoThreads: (kernel, stride) is (3, 1) or (4, 2))) data.Add(kernel, stride, padding, outputPadding, type, threads, channelsLast);
        }
        return data;
    }

    /// <summary>Two threads take the fewer cases: beside a busy neighbour they wait for each other.</summary>
    private static IEnumerable<(ScalarType Type, int Threads, bool ChannelsLast)> Circumstances(bool withTwoThreads) =>
        from type in (ScalarType[])[ScalarType.Float64, ScalarType.Float32, ScalarType.BFloat16]
        from threads in (int[])[1, 2]
        from channelsLast in (bool[])[false, true]
        where threads == 1 || (withTwoThreads && type != ScalarType.Float64 && !channelsLast)
        select (type, threads, channelsLast);

    private static void Check(
        ScalarType type, int threads, bool channelsLast, int size, Func<long, long, long[]> weightShape,
        Func<Tensor, Tensor, Tensor, Tensor> actual, Func<Tensor, Tensor, Tensor, Tensor> expected)
    {
        var tolerance = type switch { ScalarType.Float64 => 1e-12, ScalarType.Float32 => 1e-5, _ => 2e-2 };
        var wrong = new StringBuilder();
        foreach (var (inChannels, outChannels) in threads == 1 ? Channels : FewChannels)
        {
            using var scope = NewDisposeScope();
            using var generator = new Generator(1);
            // Values that bfloat16 holds exactly, so that only the arithmetic is compared.
            Tensor Draw(params long[] shape) => randn(shape, generator: generator).bfloat16().to(float64);
            var (x, b) = (Draw(Batch, inChannels, size, size), Draw(outChannels));
            var w = Draw(weightShape(inChannels, outChannels));
            using var reference = expected(x, w, b);
            var g = Draw(reference.shape);

            var input = channelsLast ? Convolution.ChannelsLast(x.to(type)) : x.to(type);
            var parameters = type == ScalarType.Float64 ? type : ScalarType.Float32;
            var got = WithThreads(threads, () => Results(actual, input, w.to(parameters), b.to(parameters), g.to(type)));
            var wanted = Results(expected, x, w, b, g);
            foreach (var (name, value, truth) in ((string[])["output", "input gradient", "weight gradient", "bias gradient"]).Zip(got, wanted))
            {
                var error = ((value.to(float64) - truth).abs().max() / truth.abs().max()).item<double>();
                if (!(error < tolerance)) wrong.AppendLine($"{inChannels}→{outChannels} {name}: {error:g2}");
            }
        }
        Assert.True(wrong.Length == 0, wrong.ToString());
    }

    private static Tensor[] WithThreads(int threads, Func<Tensor[]> work)
    {
        set_num_threads(threads);
        try
        {
            return work();
        }
        finally
        {
            set_num_threads(1);
        }
    }

    private static Tensor[] Results(Func<Tensor, Tensor, Tensor, Tensor> function, Tensor x, Tensor w, Tensor b, Tensor gradient)
    {
        Tensor[] inputs = [.. new[] { x, w, b }.Select(input => input.detach().requires_grad_())];
        var y = function(inputs[0], inputs[1], inputs[2]);
        return [y, .. autograd.grad([y], inputs, [gradient])];
    }
}

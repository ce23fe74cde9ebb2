using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Imago.Layers;

/// <summary>PyTorch's default initialisation of convolutions, linear layers and embeddings, draw for draw from the default generator.</summary>
internal static class Initialization
{
    [ThreadStatic]
    private static Place? place;

    /// <summary>
    /// Until the result is disposed, layers that are built on this thread and name no device make their parameters there; without <paramref name="draw"/> they are
    /// left without values, for a file that fills them.
    /// </summary>
    internal static IDisposable On(Device device, bool draw) => place = new Place(device, draw, place?.Type ?? ScalarType.Float32, place);

    /// <summary>
    /// Until the result is disposed, matrices, kernels, biases and tables that are built on this thread are held in a type, kernels channels-last, as
    /// <see cref="InferenceWeights.Hold"/> would hold them. Normalisations stay in float32.
    /// </summary>
    internal static IDisposable In(ScalarType type) => place = new Place(place?.Device, IsDrawing, type, place);

    /// <summary>Where a layer makes its parameters.</summary>
    internal static Device? DeviceOr(Device? chosen) => chosen ?? place?.Device;

    /// <summary>
    /// Uniform in ±1/√fan_in, written as PyTorch computes it: Kaiming uniform (He et al. 2015, eq. 10) with the gain of a leaky ReLU of slope √5.
    /// The fan is counted over all axes but the first.
    /// </summary>
    internal static Parameter Weight(Device? device, params long[] shape)
    {
        var weight = Empty(device, shape);
        var slope = Math.Sqrt(5);
        var gain = Math.Sqrt(2 / (1 + slope * slope));
        var bound = Math.Sqrt(3) * (gain / Math.Sqrt(Fan(weight)));
        return new Parameter(Uniform(weight, bound));
    }

    /// <summary>Uniform in ±1/√fan_in of the weight that it belongs to.</summary>
    internal static Parameter Bias(Tensor weight, long size) =>
        new(Uniform(empty(size, dtype: weight.dtype, device: weight.device), 1 / Math.Sqrt(Fan(weight))));

    /// <summary>Standard normal, of deviation <paramref name="scale"/>.</summary>
    internal static Parameter Normal(Device? device, double scale, params long[] shape)
    {
        using var _ = no_grad();
        var table = Empty(device, shape);
        return new Parameter(IsDrawing ? table.normal_(0, scale) : table);
    }

    /// <summary>Whether layers get first weights.</summary>
    internal static bool IsDrawing => place?.Draw ?? true;

    private static Tensor Empty(Device? device, long[] shape)
    {
        var type = place?.Type ?? ScalarType.Float32;
        return shape is [var o, var i, var height, var width] && type != ScalarType.Float32
            ? empty([o, height, width, i], dtype: type, device: DeviceOr(device)).permute(0, 3, 1, 2)
            : empty(shape, dtype: type, device: DeviceOr(device));
    }

    private static long Fan(Tensor weight) => weight.shape.Skip(1).Aggregate(1L, (product, size) => product * size);

    private static Tensor Uniform(Tensor tensor, double bound)
    {
        using var _ = no_grad();
        return IsDrawing ? tensor.uniform_(-bound, bound) : tensor;
    }

    private sealed record Place(Device? Device, bool Draw, ScalarType Type, Place? Before) : IDisposable
    {
        public void Dispose() => place = Before;
    }
}

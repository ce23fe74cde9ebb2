using System.Runtime.InteropServices;
using Imago.Layers.Kernels;
using Imago.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Layers;

/// <summary>
/// Group normalisation of a map with what stands around it in residual blocks, as one operation with a gradient: a(norm(x + addend)·weight + bias), a SiLU or nothing. On
/// processors with AVX-512 it is a kernel of Imago's own, elsewhere libtorch's operations one after the other.
/// </summary>
internal static class FusedGroupNorm
{
    /// <summary>Normalises.</summary>
    /// <param name="x">[B, C, H, W], any layout.</param>
    /// <param name="groups">Groups of channels.</param>
    /// <param name="weight">Scales [C], or [B, C].</param>
    /// <param name="bias">Shifts, of the same shape.</param>
    /// <param name="eps">Added to the variance.</param>
    /// <param name="addend">Added to x first, [B, C]; or nothing.</param>
    /// <param name="silu">Whether SiLU stands behind.</param>
    /// <returns>[B, C, H, W], channels-last.</returns>
    internal static Tensor Apply(Tensor x, long groups, Tensor weight, Tensor bias, double eps, Tensor? addend = null, bool silu = false) => WrappedTensorDisposeScope(() =>
    {
        if (!IsKernelFor(x)) return Composed(x, groups, weight, bias, eps, addend, silu);
        long[] shape = [x.shape[0], x.shape[1]];
        Tensor?[] inputs = [Convolution.ChannelsLast(x), weight.expand(shape), bias.expand(shape), addend];
        var call = new Call(inputs, (int)groups, eps, silu);
        return is_grad_enabled() && inputs.Any(input => input?.requires_grad == true) ? Function.apply([call, .. inputs.OfType<Tensor>()]) : call.Forward(inputs[0]!);
    });

    /// <summary>By libtorch's own operations.</summary>
    internal static Tensor Composed(Tensor x, long groups, Tensor weight, Tensor bias, double eps, Tensor? addend, bool silu)
    {
        if (addend is not null) x = x + addend.unsqueeze(-1).unsqueeze(-1);
        var isSlow = x.dim() == 4 && x.shape[1] / groups < 8 && is_grad_enabled();
        if (isSlow) x = x.contiguous();                 // libtorch's gradient for small channels-last groups takes several times as long
        var y = weight.dim() == 1
            ? nn.functional.group_norm(x, groups, weight, bias, eps)
            : OfEachImage(bias).addcmul(nn.functional.group_norm(x, groups, null, null, eps), OfEachImage(weight), 1);
        if (isSlow) y = Convolution.ChannelsLast(y);
        return silu ? nn.functional.silu(y) : y;

        Tensor OfEachImage(Tensor numbers) => numbers.to(x.dtype).unsqueeze(-1).unsqueeze(-1);
    }

    private static bool IsKernelFor(Tensor x) =>
        !PlainPaths.AreTaken && Lanes.IsSupported && x.device_type == DeviceType.CPU && Lanes.Reads(x.dtype) && x.dim() == 4 && x.shape[1] % GroupedMap.ChannelStep == 0 && x.numel() > 0;

    /// <summary>One use of the kernel: inputs are channels-last x, weight and bias [B, C], addend [B, C] or null.</summary>
    private sealed class Call
    {
        private readonly GroupedMap _map;
        private readonly bool _silu;
        private readonly double _eps;
        private readonly GroupNormTerms _terms;

        internal Call(Tensor?[] inputs, int groups, double eps, bool silu)
        {
            (_eps, _silu) = (eps, silu);
            var shape = inputs[0]!.shape;
            _map = new GroupedMap((int)shape[0], (int)(shape[2] * shape[3]), (int)shape[1], groups);
            _terms = new GroupNormTerms(_map, inputs[3] is { } addend ? Values(addend) : null, Values(inputs[1]!), Values(inputs[2]!), eps);
        }

        internal Tensor Forward(Tensor x)
        {
            var y = EmptyLike(x);
            if (x.dtype == ScalarType.Float32) GroupNormKernel<Float32Lanes>.Run(_map, Address(x), _terms, _silu, Address(y));
            else GroupNormKernel<BFloat16Lanes>.Run(_map, Address(x), _terms, _silu, Address(y));
            return y;
        }

        /// <summary>The gradients of the inputs.</summary>
        internal Tensor?[] Backward(List<Tensor> inputs, Tensor gradient)
        {
            var (x, dy, dx) = (inputs[0], Convolution.ChannelsLast(gradient), EmptyLike(inputs[0]));
            var numbers = x.dtype == ScalarType.Float32
                ? GroupNormKernel<Float32Lanes>.Backward(_map, Address(x), Address(dy), _terms, _silu, Address(dx))
                : GroupNormKernel<BFloat16Lanes>.Backward(_map, Address(x), Address(dy), _terms, _silu, Address(dx));
            float[][] others = [numbers.OfWeight, numbers.OfBias, numbers.OfAddend];
            return [dx, .. inputs.Skip(1).Zip(others, (input, values) => tensor(values).view(_map.Batch, _map.Channels).to(input.dtype))];
        }

        /// <summary>The gradients of the inputs, with gradients of their own.</summary>
        internal Tensor?[] DifferentiableBackward(List<Tensor> inputs, Tensor gradient)
        {
            var y = Composed(inputs[0], _map.Groups, inputs[1], inputs[2], _eps, inputs.ElementAtOrDefault(3), _silu);
            var gradients = new Queue<Tensor>(autograd.grad([y], [.. inputs.Where(input => input.requires_grad)], [gradient], retain_graph: true, create_graph: true));
            return [.. inputs.Select(input => input.requires_grad ? gradients.Dequeue() : null)];
        }

        private static Tensor EmptyLike(Tensor x) => empty([x.shape[0], x.shape[2], x.shape[3], x.shape[1]], dtype: x.dtype).permute(0, 3, 1, 2);

        private static nint Address(Tensor x) => NativeTensors.DataPointer(x);

        private static float[] Values(Tensor numbers)
        {
            using var values = numbers.detach().to(ScalarType.Float32).contiguous();
            var array = new float[values.numel()];
            Marshal.Copy(Address(values), array, 0, array.Length);
            return array;
        }
    }

    private sealed class Function : autograd.SingleTensorFunction<Function>
    {
        /// <summary>libtorch takes the gradients over after <see cref="backward"/> has returned them, so the thread's next call disposes them.</summary>
        [ThreadStatic]
        private static Tensor?[]? returned;

        public override string Name => nameof(FusedGroupNorm);

        public override Tensor forward(autograd.AutogradContext context, params object[] given)
        {
            context.save_for_backward([.. given.Skip(1).Cast<Tensor>()]);
            context.save_data(nameof(Call), given[0]);
            return ((Call)given[0]).Forward((Tensor)given[1]);
        }

        public override List<Tensor> backward(autograd.AutogradContext context, Tensor gradient)
        {
            foreach (var tensor in returned ?? []) tensor?.Dispose();
            using var given = gradient;                     // made for this call; the step's scope would keep it to the end
            using var scope = NewDisposeScope();
            var inputs = context.get_saved_variables();
            var call = (Call)context.get_data(nameof(Call));
            returned = is_grad_enabled() ? call.DifferentiableBackward(inputs, gradient) : call.Backward(inputs, gradient);
            foreach (var tensor in returned) tensor?.DetachFromDisposeScope();
            return [null!, .. returned.Select(tensor => tensor!)];
        }
    }
}

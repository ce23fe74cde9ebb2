using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Weights;

/// <summary>Tensors over memory that is not libtorch's, and the memory of tensors: what TorchSharp keeps to itself.</summary>
internal static unsafe partial class NativeTensors
{
    /// <summary>A contiguous CPU tensor over memory of someone else; <paramref name="release"/> is called with <paramref name="data"/> when its storage goes.</summary>
    internal static Tensor Over(nint data, ScalarType type, ReadOnlySpan<long> shape, delegate* unmanaged<nint, void> release)
    {
        long scalar = 0;
        fixed (long* sizes = shape)
        {
            var handle = THSTensor_new(data, release, sizes is null ? &scalar : sizes, shape.Length, (sbyte)type, (sbyte)type, (int)DeviceType.CPU, -1, 0);
            return handle != 0 ? Tensor.UnsafeCreateTensor(handle) : throw new InvalidOperationException($"libtorch could not make a tensor of shape [{string.Join(", ", shape.ToArray())}].");
        }
    }

    /// <summary>The address of a tensor's first element.</summary>
    internal static nint DataPointer(Tensor tensor) => THSTensor_data(tensor.Handle);

    [LibraryImport("LibTorchSharp")]
    private static partial nint THSTensor_new(nint data, delegate* unmanaged<nint, void> release, long* sizes, int dimensions, sbyte type, sbyte dtype, int deviceType, int deviceIndex, byte requiresGrad);

    [LibraryImport("LibTorchSharp")]
    private static partial nint THSTensor_data(nint tensor);
}

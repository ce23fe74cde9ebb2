using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Training;

/// <summary>What a loss function is told beside its batch.</summary>
/// <param name="Step">Steps made before this one.</param>
/// <param name="Epoch">Passes through the data completed before this step's first batch.</param>
/// <param name="TotalSteps">Steps of the whole run; an estimate where only the clock ends it.</param>
/// <param name="Fraction">The share of the run that is done, [0, 1].</param>
/// <param name="IsTraining">False in an evaluation on held-out data.</param>
/// <param name="ComputeType">The type to cast the batch to before the network sees it; losses are computed in float32.</param>
/// <param name="Noise">The generator of all noise. It is part of the run's state; in an evaluation it is another one, the same each time.</param>
public sealed record StepContext(long Step, int Epoch, long TotalSteps, double Fraction, bool IsTraining, ScalarType ComputeType, Generator Noise)
{
    /// <summary>Standard normal noise, float32, drawn on the CPU whatever the device: the same everywhere.</summary>
    public Tensor Normal(ReadOnlySpan<long> shape, Device? device = null)
    {
        var noise = randn(shape, dtype: float32, generator: Noise);
        return device is null || device.type == DeviceType.CPU ? noise : noise.to(device, disposeAfter: true);
    }
}

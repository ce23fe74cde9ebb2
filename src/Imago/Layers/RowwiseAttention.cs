using Imago.Layers.Kernels;
using Imago.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Layers;

/// <summary>
/// Attention without gradient in bfloat16 on the CPU, some rows of one head after the other: two matrix products with a softmax kernel of Imago's own between them. It takes a
/// third of the time of libtorch's fused attention, at any length, and never holds more logits than <see cref="LogitsAtOnce"/>.
/// </summary>
internal static class RowwiseAttention
{
    private const long LogitsAtOnce = 4 << 20;

    /// <summary>Below that many logits of a head the calls would cost more than they save.</summary>
    private const long WorthwhileLogits = 1 << 14;

    /// <summary>Whether the inputs are for it.</summary>
    internal static bool Takes(Tensor q, Tensor k, Tensor v) =>
        Lanes.IsSupported && q.dtype == ScalarType.BFloat16 && k.dtype == q.dtype && v.dtype == q.dtype && q.device_type == DeviceType.CPU && q.shape[1] * k.shape[1] >= WorthwhileLogits
        && !(is_grad_enabled() && (q.requires_grad || k.requires_grad || v.requires_grad));

    /// <summary>softmax(q·kᵀ/√d)·v of every head.</summary>
    /// <param name="q">Queries [B, L, heads·d].</param>
    /// <param name="k">Keys [B, S, heads·d].</param>
    /// <param name="v">Values [B, S, heads·d].</param>
    /// <param name="heads">Number of heads.</param>
    /// <returns>[B, L, heads·d].</returns>
    internal static Tensor Attend(Tensor q, Tensor k, Tensor v, long heads)
    {
        var y = empty(q.shape, dtype: q.dtype);
        var (ofQ, ofK, ofV, ofY) = (MultiHeadAttention.Split(q, heads), MultiHeadAttention.Split(k, heads), MultiHeadAttention.Split(v, heads), MultiHeadAttention.Split(y, heads));
        var rows = Math.Max(1, LogitsAtOnce / k.shape[1]);
        for (var image = 0L; image < q.shape[0]; image++)
        {
            for (var head = 0L; head < heads; head++)
            {
                for (var first = 0L; first < q.shape[1]; first += rows)
                {
                    using var scope = NewDisposeScope();
                    var count = Math.Min(rows, q.shape[1] - first);
                    ofY[image, head].narrow(0, first, count).copy_(OfRows(ofQ[image, head].narrow(0, first, count), ofK[image, head], ofV[image, head]));
                }
            }
        }
        return y;
    }

    /// <summary>The softmax's exponentials times the values, divided by the exponentials' sums.</summary>
    private static Tensor OfRows(Tensor q, Tensor k, Tensor v)
    {
        var logits = q.matmul(k.t());
        var inverseSums = new float[logits.shape[0]];
        SoftmaxKernel.Run(NativeTensors.DataPointer(logits), inverseSums.Length, (int)logits.shape[1], (float)(1 / Math.Sqrt(q.shape[1])), inverseSums);
        return logits.matmul(v).to(ScalarType.Float32) * tensor(inverseSums).unsqueeze(1);
    }
}

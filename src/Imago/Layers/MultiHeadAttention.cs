using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Layers;

/// <summary>softmax(q·kᵀ/√d + bias)·v for several heads at once (Vaswani et al. 2017): the one place through which all attention goes.</summary>
public static class MultiHeadAttention
{
    /// <summary>Attention of queries to keys; the heads are consecutive slices of the features.</summary>
    /// <param name="q">Queries [B, L, heads·d].</param>
    /// <param name="k">Keys [B, S, heads·d].</param>
    /// <param name="v">Values [B, S, heads·d].</param>
    /// <param name="heads">Number of heads.</param>
    /// <param name="bias">Added to the logits; broadcasts to [B, heads, L, S].</param>
    /// <param name="causal">Whether a query sees only the keys up to its own position; not together with <paramref name="bias"/>.</param>
    /// <returns>[B, L, heads·d].</returns>
    public static Tensor Attend(Tensor q, Tensor k, Tensor v, long heads, Tensor? bias = null, bool causal = false) => WrappedTensorDisposeScope(() =>
    {
        if (!PlainPaths.AreTaken && bias is null && !causal && RowwiseAttention.Takes(q, k, v)) return RowwiseAttention.Attend(q, k, v, heads);
        var (ofQ, ofK, ofV) = (Split(q, heads), Split(k, heads), Split(v, heads));
        return Merge(PlainPaths.AreTaken || HasSlowGradient(q, k, v)
            ? Explicit(ofQ, ofK, ofV, causal ? CausalBias(q, k) : bias?.to(q.dtype))
            : nn.functional.scaled_dot_product_attention(ofQ, ofK, ofV, bias?.to(q.dtype), 0, causal));
    });

    /// <summary>
    /// libtorch's fused attention recomputes the weights in its gradient, which in half precision on a CPU takes three to ten times as long as keeping them. Sequences so long
    /// that the weights would not fit stay with it.
    /// </summary>
    private static bool HasSlowGradient(Tensor q, Tensor k, Tensor v) =>
        q.dtype != ScalarType.Float32 && q.device_type == DeviceType.CPU && is_grad_enabled() && (q.requires_grad || k.requires_grad || v.requires_grad)
        && q.shape[1] * k.shape[1] <= 4096 * 1024;

    private static Tensor Explicit(Tensor q, Tensor k, Tensor v, Tensor? bias)
    {
        var logits = (q / Math.Sqrt(q.shape[^1])).matmul(k.transpose(-2, -1));
        return (bias is null ? logits : logits + bias).softmax(-1).matmul(v);
    }

    /// <summary>−∞ where the key comes after the query, [L, S].</summary>
    private static Tensor CausalBias(Tensor q, Tensor k) => full(q.shape[1], k.shape[1], double.NegativeInfinity, q.dtype, q.device).triu(1);

    /// <summary>[B, L, heads·d] → [B, heads, L, d], without a copy.</summary>
    internal static Tensor Split(Tensor x, long heads) => x.unflatten(2, [heads, x.shape[2] / heads]).transpose(1, 2);

    /// <summary>[B, heads, L, d] → [B, L, heads·d].</summary>
    internal static Tensor Merge(Tensor x) => x.transpose(1, 2).flatten(2);
}

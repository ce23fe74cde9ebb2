using Imago.Layers;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Imago.Golden.Networks;

/// <summary>A network's tensors by key, and the layers that they make: the tiny networks of the reference runs are functions of these, in any precision.</summary>
internal sealed class NamedWeights
{
    private static readonly string[] BufferNames = ["running_mean", "running_var", "num_batches_tracked"];
    private readonly Dictionary<string, Tensor> _tensors = [];

    /// <summary>Copies of stored tensors in the given precision; all but batch statistics are leaves with gradients.</summary>
    internal NamedWeights(IEnumerable<KeyValuePair<string, Tensor>> stored, ScalarType type, Func<string, bool>? isTrained = null)
    {
        using var noGrad = no_grad();
        foreach (var (key, value) in stored)
        {
            var copy = value.is_floating_point() ? value.detach().to(type, copy: true) : value.clone();
            _tensors[key] = IsBuffer(key) || isTrained?.Invoke(key) == false ? copy : copy.requires_grad_();
        }
    }

    internal Tensor this[string key] => _tensors[key];

    internal IEnumerable<KeyValuePair<string, Tensor>> All => _tensors;

    internal IReadOnlyList<(string Name, Tensor Value)> Parameters => [.. _tensors.Where(entry => entry.Value.requires_grad).Select(entry => (entry.Key, entry.Value))];

    internal IReadOnlyList<(string Name, Tensor Value)> Buffers => [.. _tensors.Where(entry => IsBuffer(entry.Key)).Select(entry => (entry.Key, entry.Value))];

    internal Tensor Linear(string name, Tensor x) => linear(x, this[$"{name}.weight"].to(x.dtype), Bias(name)?.to(x.dtype));

    internal Tensor Conv(string name, Tensor x, int stride = 1, int padding = 1) =>
        Convolution.Conv2d(x, this[$"{name}.weight"], Bias(name), (stride, stride), (padding, padding));

    internal Tensor ConvTranspose(string name, Tensor x, int stride = 2, int padding = 1) =>
        Convolution.ConvTranspose2d(x, this[$"{name}.weight"], Bias(name), (stride, stride), (padding, padding), (0, 0));

    internal Tensor GroupNorm(string name, Tensor x, int groups) => group_norm(x, groups, this[$"{name}.weight"], this[$"{name}.bias"]);

    /// <summary>Normalises with the batch's statistics and moves the running ones by a tenth.</summary>
    internal Tensor BatchNorm(string name, Tensor x)
    {
        this[$"{name}.num_batches_tracked"].add_(1);
        return batch_norm(x, this[$"{name}.running_mean"], this[$"{name}.running_var"], this[$"{name}.weight"], this[$"{name}.bias"], training: true, momentum: 0.1);
    }

    internal Tensor Embedding(string name, Tensor indices) => this[$"{name}.weight"].index_select(0, indices);

    /// <summary>softmax(q·kᵀ/√d)·v for heads that lie one after the other in each of q, k, v: [B, L, C].</summary>
    internal static Tensor Attend(Tensor q, Tensor k, Tensor v, int heads)
    {
        Tensor Heads(Tensor t) => t.reshape(t.shape[0], t.shape[1], heads, -1).transpose(1, 2);
        var width = q.shape[^1] / heads;
        return softmax(Heads(q).matmul(Heads(k).transpose(-1, -2)) / Math.Sqrt(width), -1).matmul(Heads(v)).transpose(1, 2).flatten(2);
    }

    /// <summary>[cos(t·f), sin(t·f)] with f_i = 10000^(−i/half): [B, 2·half].</summary>
    internal static Tensor TimeEmbedding(Tensor t, int half, ScalarType type)
    {
        var f = (-Math.Log(10000) * arange(half, dtype: type) / half).exp();
        var angles = t.to(type).unsqueeze(1) * f;
        return cat([angles.cos(), angles.sin()], 1);
    }

    private Tensor? Bias(string name) => _tensors.GetValueOrDefault($"{name}.bias");

    private static bool IsBuffer(string key) => BufferNames.Any(name => key.EndsWith($".{name}", StringComparison.Ordinal));
}

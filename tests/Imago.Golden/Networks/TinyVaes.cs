using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Imago.Golden.Networks;

/// <summary>The small autoencoders of the reference runs: images and noise in, mean and log-variance and raw output out.</summary>
internal static class TinyVaes
{
    internal readonly record struct Output(Tensor Mean, Tensor LogVar, Tensor Raw);

    internal static Output Mlp(NamedWeights w, Tensor x, Tensor eps, ScalarType compute)
    {
        var h = w.Linear("encoder.lin2", w.Linear("encoder.lin1", x.flatten(1).to(compute)).tanh()).tanh();
        var (mean, logVar) = (w.Linear("encoder.mu", h).to(x.dtype), w.Linear("encoder.logvar", h).to(x.dtype));
        h = w.Linear("decoder.lin2", w.Linear("decoder.lin1", Sample(mean, logVar, eps).to(compute)).tanh()).tanh();
        return new Output(mean, logVar, w.Linear("decoder.out", h).to(x.dtype).view_as(x));
    }

    internal static Output Conv(NamedWeights w, Tensor x, Tensor eps)
    {
        var h = silu(w.GroupNorm("encoder.norm1", w.Conv("encoder.conv1", x, stride: 2), 2));
        h = silu(w.GroupNorm("encoder.norm2", w.Conv("encoder.conv2", h, stride: 2), 4));
        var moments = w.Linear("encoder.head", h.flatten(1)).chunk(2, 1);
        var channels = w["decoder.up1.weight"].shape[0];
        h = w.Linear("decoder.lin", Sample(moments[0], moments[1], eps)).view(x.shape[0], channels, 7, 7);
        h = silu(w.BatchNorm("decoder.norm1", h));
        h = silu(w.GroupNorm("decoder.norm2", w.ConvTranspose("decoder.up1", h), 2));
        return new Output(moments[0], moments[1], w.ConvTranspose("decoder.up2", h));
    }

    internal static Output Seeded(NamedWeights w, Tensor x, Tensor label, Tensor eps)
    {
        var h = silu(w.GroupNorm("norm1", w.Conv("conv1", x, stride: 2), 2));
        h = silu(w.GroupNorm("norm2", w.Conv("conv2", h, stride: 2), 4));
        var tokens = h.flatten(2).transpose(1, 2) + w.Embedding("label", label).unsqueeze(1);
        var qkv = linear(tokens, w["attn.in_proj_weight"], w["attn.in_proj_bias"]).chunk(3, -1);
        tokens = tokens + w.Linear("attn.out_proj", NamedWeights.Attend(qkv[0], qkv[1], qkv[2], heads: 2));
        var moments = w.Linear("head", tokens.mean([1])).chunk(2, 1);
        h = silu(w.Linear("lin", Sample(moments[0], moments[1], eps))).view(x.shape[0], w["up1.weight"].shape[0], 7, 7);
        return new Output(moments[0], moments[1], w.ConvTranspose("up2", silu(w.ConvTranspose("up1", h))));
    }

    private static Tensor Sample(Tensor mean, Tensor logVar, Tensor eps) => mean + (0.5 * logVar).exp() * eps;
}

using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Imago.Golden.Networks;

/// <summary>The small denoisers of the reference runs.</summary>
internal static class TinyDenoisers
{
    private const int Groups = 4;

    internal static Tensor UNet(NamedWeights w, Tensor x, Tensor t, Tensor label)
    {
        var half = (int)w["time1.weight"].shape[1] / 2;
        var e = w.Linear("time2", silu(w.Linear("time1", NamedWeights.TimeEmbedding(t, half, x.dtype)))) + w.Embedding("label", label);
        var a = ResBlock(w, "down1", w.Conv("conv_in", x), e);
        var b = ResBlock(w, "down2", w.Conv("downsample", a, stride: 2), e);
        var h = ResBlock(w, "mid", Attention(w, "attn", b), e);
        h = ResBlock(w, "up2", cat([h, b], 1), e);
        h = w.Conv("upsample", Twice(h));
        h = ResBlock(w, "up1", cat([h, a], 1), e);
        return w.Conv("conv_out", silu(w.GroupNorm("norm_out", h, Groups)));
    }

    internal static Tensor DiT(NamedWeights w, Tensor x, Tensor t, Tensor label, int patch, int heads, int depth)
    {
        var width = (int)w["embed.weight"].shape[0];
        var h = w.Conv("embed", x, stride: patch, padding: 0).flatten(2).transpose(1, 2) + w["position"];
        var c = w.Linear("time2", silu(w.Linear("time1", NamedWeights.TimeEmbedding(1000 * t, width / 2, x.dtype)))) + w.Embedding("label", label);
        for (int i = 0; i < depth; i++) h = Block(w, $"blocks.{i}", h, c, heads);
        var ada = w.Linear("final_ada", silu(c)).unsqueeze(1).chunk(2, -1);
        var patches = w.Linear("final", Modulate(h, ada[0], ada[1]));                             // [B, rows·columns, patch²]
        var (rows, columns) = (x.shape[2] / patch, x.shape[3] / patch);
        return patches.view(x.shape[0], rows, columns, patch, patch).permute(0, 1, 3, 2, 4).reshape(x.shape);
    }

    private static Tensor Block(NamedWeights w, string name, Tensor x, Tensor c, int heads)
    {
        var ada = w.Linear($"{name}.ada", silu(c)).unsqueeze(1).chunk(6, -1);
        var qkv = w.Linear($"{name}.qkv", Modulate(x, ada[0], ada[1])).chunk(3, -1);
        x = x + ada[2] * w.Linear($"{name}.proj", NamedWeights.Attend(qkv[0], qkv[1], qkv[2], heads));
        return x + ada[5] * w.Linear($"{name}.fc2", TanhGelu(w.Linear($"{name}.fc1", Modulate(x, ada[3], ada[4]))));
    }

    private static Tensor Modulate(Tensor x, Tensor shift, Tensor scale) => layer_norm(x, [x.shape[^1]], eps: 1e-6) * (1 + scale) + shift;

    private static Tensor TanhGelu(Tensor x) => 0.5 * x * (1 + (Math.Sqrt(2 / Math.PI) * (x + 0.044715 * x.pow(3))).tanh());

    private static Tensor ResBlock(NamedWeights w, string name, Tensor x, Tensor e)
    {
        var h = w.Conv($"{name}.conv1", silu(w.GroupNorm($"{name}.norm1", x, Groups))) + w.Linear($"{name}.time", silu(e)).unsqueeze(-1).unsqueeze(-1);
        var residual = w.Conv($"{name}.conv2", silu(w.GroupNorm($"{name}.norm2", h, Groups)));
        return residual + (w.All.Any(entry => entry.Key == $"{name}.skip.weight") ? w.Conv($"{name}.skip", x, padding: 0) : x);
    }

    private static Tensor Attention(NamedWeights w, string name, Tensor x)
    {
        var tokens = w.GroupNorm($"{name}.norm", x, Groups).flatten(2).transpose(1, 2);
        var qkv = w.Linear($"{name}.qkv", tokens).chunk(3, -1);
        return x + w.Linear($"{name}.out", NamedWeights.Attend(qkv[0], qkv[1], qkv[2], heads: 2)).transpose(1, 2).view_as(x);
    }

    internal static Tensor Twice(Tensor x) => x.repeat_interleave(2, 2).repeat_interleave(2, 3);
}

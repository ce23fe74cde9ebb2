using Imago.Layers;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Imago.Models;

/// <summary>
/// A small transformer that reads tokens in both directions, trained together with the network that it serves: blocks x + Attention(Norm(x)), x + Mlp(Norm(x)).
/// The token −1 has an embedding of its own: at the first place it stands for "nothing is said", elsewhere for "no token here", which nothing attends to.
/// </summary>
public sealed class TextTransformer : nn.Module
{
    private readonly Embedding token_embedding;
    private readonly Parameter position_embedding;
    private readonly ModuleList<TextBlock> blocks;
    private readonly LayerNorm norm;
    private readonly Linear pooling;
    private readonly int _vocabulary;

    internal TextTransformer(int vocabulary, int length, int width, int layers, int heads, int pooledWidth)
        : base(nameof(TextTransformer))
    {
        _vocabulary = vocabulary;
        token_embedding = new Embedding(vocabulary + 1, width, std: 0.02);
        position_embedding = new Parameter(0.02 * randn(length, width));
        blocks = nn.ModuleList([.. Enumerable.Range(0, layers).Select(_ => new TextBlock(width, heads))]);
        norm = new LayerNorm(width);
        pooling = new Linear(width, pooledWidth);
        RegisterComponents();
    }

    /// <summary>Length of the vector for a whole text, D.</summary>
    public long PooledWidth => pooling.weight.shape[0];

    /// <summary>Reads texts.</summary>
    /// <param name="ids">int64 [B, L], −1 after the end.</param>
    /// <param name="type">The type of the computation.</param>
    /// <returns>One vector for each token [B, L, W]; one for the whole text [B, D], from the mean over its tokens; and fp32 [B, L], 1 for each token that counts.</returns>
    public (Tensor Tokens, Tensor Pooled, Tensor Mask) forward(Tensor ids, ScalarType type)
    {
        var first = arange(ids.shape[1], device: ids.device).eq(0);
        var counts = ids.ge(0).logical_or(first);
        var x = (token_embedding.call(where(ids.ge(0), ids, full_like(ids, _vocabulary))) + position_embedding).to(type);
        var bias = zeros_like(counts, dtype: type).masked_fill(counts.logical_not(), double.NegativeInfinity).unsqueeze(1).unsqueeze(1);     // [B, 1, 1, L]
        foreach (var block in blocks) x = block.forward(x, bias);
        var tokens = norm.call(x);
        var mask = counts.to(type).unsqueeze(-1);
        var mean = (tokens * mask).sum([1L]) / mask.sum([1L]);
        return (tokens, pooling.call(mean), counts.to(float32));
    }
}

/// <summary>One block of a <see cref="TextTransformer"/>.</summary>
internal sealed class TextBlock : nn.Module
{
    private readonly LayerNorm norm1;
    private readonly Linear to_qkv;
    private readonly Linear to_out;
    private readonly LayerNorm norm2;
    private readonly Linear up;
    private readonly Linear down;
    private readonly int _heads;

    internal TextBlock(int width, int heads)
        : base(nameof(TextBlock))
    {
        _heads = heads;
        norm1 = new LayerNorm(width);
        to_qkv = new Linear(width, 3 * width);
        to_out = new Linear(width, width);
        norm2 = new LayerNorm(width);
        up = new Linear(width, 4 * width);
        down = new Linear(4 * width, width);
        RegisterComponents();
    }

    /// <param name="x">[B, L, W].</param>
    /// <param name="bias">Added to the logits of attention: −∞ for tokens that are not attended to.</param>
    internal Tensor forward(Tensor x, Tensor bias)
    {
        var qkv = to_qkv.call(norm1.call(x)).chunk(3, -1);
        var y = x + to_out.call(MultiHeadAttention.Attend(qkv[0], qkv[1], qkv[2], _heads, bias));
        return y + down.call(nn.functional.gelu(up.call(norm2.call(y))));
    }
}

using Imago.Layers;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Imago.Models.Blocks;

/// <summary>What stands behind a residual block: (x, context [B, M, D] or null, bias of its logits [B, 1, 1, M] or null) → like x.</summary>
internal abstract class BlockAttention(string name) : nn.Module<Tensor, Tensor?, Tensor?, Tensor>(name)
{
    /// <summary>The last layer of the branch begins at zero, so that a fresh block passes its input on.</summary>
    internal abstract void ZeroBranch();
}

/// <summary>What an <see cref="Attention"/> is made of.</summary>
/// <param name="Channels">Of its input and output.</param>
/// <param name="Heads">Number of heads.</param>
/// <param name="HeadWidth">Channels of a head.</param>
internal sealed record AttentionShape(int Channels, int Heads, int HeadWidth)
{
    /// <summary>Channels of what is attended to, if it is not the input itself.</summary>
    internal int? ContextChannels { get; init; }

    /// <summary>Whether queries, keys and values have a bias; the output always has.</summary>
    internal bool Bias { get; init; }

    /// <summary>Groups of a normalisation before it.</summary>
    internal int? NormGroups { get; init; }

    /// <summary>Added to the variance of that normalisation.</summary>
    internal double NormEps { get; init; } = 1e-5;

    /// <summary>What the sum of output and input is divided by on a feature map.</summary>
    internal double OutputScale { get; init; } = 1;

    /// <summary>The attention over all positions of a feature map, with biases and a normalisation before it.</summary>
    internal static AttentionShape OverMap(int channels, int headWidth, int? normGroups, double eps, double outputScale = 1) =>
        new(channels, channels / headWidth, headWidth) { Bias = true, NormGroups = normGroups, NormEps = eps, OutputScale = outputScale };
}

/// <summary>
/// Self- and cross-attention; fields are the keys of diffusers' <c>Attention</c>. On tokens [B, L, C] it is the attention alone. On a feature map [B, C, H, W] it is
/// (x + attention(norm x)) / scale with its positions, row by row, as tokens.
/// </summary>
internal sealed class Attention : BlockAttention
{
    private readonly int _heads;
    private readonly double _scale;
    private readonly GroupNorm? group_norm;
    private readonly Linear to_q;
    private readonly Linear to_k;
    private readonly Linear to_v;
    private readonly ModuleList<Linear> to_out;

    internal Attention(AttentionShape shape)
        : base(nameof(Attention))
    {
        (_heads, _scale) = (shape.Heads, shape.OutputScale);
        var (inner, context) = (shape.Heads * shape.HeadWidth, shape.ContextChannels ?? shape.Channels);
        group_norm = shape.NormGroups is { } groups ? new GroupNorm(groups, shape.Channels, shape.NormEps) : null;
        to_q = new Linear(shape.Channels, inner, shape.Bias);
        to_k = new Linear(context, inner, shape.Bias);
        to_v = new Linear(context, inner, shape.Bias);
        to_out = nn.ModuleList(new Linear(inner, shape.Channels));
        RegisterComponents();
    }

    /// <summary>Whether every token sees itself alone, so that its value stands for the attention (Ahn et al. 2024).</summary>
    internal bool IsIsolated { get; set; }

    /// <summary>Attends.</summary>
    /// <param name="x">Tokens [B, L, C] or a feature map [B, C, H, W].</param>
    /// <param name="context">What is attended to, [B, M, D]; null for x itself.</param>
    /// <param name="bias">Added to the logits, [B, 1, 1, M]; or none.</param>
    public override Tensor forward(Tensor x, Tensor? context, Tensor? bias) => WrappedTensorDisposeScope(() => x.dim() == 4 ? OnMap(x) : OnTokens(x, context, bias));

    internal override void ZeroBranch() => Zero.Fill(to_out[0]);

    /// <summary>A mask of 1 for what counts as an addition to the logits: (1 − mask) · (−10000), as diffusers has it (not −∞).</summary>
    /// <param name="mask">[B, M], numbers or booleans.</param>
    /// <param name="type">Of the result.</param>
    /// <returns>[B, 1, 1, M].</returns>
    internal static Tensor BiasOf(Tensor mask, ScalarType type) => ((1 - mask.to(type)) * -10000).unsqueeze(1).unsqueeze(1);

    private Tensor OnTokens(Tensor x, Tensor? context, Tensor? bias)
    {
        context ??= x;
        if (IsIsolated) return to_out[0].call(to_v.call(context));
        return to_out[0].call(MultiHeadAttention.Attend(to_q.call(x), to_k.call(context), to_v.call(context), _heads, bias));
    }

    private Tensor OnMap(Tensor x)
    {
        var y = x + FeatureMap.FromTokens(OnTokens(FeatureMap.ToTokens(x.Through(group_norm)), null, null), x);
        return _scale == 1 ? y : y / _scale;
    }
}

/// <summary>A feature map as tokens and back; without a copy where it is channels-last.</summary>
internal static class FeatureMap
{
    /// <summary>[B, C, H, W] → [B, H·W, C], row by row.</summary>
    internal static Tensor ToTokens(Tensor x) => x.permute(0, 2, 3, 1).flatten(1, 2);

    /// <summary>[B, H·W, C] → [B, C, H, W] with the height and width of another map.</summary>
    internal static Tensor FromTokens(Tensor tokens, Tensor like) => tokens.unflatten(1, [like.shape[2], like.shape[3]]).permute(0, 3, 1, 2);
}

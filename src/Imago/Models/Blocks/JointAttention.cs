using Imago.Layers;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Imago.Models.Blocks;

/// <summary>Which parts a <see cref="JointAttention"/> has.</summary>
internal enum TextStream
{
    /// <summary>There is no text: self-attention of the image.</summary>
    Absent,

    /// <summary>The image attends to text, which itself is not needed any more.</summary>
    In,

    /// <summary>Text comes in and goes out.</summary>
    InAndOut,
}

/// <summary>
/// Attention over image and text tokens together, each with projections of its own (Esser et al. 2024); fields are the keys of diffusers' <c>Attention</c> in
/// <c>SD3Transformer2DModel</c>.
/// </summary>
internal sealed class JointAttention : nn.Module<Tensor, Tensor?, Tensor?, (Tensor Image, Tensor? Text)>
{
    private readonly int _heads;
    private readonly RmsNorm? norm_q;
    private readonly RmsNorm? norm_k;
    private readonly Linear to_q;
    private readonly Linear to_k;
    private readonly Linear to_v;
    private readonly Linear? add_k_proj;
    private readonly Linear? add_v_proj;
    private readonly Linear? add_q_proj;
    private readonly ModuleList<Linear> to_out;
    private readonly Linear? to_add_out;
    private readonly RmsNorm? norm_added_q;
    private readonly RmsNorm? norm_added_k;

    internal JointAttention(int heads, int headWidth, bool hasNorms, TextStream text)
        : base(nameof(JointAttention))
    {
        _heads = heads;
        var width = heads * headWidth;
        RmsNorm? Norm(bool exists) => exists && hasNorms ? new RmsNorm(headWidth) : null;
        Linear? Optional(bool exists) => exists ? new Linear(width, width) : null;
        (norm_q, norm_k) = (Norm(true), Norm(true));
        (to_q, to_k, to_v) = (new Linear(width, width), new Linear(width, width), new Linear(width, width));
        var hasText = text != TextStream.Absent;
        (add_k_proj, add_v_proj, add_q_proj) = (Optional(hasText), Optional(hasText), Optional(hasText));
        to_out = nn.ModuleList(new Linear(width, width));
        to_add_out = Optional(text == TextStream.InAndOut);
        (norm_added_q, norm_added_k) = (Norm(hasText), Norm(hasText));
        RegisterComponents();
    }

    /// <summary>Attends.</summary>
    /// <param name="image">[B, N, D].</param>
    /// <param name="text">[B, L, D]; null where there is no text.</param>
    /// <param name="bias">Added to the logits, [B, 1, 1, N + L]; or none.</param>
    public override (Tensor Image, Tensor? Text) forward(Tensor image, Tensor? text, Tensor? bias)
    {
        var (q, k, v) = (Normed(to_q.call(image), norm_q), Normed(to_k.call(image), norm_k), to_v.call(image));
        if (text is not null)
        {
            q = cat([q, Normed(add_q_proj!.call(text), norm_added_q)], 1);
            k = cat([k, Normed(add_k_proj!.call(text), norm_added_k)], 1);
            v = cat([v, add_v_proj!.call(text)], 1);
        }
        var h = MultiHeadAttention.Attend(q, k, v, _heads, bias);
        return text is null
            ? (to_out[0].call(h), null)
            : (to_out[0].call(h.narrow(1, 0, image.shape[1])), to_add_out?.call(h.narrow(1, image.shape[1], text.shape[1])));
    }

    /// <summary>What is added to the logits so that each place of the image sees itself and the text alone, [1, 1, N + L, N + L].</summary>
    /// <param name="image">[B, N, D].</param>
    /// <param name="textLength">Tokens of the text behind the image's, L.</param>
    internal static Tensor Isolation(Tensor image, long textLength) => WrappedTensorDisposeScope(() =>
    {
        var others = 1 - eye(image.shape[1], dtype: image.dtype, device: image.device);
        return nn.functional.pad(others * -1e30, [0, textLength, 0, textLength]).unsqueeze(0).unsqueeze(0);
    });

    /// <summary>Each head normalised by itself.</summary>
    private Tensor Normed(Tensor x, RmsNorm? norm) => norm is null ? x : norm.call(x.unflatten(2, [_heads, x.shape[2] / _heads])).flatten(2);
}

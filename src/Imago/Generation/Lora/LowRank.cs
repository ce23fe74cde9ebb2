using static TorchSharp.torch;

namespace Imago.Generation.Lora;

/// <summary>
/// The products that small tensors are multiplied out to, and what lengths of rows make of them. A weight [O, I, k, k] is the matrix [O, I·k·k] here, so that linear layers and
/// convolutions are the same.
/// </summary>
internal static class LowRank
{
    /// <summary>Keeps a length of 0 from being divided by; LyCORIS' own.</summary>
    private const double Epsilon = 1.1920929e-7;

    /// <summary>B A: Hu et al. 2022, Eq. 3.</summary>
    /// <param name="up">B, [O, r(, 1, 1)].</param>
    /// <param name="down">A, [r, I(, k, k)].</param>
    internal static Tensor Product(Tensor up, Tensor down) => up.flatten(1).mm(down.flatten(1));

    /// <summary>A kernel whose channels are combined on both sides: Σ up[o, r] core[r, s, k, l] down[s, i] (Tucker 1966; for LoRA: Yeh et al. 2024, section 3).</summary>
    /// <param name="core">[r, s, k, l].</param>
    /// <param name="up">[O, r(, 1, 1)].</param>
    /// <param name="down">[s, I(, 1, 1)].</param>
    internal static Tensor Tucker(Tensor core, Tensor up, Tensor down) => einsum("rskl,or,si->oikl", core, up.flatten(1), down.flatten(1)).flatten(1);

    /// <summary>(w1a w1b) ∘ (w2a w2b), element by element: LoHa, Hyeon-Woo et al. 2022, Proposition 1.</summary>
    internal static Tensor Hadamard(Tensor first, Tensor second) => first * second;

    /// <summary>w1 ⊗ w2: LoKr, Yeh et al. 2024, section 3. With the kernel's axes behind the columns of w2, the product of the matrices is that of the tensors.</summary>
    internal static Tensor Kronecker(Tensor first, Tensor second) => kron(first, second.flatten(1));

    /// <summary>W' = m (W + s Δ) / ‖W + s Δ‖, row by row: DoRA, Liu et al. 2024, Eq. 5, as PEFT has it.</summary>
    /// <param name="weight">W, [O, N].</param>
    /// <param name="delta">Δ, [O, N].</param>
    /// <param name="strength">s.</param>
    /// <param name="magnitude">m, O numbers.</param>
    internal static Tensor Decomposed(Tensor weight, Tensor delta, double strength, Tensor magnitude)
    {
        var v = weight + strength * delta;
        return magnitude.view(-1, 1) * v / Length(v);
    }

    /// <summary>W' = V + s (m V / ‖V‖ − V) with V = W + Δ: DoRA as LyCORIS has it, where the strength does not act on Δ.</summary>
    /// <param name="weight">W, [O, I·k·k].</param>
    /// <param name="delta">Δ, the same.</param>
    /// <param name="strength">s.</param>
    /// <param name="scale">m: [O, 1, …] for the rows, [1, I, …] for the columns, each with all places of its kernel.</param>
    internal static Tensor LycorisDecomposed(Tensor weight, Tensor delta, double strength, Tensor scale)
    {
        var v = weight + delta;
        var ofColumns = scale.shape[0] == 1 && scale.numel() > 1;
        var length = ofColumns ? Length(v.view(v.shape[0], scale.numel(), -1).transpose(0, 1).flatten(1)).view(1, -1, 1) : Length(v).view(-1, 1, 1);
        var factor = scale.reshape(length.shape) / (length + Epsilon);
        return (v.view(v.shape[0], ofColumns ? scale.numel() : 1, -1) * (strength * (factor - 1) + 1)).view(v.shape);
    }

    private static Tensor Length(Tensor rows) => rows.square().sum([1L], keepdim: true).sqrt();
}

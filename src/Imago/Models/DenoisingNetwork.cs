using Imago.Layers;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Models;

/// <summary>
/// What a picture is to be of, as tensors for a network: each field is for the networks that have such an input, and <see langword="null"/> elsewhere.
/// </summary>
public sealed record Conditioning
{
    /// <summary>No condition.</summary>
    public static Conditioning None { get; } = new();

    /// <summary>Class numbers, int64 [B]; or, for networks that take them as such, vectors [B, D].</summary>
    public Tensor? Classes { get; init; }

    /// <summary>Tokens to attend to, [B, L, D].</summary>
    public Tensor? Tokens { get; init; }

    /// <summary>1 for each token that counts, [B, L]; null if all do.</summary>
    public Tensor? TokenMask { get; init; }

    /// <summary>One vector for the whole condition, [B, D]: a pooled text embedding or an embedded attribute vector.</summary>
    public Tensor? Pooled { get; init; }

    /// <summary>Sizes and crops in pixels, [B, 6] or [B, 5] (SDXL's micro-conditioning: original height and width, crop top and left, target height and width or aesthetic score).</summary>
    public Tensor? Sizes { get; init; }

    /// <summary>The embedded guidance scale of guidance-distilled networks, [B, D] (<see cref="SinusoidalEmbedding.OfGuidance"/>).</summary>
    public Tensor? GuidanceEmbedding { get; init; }

    /// <summary>What a ControlNet (Zhang et al. 2023) adds to the skips of a U-Net, in their order: one for the first convolution, each layer and each downsampler.</summary>
    public IReadOnlyList<Tensor>? SkipResiduals { get; init; }

    /// <summary>What a ControlNet adds to the output of a U-Net's middle.</summary>
    public Tensor? MiddleResidual { get; init; }

    /// <summary>Features of a T2I-Adapter (Mou et al. 2023), one for each level of a U-Net's way down.</summary>
    public IReadOnlyList<Tensor>? AdapterFeatures { get; init; }

    /// <summary>What a ControlNet adds to the image's tokens behind the blocks of a transformer, [B, N, D] each; fewer than there are blocks serve several in a row.</summary>
    public IReadOnlyList<Tensor>? BlockResiduals { get; init; }

    /// <summary>Numbers of a transformer's blocks that are left out, for skip-layer guidance.</summary>
    public IReadOnlyCollection<int>? SkippedBlocks { get; init; }

    /// <summary>Numbers of a transformer's blocks in which no place of the image sees another one, for perturbed-attention guidance (Ahn et al. 2024).</summary>
    public IReadOnlyCollection<int>? PerturbedBlocks { get; init; }

    /// <summary>Regular expressions of names of a U-Net's layers in whose self-attentions no place sees another one, for perturbed-attention guidance: <c>mid</c>, <c>down_blocks.1</c>, ….</summary>
    public IReadOnlyCollection<string>? PerturbedLayers { get; init; }

    /// <summary>Channels that stand behind the noisy image's in the input of networks made for it, [B, C', H, W]: the mask and the latents of what is left, for inpainting.</summary>
    public Tensor? Channels { get; init; }

    /// <summary>How a U-Net weighs its backbone against its skips; null as it was trained.</summary>
    public FreeU? FreeU { get; init; }
}

/// <summary>A network that sees a noisy image and how noisy it is: the trainable part of a diffusion model.</summary>
public abstract class DenoisingNetwork : nn.Module
{
    /// <summary>Names the module.</summary>
    protected DenoisingNetwork(string name)
        : base(name)
    {
    }

    /// <summary>What the network is made of: enough to build it again.</summary>
    public abstract DenoiserConfig Config { get; }

    /// <summary>
    /// Whether training keeps only the inputs of the blocks and computes what is inside again for the gradients (Chen et al. 2016): the same gradients with less
    /// memory and about a third more time.
    /// </summary>
    public bool CheckpointBlocks { get; set; }

    /// <summary>The network's raw output, whose meaning is the model's <c>Prediction</c>.</summary>
    /// <param name="x">Noisy images or latents in the network's own scale, [B, C, H, W]. Its type is that of the computation.</param>
    /// <param name="time">What it is told about the noise, fp32 [B].</param>
    /// <param name="condition">What the picture is to be of.</param>
    /// <returns>[B, C, H, W], or [B, 2C, H, W] with learned variance.</returns>
    public abstract Tensor forward(Tensor x, Tensor time, Conditioning condition);

    /// <summary>First weights of a network that is to be trained from scratch, beyond its layers' own.</summary>
    internal virtual void BeginTraining()
    {
    }
}

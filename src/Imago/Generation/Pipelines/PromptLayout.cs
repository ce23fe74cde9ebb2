using Imago.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Generation.Pipelines;

/// <summary>What a network is told of sizes.</summary>
internal enum PromptSizes
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>Original size, crop, target size.</summary>
    Whole,

    /// <summary>Original size, crop, aesthetic score.</summary>
    WithScore,
}

/// <summary>How a family's network expects what its text encoders make of a prompt.</summary>
internal abstract record PromptLayout
{
    /// <summary>What it is told of sizes.</summary>
    internal PromptSizes Sizes { get; init; }

    /// <summary>Whether saying nothing is all zeros.</summary>
    internal bool NothingIsZeros { get; init; }

    /// <summary>One prompt's results together.</summary>
    /// <param name="outputs">By the encoder's number.</param>
    /// <param name="chunks">How many chunks CLIP has read.</param>
    /// <param name="reading">How the prompt was read.</param>
    /// <param name="like">A tensor of their type and on their device.</param>
    internal abstract Conditioning Join(IReadOnlyDictionary<int, TowerOutput> outputs, int chunks, PromptReading reading, Tensor like);

    /// <summary>What stands for saying nothing where that is zeros.</summary>
    internal abstract Conditioning Zeros(int chunks, Tensor like);

    private protected const int ChunkTokens = 77;
}

/// <summary>Stable Diffusion 1, 2 and XL: the encoders' features side by side, and the pooled text of the last of them where the network is told sizes.</summary>
/// <param name="Width">Features of all encoders' tokens together.</param>
/// <param name="PooledWidth">Features of the pooled text; 0 for none.</param>
internal sealed record FeatureLayout(int Width, int PooledWidth) : PromptLayout
{
    internal override Conditioning Join(IReadOnlyDictionary<int, TowerOutput> outputs, int chunks, PromptReading reading, Tensor like) => outputs.Count == 0 ? throw new ArgumentException("The pipeline has no text encoder, so it reads no prompt: load one with it, or give Condition.Encoded.") : new()
    {
        Tokens = cat([.. outputs.OrderBy(output => output.Key).Select(output => output.Value.Tokens)], 2),
        Pooled = PooledWidth > 0 ? outputs.MaxBy(output => output.Key).Value.Pooled : null,
    };

    internal override Conditioning Zeros(int chunks, Tensor like) => new()
    {
        Tokens = zeros(1, chunks * ChunkTokens, Width, like.dtype, like.device),
        Pooled = PooledWidth > 0 ? zeros(1, PooledWidth, like.dtype, like.device) : null,
    };
}

/// <summary>
/// Stable Diffusion 3 (Esser et al. 2024): features of both CLIPs side by side and filled up to T5's, then T5's tokens; both pooled texts side by side. What an absent encoder
/// would give is zeros.
/// </summary>
/// <param name="Width">Features of T5's tokens.</param>
/// <param name="PooledWidth">Features of both pooled texts.</param>
/// <param name="First">Features of the first CLIP's tokens, and of its pooled text.</param>
/// <param name="Second">Those of the second's.</param>
internal sealed record SequenceLayout(int Width, int PooledWidth, (int Tokens, int Pooled) First, (int Tokens, int Pooled) Second) : PromptLayout
{
    internal override Conditioning Join(IReadOnlyDictionary<int, TowerOutput> outputs, int chunks, PromptReading reading, Tensor like)
    {
        var (first, second, third) = (outputs.GetValueOrDefault(1), outputs.GetValueOrDefault(2), outputs.GetValueOrDefault(3));
        Tensor Nothing(params long[] shape) => zeros(shape, like.dtype, like.device);
        var tokens = cat([first?.Tokens ?? Nothing(1, chunks * ChunkTokens, First.Tokens), second?.Tokens ?? Nothing(1, chunks * ChunkTokens, Second.Tokens)], -1);
        var pooled = cat([first?.Pooled ?? Nothing(1, First.Pooled), second?.Pooled ?? Nothing(1, Second.Pooled)], -1);
        return new()
        {
            Tokens = cat([nn.functional.pad(tokens, [0, Width - tokens.shape[2]]), third?.Tokens ?? Nothing(1, reading.LongTokens, Width)], 1),
            Pooled = nn.functional.pad(pooled, [0, PooledWidth - pooled.shape[1]]),
        };
    }

    internal override Conditioning Zeros(int chunks, Tensor like) => throw new InvalidOperationException("Saying nothing is the empty text here.");
}

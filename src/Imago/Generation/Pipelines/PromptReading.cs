namespace Imago.Generation.Pipelines;

/// <summary>What signs in a prompt mean.</summary>
public enum PromptGrammar
{
    /// <summary>AUTOMATIC1111's: <c>(word:1.2)</c>, <c>[word]</c>, <c>BREAK</c>; long prompts are read in chunks of 75 tokens. A short prompt without such signs means the same in both.</summary>
    Weighted,

    /// <summary>None: every sign is text, and what is too long for the encoder is cut off (diffusers).</summary>
    Plain,
}

/// <summary>How text encoders read a prompt.</summary>
public sealed record PromptReading
{
    /// <summary>The usual way.</summary>
    public static PromptReading Usual { get; } = new();

    /// <summary>What signs mean.</summary>
    public PromptGrammar Grammar { get; init; }

    /// <summary>Layers of CLIP that are left out at the end, beyond those that the model never uses; 0 for none. (AUTOMATIC1111 counts from 1.)</summary>
    public int ClipSkip { get; init; }

    /// <summary>Tokens that T5 reads.</summary>
    public int LongTokens { get; init; } = 256;
}

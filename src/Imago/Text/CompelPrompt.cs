namespace Imago.Text;

/// <summary>A piece of a prompt in compel's grammar.</summary>
public abstract record CompelFragment;

/// <summary>Words and how much they count.</summary>
/// <param name="Text">The words.</param>
/// <param name="Weight">1 for what is neither stressed nor played down.</param>
public sealed record CompelWords(string Text, double Weight) : CompelFragment;

/// <summary>Words that give way to others under cross-attention control: <c>cat.swap(dog)</c>.</summary>
/// <param name="Original">What is swapped out.</param>
/// <param name="Edited">What comes instead.</param>
/// <param name="Options"><c>s_start</c>, <c>s_end</c>, <c>t_start</c>, <c>t_end</c>: the shares of the steps between which self and cross attention are kept.</param>
public sealed record CompelSwap(IReadOnlyList<CompelFragment> Original, IReadOnlyList<CompelFragment> Edited, IReadOnlyDictionary<string, double> Options) : CompelFragment;

/// <summary>One text, or a blend of several: a part of a <see cref="CompelPrompt"/>.</summary>
/// <param name="Texts">One list of pieces, neighbours of equal weight joined; or several to blend.</param>
/// <param name="Weights">A weight for each text of a blend; empty for a text alone.</param>
/// <param name="Normalise">Whether a blend's weights are divided by their sum.</param>
public sealed record CompelPart(IReadOnlyList<IReadOnlyList<CompelFragment>> Texts, IReadOnlyList<double> Weights, bool Normalise = true)
{
    /// <summary>Whether it is a blend.</summary>
    public bool IsBlend => Weights.Count > 0;
}

/// <summary>
/// A prompt in the grammar of compel: <c>word+</c>, <c>(two words)1.3</c>, <c>("a", "b").blend(0.7, 0.3)</c>, <c>("a", "b").and()</c>, <c>cat.swap(dog)</c>, <c>withLora(name, 0.6)</c>.
/// </summary>
/// <param name="Parts">What <c>.and()</c> joins; one part without it.</param>
/// <param name="Weights">A weight for each part.</param>
/// <param name="Loras">Adapters that the prompt asks for, and their strength.</param>
public sealed record CompelPrompt(IReadOnlyList<CompelPart> Parts, IReadOnlyList<double> Weights, IReadOnlyList<(string Name, double Weight)> Loras)
{
    /// <summary>Reads a prompt.</summary>
    /// <exception cref="ArgumentException">A blend or conjunction has weights that do not fit, or stands beside other text.</exception>
    public static CompelPrompt Parse(string prompt)
    {
        ArgumentNullException.ThrowIfNull(prompt);
        return new CompelParser(prompt).Parse();
    }
}

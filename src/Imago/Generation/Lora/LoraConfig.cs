using System.Text.RegularExpressions;

namespace Imago.Generation.Lora;

/// <summary>Low-rank changes of some layers (Hu et al. 2022): W + (alpha/rank) B A, of which only A and B are trained. The record is JSON.</summary>
public sealed record LoraConfig
{
    /// <summary>Rows of A and columns of B.</summary>
    public int Rank { get; init; } = 8;

    /// <summary>The change is scaled by alpha/rank; null for the rank itself, so that the scale is 1.</summary>
    public double? Alpha { get; init; }

    /// <summary>
    /// Which linear layers and convolutions: names, in which a star stands for anything, matched against the end of a layer's path (<c>to_q</c>, <c>*.conv1</c>, <c>mid_block.*</c>).
    /// </summary>
    public IReadOnlyList<string> Targets { get; init; } = ["to_q", "to_k", "to_v", "to_out.0"];

    /// <summary>alpha/rank.</summary>
    internal double Scale => (Alpha ?? Rank) / Rank;

    /// <summary>Throws when the values cannot make an adapter.</summary>
    /// <exception cref="ArgumentException">The message names the value and what it must be.</exception>
    public void Validate()
    {
        if (Rank is < 1 or > 4096) throw new ArgumentOutOfRangeException(nameof(Rank), Rank, "The rank of a low-rank change is between 1 and 4096.");
        if (Alpha is { } alpha && !(double.IsFinite(alpha) && alpha != 0)) throw new ArgumentOutOfRangeException(nameof(Alpha), alpha, "Alpha is a finite number other than 0.");
        if (Targets.Count == 0) throw new ArgumentException("There is no target; name layers such as to_q.", nameof(Targets));
    }

    /// <summary>Whether a layer is meant.</summary>
    /// <param name="path">Its path in the network, <c>down_blocks.0.attentions.0.to_q</c>.</param>
    internal bool Matches(string path) => Targets.Any(target =>
        Regex.IsMatch(path, $@"(^|\.){string.Join(".*", target.Split('*').Select(Regex.Escape))}$", RegexOptions.CultureInvariant | RegexOptions.NonBacktracking));
}

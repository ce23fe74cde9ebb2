using System.Text.RegularExpressions;
using Imago.Models.Blocks;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Models.UNets;

/// <summary>Self-attentions of a network that are isolated for one evaluation (perturbed-attention guidance, Ahn et al. 2024).</summary>
internal sealed class PerturbedAttention : IDisposable
{
    private readonly List<Attention> _isolated;

    /// <summary>Isolates.</summary>
    /// <param name="network">The network.</param>
    /// <param name="layers">Regular expressions of names of layers.</param>
    /// <exception cref="ArgumentException">One is no regular expression, or fits no self-attention.</exception>
    internal PerturbedAttention(nn.Module network, IReadOnlyCollection<string> layers)
    {
        var attentions = network.named_modules().Where(entry => entry.module is Attention && entry.name.EndsWith("attn1", StringComparison.Ordinal)).ToList();
        var found = layers.Select(layer => (Layer: layer, Attentions: attentions.Where(entry => Regex.IsMatch(entry.name, layer, RegexOptions.NonBacktracking)).Select(entry => (Attention)entry.module).ToList())).ToList();
        if (found.FirstOrDefault(entry => entry.Attentions.Count == 0).Layer is { } lost)
            throw new ArgumentException($"'{lost}' fits no self-attention of the network; its names are such as {attentions.Select(entry => entry.name).FirstOrDefault() ?? "none, for it has none"}.", nameof(layers));
        _isolated = [.. found.SelectMany(entry => entry.Attentions).Distinct()];
        foreach (var attention in _isolated) attention.IsIsolated = true;
    }

    public void Dispose()
    {
        foreach (var attention in _isolated) attention.IsIsolated = false;
    }
}

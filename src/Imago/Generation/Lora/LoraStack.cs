using Imago.Encoders;
using Imago.Generation.Pipelines;
using Imago.Layers;
using Imago.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Generation.Lora;

/// <summary>
/// Low-rank changes of any number of files on the networks of a model, each with its strength. A network computes with W + Σ change(W): attached, the sum is taken anew at every use
/// and the weights stay as they are; fused, it is in the weights, which costs nothing afterwards, and <see cref="Remove"/> puts back the very weights that were there.
/// </summary>
/// <example><code>
/// using var loras = new LoraStack(model);
/// loras.Add("ink.safetensors", new LoraStrength(0.8));
/// loras.Add("night.safetensors", new LoraStrength(0.5));
/// loras.Fuse();
/// </code></example>
public sealed class LoraStack : IDisposable
{
    private readonly IReadOnlyDictionary<LoraPart, nn.Module> _parts;
    private readonly Dictionary<LoraPart, IReadOnlyDictionary<string, IReadOnlyList<NamedLayer>>> _names = [];
    private readonly List<LoraStrength> _strengths = [];
    private readonly List<LoraChange> _changes = [];
    private readonly Dictionary<IWeightedLayer, List<Applied>> _layers = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<IWeightedLayer, Tensor> _originals = new(ReferenceEqualityComparer.Instance);

    /// <summary>A stack without changes.</summary>
    /// <param name="parts">The networks, which must outlive it.</param>
    public LoraStack(IReadOnlyDictionary<LoraPart, nn.Module> parts) => _parts = parts;

    /// <summary>A stack without changes.</summary>
    /// <param name="model">Its networks are changed; it must outlive the stack.</param>
    public LoraStack(DiffusionModel model)
        : this(PartsOf(model))
    {
    }

    /// <summary>How the networks compute.</summary>
    public LoraUse Use { get; private set; }

    /// <summary>The strength of each file, in the order in which they were added.</summary>
    public IReadOnlyList<LoraStrength> Strengths => _strengths;

    /// <summary>Reads a file's changes. What the networks compute changes at once if changes are attached or fused.</summary>
    /// <param name="path">The file, or a folder with one.</param>
    /// <param name="strength">How much of them.</param>
    /// <returns>The layers that the file changes in networks that are not there, such as a text encoder that was left out.</returns>
    /// <exception cref="CheckpointException">It is no such file, or made for other networks: a layer is not there or has another shape. The message says what it looks like; nothing has changed then.</exception>
    public IReadOnlyList<string> Add(string path, LoraStrength strength)
    {
        using var file = LoraFile.Open(path);
        return Add(file, strength);
    }

    /// <summary>The same, of an open file, which is not needed afterwards.</summary>
    /// <inheritdoc cref="Add(string, LoraStrength)"/>
    public IReadOnlyList<string> Add(LoraFile file, LoraStrength strength)
    {
        RequireFinite(strength);
        var (found, absent) = Find(file);
        var changes = new List<(LoraChange Change, LoraPart Part, IReadOnlyList<NamedLayer> Layers)>();
        try
        {
            foreach (var (entry, part, layers) in found) changes.Add((file.Read(entry), part, layers));
            RefuseMisfits(file, found, changes);
        }
        catch
        {
            foreach (var (change, _, _) in changes) change.Dispose();
            throw;
        }
        foreach (var (change, part, layers) in changes)
        {
            _changes.Add(change);
            foreach (var named in layers) AppliedTo(named.Layer).Add(new Applied(_strengths.Count, part, change, named.Rows));
        }
        _strengths.Add(strength);
        Renew();
        return absent;
    }

    /// <summary>Changes the strength of a file.</summary>
    /// <param name="index">Its place in the order in which they were added.</param>
    /// <param name="strength">How much of its changes.</param>
    public void SetStrength(int index, LoraStrength strength)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, _strengths.Count);
        RequireFinite(strength);
        _strengths[index] = strength;
        Renew();
    }

    /// <summary>Lets the networks add the changes whenever they use a weight: slower than <see cref="Fuse"/>, but without a second copy of the weights.</summary>
    public void Attach()
    {
        Remove();
        Use = LoraUse.Attached;
        foreach (var (layer, applied) in _layers) layer.Delta = () => Sum(layer.Weight, applied);
    }

    /// <summary>Puts the changes into the weights. The weights that were there are kept until <see cref="Remove"/> or <see cref="Dispose"/>.</summary>
    public void Fuse()
    {
        Remove();
        Use = LoraUse.Fused;
        foreach (var layer in _layers.Keys) _originals[layer] = Change(layer);
    }

    /// <summary>Puts the changes into the weights for good, one layer after the other, and forgets them: the stack is empty afterwards.</summary>
    public void FuseForGood()
    {
        Remove();
        foreach (var layer in _layers.Keys) Change(layer).Dispose();
        Dispose();
    }

    /// <summary>The networks compute with their own weights again, bit for bit.</summary>
    public void Remove()
    {
        using var noGrad = no_grad();
        foreach (var layer in _layers.Keys) layer.Delta = null;
        foreach (var (layer, original) in _originals)
        {
            using var scope = NewDisposeScope();
            layer.Weight.set_(original.to(layer.Weight.device));
            original.Dispose();
        }
        _originals.Clear();
        Use = LoraUse.None;
    }

    /// <summary>Forgets the changes. Fused ones stay in the weights for good; attached ones are taken away.</summary>
    public void Dispose()
    {
        if (Use == LoraUse.Attached) Remove();
        foreach (var original in _originals.Values) original.Dispose();
        foreach (var change in _changes) change.Dispose();
        _originals.Clear();
        _changes.Clear();
        _layers.Clear();
        _strengths.Clear();
        Use = LoraUse.None;
    }

    /// <summary>Puts a layer's changes into its weight.</summary>
    /// <returns>The weight that was there; the caller's.</returns>
    private Tensor Change(IWeightedLayer layer)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var (weight, original) = (layer.Weight, layer.Weight.detach().DetachFromDisposeScope());
        weight.set_((weight.to(float32) + Sum(weight, _layers[layer])).to(weight.dtype));
        return original;
    }

    private static Dictionary<LoraPart, nn.Module> PartsOf(DiffusionModel model)
    {
        ArgumentNullException.ThrowIfNull(model);
        var parts = new Dictionary<LoraPart, nn.Module> { [LoraPart.Denoiser] = model.Network };
        foreach (var (name, encoder) in (model.Encoder as PromptConditioner)?.Encoders ?? new Dictionary<string, TextEncoder>())
            parts[Enum.GetValues<LoraPart>().First(part => part != LoraPart.Denoiser && ComponentNames.TextEncoderOf((int)part) == name)] = encoder;
        return parts;
    }

    /// <summary>Σ change(W), in float32.</summary>
    private Tensor Sum(Tensor weight, List<Applied> applied)
    {
        using var scope = NewDisposeScope();
        var sum = zeros_like(weight, dtype: float32);
        foreach (var (file, part, change, rows) in applied)
            if (_strengths[file].Of(part) is not 0 and var strength) sum = sum + change.Of(weight, strength, rows);
        return sum.MoveToOuterDisposeScope();
    }

    private void Renew()
    {
        if (Use == LoraUse.Fused) Fuse();
        else if (Use == LoraUse.Attached) Attach();
    }

    private List<Applied> AppliedTo(IWeightedLayer layer) => _layers.TryGetValue(layer, out var applied) ? applied : _layers[layer] = [];

    /// <summary>Where each change of a file belongs, and those of networks that are not there.</summary>
    private (List<(LoraEntry Entry, LoraPart Part, IReadOnlyList<NamedLayer> Layers)> Found, List<string> Absent) Find(LoraFile file)
    {
        var (found, absent, lost) = (new List<(LoraEntry, LoraPart, IReadOnlyList<NamedLayer>)>(), new List<string>(), new List<string>());
        foreach (var entry in file.Entries)
        {
            var candidates = entry.Part is { } said ? [said] : Enum.GetValues<LoraPart>();
            var part = candidates.Where(_parts.ContainsKey).Cast<LoraPart?>().FirstOrDefault(part => NamesOf(part!.Value).ContainsKey(entry.Layer));
            if (part is { } known) found.Add((entry, known, NamesOf(known)[entry.Layer]));
            else if (entry.Part is { } other && !_parts.ContainsKey(other)) absent.Add(entry.Keys.Values.First());
            else lost.Add(entry.Keys.Values.First());
        }
        if (lost.Count > 0) throw Misfit(file, $"{lost.Count} of the {file.Count} layers that it changes are not there: {LoraFile.Some(lost)}");
        if (found.Count == 0) throw Misfit(file, $"it changes only networks that are not there: {LoraFile.Some(absent)}");
        return (found, absent);
    }

    private void RefuseMisfits(LoraFile file, List<(LoraEntry Entry, LoraPart Part, IReadOnlyList<NamedLayer> Layers)> found, List<(LoraChange Change, LoraPart Part, IReadOnlyList<NamedLayer> Layers)> changes)
    {
        var wrong = found.Zip(changes).SelectMany(pair => pair.First.Layers.Select(named => (Key: pair.First.Entry.Keys.Values.First(), named.Layer.Weight.shape, Reason: pair.Second.Change.Misfit(named.Layer.Weight.shape, named.Rows))))
            .Where(entry => entry.Reason is not null).Select(entry => $"{entry.Key}: {entry.Reason}, the layer has [{string.Join(", ", entry.shape)}]").ToList();
        if (wrong.Count > 0) throw Misfit(file, $"{wrong.Count} of its changes have other shapes than the layers:\n  {string.Join("\n  ", wrong.Take(5))}{(wrong.Count > 5 ? $"\n  and {wrong.Count - 5} more" : "")}\n ");
    }

    private CheckpointException Misfit(LoraFile file, string what) =>
        new($"{file.Path} does not fit this model: {what}. It is {file.Description}; the model is {string.Join(", ", _parts.Select(part => LoraFamily.Of(part.Value)))}.");

    private IReadOnlyDictionary<string, IReadOnlyList<NamedLayer>> NamesOf(LoraPart part) => _names.TryGetValue(part, out var names) ? names : _names[part] = LoraNames.Of(_parts[part]);

    private static void RequireFinite(LoraStrength strength)
    {
        if (!strength.IsFinite) throw new ArgumentException($"The strength of a low-rank change is {strength}; expected finite numbers.", nameof(strength));
    }

    /// <summary>A change of a file on a layer.</summary>
    private sealed record Applied(int File, LoraPart Part, LoraChange Change, RowChoice Rows);
}

/// <summary>How networks use low-rank changes.</summary>
public enum LoraUse
{
    /// <summary>Not at all.</summary>
    None,

    /// <summary>They are added at every use of a weight.</summary>
    Attached,

    /// <summary>They are in the weights.</summary>
    Fused,
}

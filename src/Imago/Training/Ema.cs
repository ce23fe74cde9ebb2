using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Training;

/// <summary>
/// The exponential moving average of a module's weights: shadow ← d·shadow + (1 − d)·weight after every step (Polyak and Juditsky 1992, in the form of
/// Tarvainen and Valpola 2017). It starts as a copy of the weights; buffers are copied, not averaged.
/// </summary>
public sealed class Ema : IDisposable
{
    private readonly (string Name, Tensor Weight, Tensor Shadow)[] _averaged;
    private readonly (string Name, Tensor Value, Tensor Shadow)[] _copied;
    private readonly EmaOptions _options;

    /// <summary>Starts the average at the module's present weights.</summary>
    /// <param name="module">Must not be moved to another device afterwards.</param>
    /// <param name="decay">d in [0, 1).</param>
    /// <param name="warmup">How d grows in the first steps.</param>
    public Ema(nn.Module module, double decay, EmaWarmup warmup = EmaWarmup.None)
        : this(module, new EmaOptions { Decay = decay, Warmup = warmup })
    {
    }

    /// <summary>Starts the average at the module's present weights.</summary>
    /// <param name="module">Must not be moved to another device afterwards.</param>
    /// <param name="options">How it decays.</param>
    /// <exception cref="ArgumentException">An option is out of range.</exception>
    public Ema(nn.Module module, EmaOptions options)
        : this(module.named_parameters().Select(entry => (entry.name, (Tensor)entry.parameter)),
            module.named_buffers().Where(entry => entry.buffer is not null).Select(entry => (entry.name, entry.buffer)), options)
    {
    }

    internal Ema(IEnumerable<(string Name, Tensor Value)> averaged, IEnumerable<(string Name, Tensor Value)> copied, EmaOptions options)
    {
        options.Validate();
        _options = options;
        _averaged = [.. averaged.Select(entry => (entry.Name, entry.Value, Copy(entry.Value)))];
        _copied = [.. copied.Select(entry => (entry.Name, entry.Value, Copy(entry.Value)))];
    }

    /// <summary>Updates made so far: n.</summary>
    public long Updates { get; set; }

    /// <summary>The average, by the module's keys. The tensors belong to this object.</summary>
    public IReadOnlyList<(string Name, Tensor Value)> State => [.. _averaged.Concat(_copied).Select(entry => (entry.Name, entry.Item3))];

    /// <summary>d_n.</summary>
    /// <param name="n">0 for the first update.</param>
    public double DecayAt(long n) => _options.DecayAt(n);

    /// <summary>Takes the module's present weights into the average.</summary>
    public void Update()
    {
        FusedOperations.Lerp([.. _averaged.Select(entry => entry.Shadow)], [.. _averaged.Select(entry => entry.Weight)], 1 - DecayAt(Updates++));
        using var noGrad = no_grad();
        foreach (var (_, value, shadow) in _copied) shadow.copy_(value);
    }

    /// <summary>Exchanges the module's weights and the average, so that the module is the average until the next call.</summary>
    public void Swap()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        foreach (var (_, value, shadow) in _averaged.Concat(_copied))
        {
            var kept = value.clone();
            value.copy_(shadow);
            shadow.copy_(kept);
        }
    }

    /// <summary>Restores what <see cref="State"/> gave.</summary>
    /// <param name="read">Gives the tensor of a key.</param>
    /// <param name="updates">Restores <see cref="Updates"/>.</param>
    public void LoadState(Func<string, Tensor> read, long updates)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        foreach (var (name, shadow) in State) shadow.copy_(Optimizer.SameShape(name, read(name), shadow));
        Updates = updates;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var (_, shadow) in State) shadow.Dispose();
    }

    private static Tensor Copy(Tensor tensor)
    {
        using var noGrad = no_grad();
        return tensor.detach().clone().DetachFromDisposeScope();
    }
}

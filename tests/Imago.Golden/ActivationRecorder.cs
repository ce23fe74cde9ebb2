using Imago.Models.Blocks;
using Imago.Models.UNets;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Golden;

/// <summary>Keeps what the modules of a network return, under their paths: <c>path</c>, <c>path@1</c> for the second call; <c>#0</c> is ignored.</summary>
internal sealed class ActivationRecorder : IDisposable
{
    private readonly List<Action> _removals = [];
    private readonly Dictionary<string, List<Tensor>> _outputs = [];

    internal ActivationRecorder(nn.Module network)
    {
        foreach (var (path, module) in network.named_modules()) Hook(module, _outputs[path] = []);
    }

    internal Tensor Read(string name)
    {
        var parts = name.Split('#')[0].Split('@');
        var call = parts.Length > 1 ? int.Parse(parts[1], System.Globalization.CultureInfo.InvariantCulture) : 0;
        return _outputs.TryGetValue(parts[0], out var outputs) && call < outputs.Count
            ? outputs[call]
            : throw new KeyNotFoundException($"no module {parts[0]} was called {call + 1} times");
    }

    public void Dispose()
    {
        foreach (var remove in _removals) remove();
    }

    /// <summary>A hook for each kind of input that Imago's modules have beside a tensor.</summary>
    private void Hook(nn.Module module, List<Tensor> outputs)
    {
        Tensor Keep(Tensor output)
        {
            outputs.Add(output.alias().DetachFromDisposeScope());
            return output;
        }
        switch (module)
        {
            case nn.Module<Tensor, Tensor> layer: _removals.Add(layer.register_forward_hook((_, _, output) => Keep(output)).remove); break;
            case nn.Module<Tensor, Tensor?, Tensor> layer: _removals.Add(layer.register_forward_hook((_, _, _, output) => Keep(output)).remove); break;
            case nn.Module<Tensor, Size?, Tensor> layer: _removals.Add(layer.register_forward_hook((_, _, _, output) => Keep(output)).remove); break;
            case nn.Module<Tensor, BlockContext, Tensor> layer: _removals.Add(layer.register_forward_hook((_, _, _, output) => Keep(output)).remove); break;
            case nn.Module<Tensor, UNetState, Tensor> layer: _removals.Add(layer.register_forward_hook((_, _, _, output) => Keep(output)).remove); break;
            case nn.Module<Tensor, Tensor?, Tensor?, Tensor> layer: _removals.Add(layer.register_forward_hook((_, _, _, _, output) => Keep(output)).remove); break;
        }
    }
}

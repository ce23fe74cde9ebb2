using Imago.Models;
using Imago.Models.Blocks;
using Imago.Models.UNets;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Golden;

/// <summary>
/// Keeps what the modules of a network return, under their paths: <c>path</c>, <c>path@1</c> for the second call, <c>path#2</c> for the third of several results;
/// of one result, <c>#0</c> is ignored.
/// </summary>
internal sealed class ActivationRecorder : IDisposable
{
    private readonly List<Action> _removals = [];
    private readonly Dictionary<string, List<Tensor[]>> _outputs = [];

    internal ActivationRecorder(nn.Module network)
    {
        foreach (var (path, module) in network.named_modules()) Hook(module, _outputs[path] = []);
    }

    internal Tensor Read(string name)
    {
        var parts = name.Split('#')[0].Split('@');
        var call = parts.Length > 1 ? Number(parts[1]) : 0;
        if (!_outputs.TryGetValue(parts[0], out var calls) || call >= calls.Count) throw new KeyNotFoundException($"no module {parts[0]} was called {call + 1} times");
        return calls[call].Length == 1 ? calls[call][0] : calls[call][Number(name.Split('#')[1])];
    }

    private static int Number(string text) => int.Parse(text, System.Globalization.CultureInfo.InvariantCulture);

    public void Dispose()
    {
        foreach (var remove in _removals) remove();
    }

    /// <summary>A hook for each kind of input that Imago's modules have beside a tensor.</summary>
    private void Hook(nn.Module module, List<Tensor[]> outputs)
    {
        Tensor Keep(Tensor output) => KeepAll(output, [output]);
        T KeepAll<T>(T output, Tensor?[] tensors)
        {
            outputs.Add([.. tensors.OfType<Tensor>().Select(tensor => tensor.alias().DetachFromDisposeScope())]);
            return output;
        }
        switch (module)
        {
            case nn.Module<Tensor, Tensor> layer: _removals.Add(layer.register_forward_hook((_, _, output) => Keep(output)).remove); break;
            case nn.Module<Tensor, Tensor?, Tensor> layer: _removals.Add(layer.register_forward_hook((_, _, _, output) => Keep(output)).remove); break;
            case nn.Module<Tensor, Size?, Tensor> layer: _removals.Add(layer.register_forward_hook((_, _, _, output) => Keep(output)).remove); break;
            case nn.Module<Tensor, BlockContext, Tensor> layer: _removals.Add(layer.register_forward_hook((_, _, _, output) => Keep(output)).remove); break;
            case nn.Module<Tensor, UNetState, Tensor> layer: _removals.Add(layer.register_forward_hook((_, _, _, output) => Keep(output)).remove); break;
            case AdaLayerNormZero layer: _removals.Add(layer.register_forward_hook((_, _, _, m) => KeepAll(m, [m.X, m.Gate, m.FeedForwardShift, m.FeedForwardScale, m.FeedForwardGate, m.SecondX, m.SecondGate])).remove); break;
            case JointAttention layer: _removals.Add(layer.register_forward_hook((_, _, _, _, output) => KeepAll(output, [output.Image, output.Text])).remove); break;
            case JointBlock layer: _removals.Add(layer.register_forward_hook((_, _, _, _, _, stream) => KeepAll(stream, stream.Text is null ? [stream.Image] : [stream.Text, stream.Image])).remove); break;
            case nn.Module<Tensor, Tensor?, Tensor?, Tensor> layer: _removals.Add(layer.register_forward_hook((_, _, _, _, output) => Keep(output)).remove); break;
        }
    }
}

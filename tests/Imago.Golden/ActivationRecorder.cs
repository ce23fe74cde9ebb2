using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Golden;

/// <summary>Keeps what the modules of a network return, under their paths: <c>path</c>, <c>path@1</c> for the second call; <c>#0</c> is ignored.</summary>
internal sealed class ActivationRecorder : IDisposable
{
    private readonly List<(nn.Module<Tensor, Tensor> Module, nn.Module<Tensor, Tensor>.HookRemover Hook)> _hooks = [];
    private readonly Dictionary<string, List<Tensor>> _outputs = [];

    internal ActivationRecorder(nn.Module network)
    {
        foreach (var (path, module) in network.named_modules())
        {
            if (module is not nn.Module<Tensor, Tensor> layer) continue;
            var outputs = _outputs[path] = [];
            _hooks.Add((layer, layer.register_forward_hook((_, _, output) =>
            {
                outputs.Add(output.alias());
                return output;
            })));
        }
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
        foreach (var (_, hook) in _hooks) hook.remove();
    }
}

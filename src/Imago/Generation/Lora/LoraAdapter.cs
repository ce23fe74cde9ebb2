using Imago.Layers;
using Imago.Models;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Imago.Generation.Lora;

/// <summary>
/// The low-rank changes of a network as one module, whose keys are those of the file that others read: <c>unet.PATH.lora_A.weight</c> [r, I(, k, k)] and
/// <c>unet.PATH.lora_B.weight</c> [O, r(, 1, 1)]. While it is attached, the network computes with its changes; its own weights stay as they are.
/// </summary>
internal sealed class LoraAdapter : nn.Module
{
    private readonly List<Action> _detach = [];

    /// <summary>Attaches changes of nothing: B is 0, A as PyTorch draws the weights of a linear layer.</summary>
    /// <exception cref="ArgumentException">No layer matches the targets; the message lists some that could.</exception>
    internal LoraAdapter(DenoisingNetwork network, LoraConfig config, long seed)
        : base(nameof(LoraAdapter))
    {
        config.Validate();
        var layers = network.named_modules().Where(entry => entry.module is Linear or Conv2d).ToList();
        var targets = layers.Where(entry => config.Matches(entry.name)).ToList();
        if (targets.Count == 0)
            throw new ArgumentException($"No layer matches {string.Join(", ", config.Targets)}; layers end with {string.Join(", ", layers.Select(entry => entry.name.Split('.')[^1]).Distinct().Take(20))}.");
        var root = new LoraNode();
        Seeded.Build(seed, () =>
        {
            foreach (var (path, layer) in targets) Attach(root.At(path), layer, config);
            return true;
        });
        register_module(PrefixOf(network), root);
    }

    /// <summary>Puts the layers back to computing with their own weights alone.</summary>
    internal void Detach()
    {
        foreach (var detach in _detach) detach();
        _detach.Clear();
    }

    /// <summary>What stands before the paths: the part of a pipeline that the network is.</summary>
    internal static string PrefixOf(DenoisingNetwork network) => network.Config is UNet2DConfig or UNet2DConditionConfig ? "unet" : "transformer";

    /// <summary>(alpha/rank) B A in the shape of a layer's weight.</summary>
    internal static Tensor Change(Tensor a, Tensor b, double scale, long[] shape)
    {
        using var scope = NewDisposeScope();
        return (scale * b.flatten(1).mm(a.flatten(1))).view(shape).MoveToOuterDisposeScope();
    }

    private void Attach(LoraNode node, nn.Module layer, LoraConfig config)
    {
        var weight = layer is Linear linear ? linear.weight : ((Conv2d)layer).weight;
        var shape = weight.shape;
        var a = Initialization.Weight(weight.device, [config.Rank, .. shape[1..]]);
        var b = new Parameter(zeros([shape[0], config.Rank, .. Enumerable.Repeat(1L, shape.Length - 2)], device: weight.device));
        node.Add("lora_A", a);
        node.Add("lora_B", b);
        Tensor Delta() => Change(a, b, config.Scale, shape);
        if (layer is Linear { } target)
        {
            target.Delta = Delta;
            _detach.Add(() => target.Delta = null);
        }
        else
        {
            var convolution = (Conv2d)layer;
            convolution.Delta = Delta;
            _detach.Add(() => convolution.Delta = null);
        }
    }

    /// <summary>A segment of a path.</summary>
    private sealed class LoraNode : nn.Module
    {
        private readonly Dictionary<string, LoraNode> _children = [];

        internal LoraNode()
            : base(nameof(LoraNode))
        {
        }

        internal LoraNode At(string path)
        {
            var (name, rest) = path.Split('.', 2) is [var head, var tail] ? (head, tail) : (path, "");
            if (!_children.TryGetValue(name, out var child))
            {
                child = _children[name] = new LoraNode();
                register_module(name, child);
            }
            return rest.Length == 0 ? child : child.At(rest);
        }

        internal void Add(string name, Parameter weight)
        {
            var leaf = new LoraNode();
            leaf.register_parameter("weight", weight);
            register_module(name, leaf);
        }
    }
}

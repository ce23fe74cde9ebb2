using System.Text.Json;
using Imago.Models;
using Imago.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Golden.Sets;

/// <summary>DiTTransformer2DModel and SD3Transformer2DModel: outputs of every call and the activations recorded in them.</summary>
internal sealed partial class ModelsSet
{
    private static readonly string[] TransformerInputs = ["hidden_states", "timestep", "class_labels", "encoder_hidden_states", "pooled_projections", "block_controlnet_hidden_states"];

    private static void RunTransformer(GoldenCase golden, Checks check)
    {
        using var noGrad = no_grad();
        using var io = golden.Open(golden.Entry.GetProperty("io").GetString()!);
        foreach (var network in Networks(golden))
            foreach (var call in golden.Entry.GetProperty("calls").EnumerateArray()) RunTransformerCall(network, call, io, check);
    }

    private static void RunTransformerCall(DenoisingNetwork network, JsonElement call, TensorFile io, Checks check)
    {
        var name = call.GetProperty("name").GetString()!;
        var (inputs, args, tolerance) = (call.GetProperty("inputs"), call.GetProperty("args"), call.GetProperty("tolerance"));
        Tensor? Input(string argument) => inputs.TryGetProperty(argument, out var tensor) ? io.Read(tensor.GetString()!) : null;
        RefuseUnknown(name, inputs.EnumerateObject().Select(entry => entry.Name), TransformerInputs);
        RefuseUnknown(name, args.EnumerateObject().Select(entry => entry.Name), ["skip_layers", "timestep"]);

        var x = Input("hidden_states")!;
        var time = Input("timestep")?.to(float32) ?? full(x.shape[0], args.GetProperty("timestep").GetDouble(), dtype: float32);
        var condition = new Conditioning
        {
            Classes = Input("class_labels"),
            Tokens = Input("encoder_hidden_states"),
            Pooled = Input("pooled_projections"),
            BlockResiduals = inputs.TryGetProperty("block_controlnet_hidden_states", out var residuals) ? [.. residuals.EnumerateArray().Select(tensor => io.Read(tensor.GetString()!))] : null,
            SkippedBlocks = args.TryGetProperty("skip_layers", out var skipped) ? [.. skipped.EnumerateArray().Select(block => block.GetInt32())] : null,
        };
        using var recorder = new ActivationRecorder(network);
        var output = network.forward(x, time.expand(x.shape[0]), condition);
        foreach (var stored in call.GetProperty("outputs").EnumerateObject())
        {
            if (stored.Name != "sample") throw new NotImplementedHereException($"output {stored.Name} of call {name}");
            check.Tensor($"{name}/{stored.Name}", output, io.Read(stored.Value.GetString()!), OutputTolerance(tolerance, stored.Name));
        }
        foreach (var activation in call.TryGetProperty("activations", out var recorded) ? recorded.EnumerateObject().AsEnumerable() : [])
        {
            var (got, want) = (recorder.Read(OwnPath(activation.Name)), io.Read(activation.Value.GetString()!));
            check.Tensor($"{name}/{activation.Name}", got.dim() == want.dim() + 1 ? got.squeeze(1) : got, want, tolerance.GetProperty("activations").GetDouble());   // gates, shifts and scales are [B, 1, D] here
        }
    }

    /// <summary>The waves of the time, which the original computes in every block, are computed once for the network.</summary>
    private static string OwnPath(string path) => path.Contains(".norm1.emb.time_proj", StringComparison.Ordinal) ? "time_proj" : path;
}

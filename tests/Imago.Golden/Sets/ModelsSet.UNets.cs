using System.Text.Json;
using Imago.Models;
using Imago.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Golden.Sets;

/// <summary>UNet2DModel and UNet2DConditionModel: outputs of every call and the activations recorded in them.</summary>
internal sealed partial class ModelsSet
{
    private static void RunUNet(GoldenCase golden, Checks check)
    {
        using var noGrad = no_grad();
        using var io = golden.Open(golden.Entry.GetProperty("io").GetString()!);
        foreach (var network in Networks(golden))
            foreach (var call in golden.Entry.GetProperty("calls").EnumerateArray()) RunUNetCall(network, call, io, check);
    }

    /// <summary>The network, and the same one from each other spelling of its configuration.</summary>
    private static IEnumerable<DenoisingNetwork> Networks(GoldenCase golden)
    {
        IEnumerable<string> configs = [golden.Entry.GetProperty("config").GetString()!];
        if (golden.Entry.TryGetProperty("extra_files", out var extra)) configs = configs.Concat(extra.EnumerateObject().Select(entry => entry.Name).Where(name => name.EndsWith(".json", StringComparison.Ordinal)));
        foreach (var config in configs) yield return LoadDenoiser(golden, config, golden.Entry.GetProperty("weights").GetString()!);
    }

    /// <summary>A denoising network in evaluation mode, from its configuration and weights.</summary>
    private static DenoisingNetwork LoadDenoiser(GoldenCase golden, string config, string weights)
    {
        var network = DenoiserConfig.Parse(File.ReadAllText(golden.PathOf(config)), config).CreateEmpty(CPU);
        using var file = golden.Open(weights);
        ModuleWeights.Load(network, file);
        network.eval();
        return network;
    }

    private static void RunUNetCall(DenoisingNetwork network, JsonElement call, TensorFile io, Checks check)
    {
        var name = call.GetProperty("name").GetString()!;
        var (inputs, args, tolerance) = (call.GetProperty("inputs"), call.GetProperty("args"), call.GetProperty("tolerance"));
        Tensor? Input(string argument) => inputs.TryGetProperty(argument, out var tensor) ? io.Read(tensor.GetString()!) : null;
        IReadOnlyList<Tensor>? Inputs(string argument) => inputs.TryGetProperty(argument, out var list) ? [.. list.EnumerateArray().Select(tensor => io.Read(tensor.GetString()!))] : null;
        RefuseUnknown(name, inputs.EnumerateObject().Select(entry => entry.Name), ["sample", "timestep", "encoder_hidden_states", "encoder_attention_mask", "class_labels", "text_embeds", "time_ids", "timestep_cond", "w", "down_block_additional_residuals", "mid_block_additional_residual", "down_intrablock_additional_residuals"]);
        RefuseUnknown(name, args.EnumerateObject().Select(entry => entry.Name), ["timestep", "freeu", "embedding_dim", "scale"]);

        var sample = Input("sample")!;
        var guidance = Input("w") is { } w ? SinusoidalEmbedding.OfGuidance(w, args.GetProperty("embedding_dim").GetInt32()) : Input("timestep_cond");
        var time = Input("timestep") is { } times ? times.to(float32) : full(sample.shape[0], TimeNumber(network, args.GetProperty("timestep")), dtype: float32);
        var condition = new Conditioning
        {
            Classes = Input("class_labels"),
            Tokens = Input("encoder_hidden_states"),
            TokenMask = Input("encoder_attention_mask"),
            Pooled = Input("text_embeds"),
            Sizes = Input("time_ids"),
            GuidanceEmbedding = guidance,
            SkipResiduals = Inputs("down_block_additional_residuals"),
            MiddleResidual = Input("mid_block_additional_residual"),
            AdapterFeatures = Inputs("down_intrablock_additional_residuals"),
            FreeU = args.TryGetProperty("freeu", out var freeU) ? FreeUOf(freeU) : null,
        };
        using var recorder = new ActivationRecorder(network);
        var outputs = new Dictionary<string, Tensor?> { ["sample"] = network.forward(sample, time, condition), ["timestep_cond"] = guidance };
        foreach (var output in call.GetProperty("outputs").EnumerateObject())
        {
            var got = outputs.GetValueOrDefault(output.Name) ?? throw new NotImplementedHereException($"output {output.Name} of call {name}");
            check.Tensor($"{name}/{output.Name}", got, io.Read(output.Value.GetString()!), OutputTolerance(tolerance, output.Name));
        }
        foreach (var activation in call.TryGetProperty("activations", out var recorded) ? recorded.EnumerateObject().AsEnumerable() : [])
            check.Tensor($"{name}/{activation.Name}", recorder.Read(activation.Name), io.Read(activation.Value.GetString()!), tolerance.GetProperty("activations").GetDouble());
    }

    private static double OutputTolerance(JsonElement tolerance, string output) =>
        tolerance.TryGetProperty("outputs", out var single) && single.TryGetProperty(output, out var own) ? own.GetDouble() : tolerance.GetProperty("relative_to_absmax").GetDouble();

    /// <summary>A time that the original got as a number: UNet2DModel makes it a 64-bit integer.</summary>
    private static double TimeNumber(DenoisingNetwork network, JsonElement time) => network.Config is UNet2DConfig ? Math.Truncate(time.GetDouble()) : time.GetDouble();

    private static FreeU FreeUOf(JsonElement factors) => new(
        factors.GetProperty("s1").GetDouble(), factors.GetProperty("s2").GetDouble(), factors.GetProperty("b1").GetDouble(), factors.GetProperty("b2").GetDouble());

    private static void RefuseUnknown(string call, IEnumerable<string> names, IReadOnlyCollection<string> known)
    {
        if (names.FirstOrDefault(name => !known.Contains(name)) is { } unknown) throw new NotImplementedHereException($"argument {unknown} of call {call}");
    }
}

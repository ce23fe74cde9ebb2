using System.Text.Json;
using Imago.Encoders;
using Imago.Models;
using Imago.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Golden.Sets;

/// <summary>CLIPTextModel, CLIPTextModelWithProjection and T5EncoderModel: all hidden states and what is pooled.</summary>
internal sealed partial class ModelsSet
{
    private static void RunTextEncoder(GoldenCase golden, Checks check)
    {
        using var noGrad = no_grad();
        var configPath = golden.PathOf(golden.Entry.GetProperty("config").GetString()!);
        var config = (TextEncoderConfig)EncoderConfig.Parse(File.ReadAllText(configPath), configPath);
        using var io = golden.Open(golden.Entry.GetProperty("io").GetString()!);
        foreach (var weights in WeightFiles(golden))
            foreach (var call in golden.Entry.GetProperty("calls").EnumerateArray()) RunTextCall(EncoderFiles.LoadText(Changed(config, call.GetProperty("args")), golden.PathOf(weights)), call, io, check);
    }

    /// <summary>The case's weights, and the same in other spellings.</summary>
    private static IEnumerable<string> WeightFiles(GoldenCase golden) =>
    [
        golden.Entry.GetProperty("weights").GetString()!,
        .. golden.Entry.TryGetProperty("extra_files", out var extra) ? extra.EnumerateObject().Select(file => file.Name).Where(name => name.EndsWith(".safetensors", StringComparison.Ordinal)) : [],
    ];

    private static TextEncoderConfig Changed(TextEncoderConfig config, JsonElement args) =>
        config is ClipTextConfig clip && args.TryGetProperty("eos_token_id", out var end) ? clip with { EosTokenId = end.GetInt32() } : config;

    private static void RunTextCall(TextEncoder model, JsonElement call, TensorFile io, Checks check)
    {
        var name = call.GetProperty("name").GetString()!;
        var inputs = call.GetProperty("inputs").EnumerateObject().ToDictionary(entry => entry.Name, entry => io.Read(entry.Value.GetString()!));
        if (inputs.TryGetValue("relative_position", out var distance))
        {
            int Argument(string key) => call.GetProperty("args").GetProperty(key).GetInt32();
            check.Exact(name, T5Attention.Buckets(distance, Argument("num_buckets"), Argument("max_distance")), io.Read(call.GetProperty("outputs").GetProperty("bucket").GetString()!));
            return;
        }
        CheckEncoding(name, model.Encode(inputs["input_ids"], inputs.GetValueOrDefault("attention_mask")), call, io, check);
    }

    /// <summary>Every output of a call of an encoder.</summary>
    private static void CheckEncoding(string name, EncoderOutput output, JsonElement call, TensorFile io, Checks check)
    {
        var tolerance = call.GetProperty("tolerance").GetProperty("relative_to_absmax").GetDouble();
        foreach (var stored in call.GetProperty("outputs").EnumerateObject())
        {
            var got = stored.Name switch
            {
                "hidden_states" => output.HiddenStates,
                "last_hidden_state" => [output.Last],
                "pooler_output" => [output.Pooled!],
                "text_embeds" or "image_embeds" => [output.Embedding!],
                var other => throw new NotImplementedHereException($"output {other} of call {name}"),
            };
            string[] want = stored.Value.ValueKind == JsonValueKind.Array ? [.. stored.Value.EnumerateArray().Select(tensor => tensor.GetString()!)] : [stored.Value.GetString()!];
            check.Equal($"{name}/{stored.Name} count", got.Count, want.Length);
            foreach (var (tensor, stated) in got.Zip(want)) check.Tensor($"{name}/{stated}", tensor, io.Read(stated), tolerance);
        }
    }
}

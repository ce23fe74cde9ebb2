using System.Text.Json;
using Imago.Encoders;
using Imago.Models;
using Imago.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Golden.Sets;

/// <summary>CLIPVisionModel, CLIPVisionModelWithProjection, Dinov2Model and CLIPModel.</summary>
internal sealed partial class ModelsSet
{
    private static void RunImageEncoder(GoldenCase golden, Checks check)
    {
        using var noGrad = no_grad();
        using var io = golden.Open(golden.Entry.GetProperty("io").GetString()!);
        foreach (var weights in WeightFiles(golden))
        {
            var model = EncoderFiles.LoadImage(golden.PathOf(golden.Entry.GetProperty("config").GetString()!), golden.PathOf(weights));
            foreach (var call in golden.Entry.GetProperty("calls").EnumerateArray())
            {
                var name = call.GetProperty("name").GetString()!;
                var inputs = call.GetProperty("inputs").EnumerateObject().ToDictionary(entry => entry.Name, entry => io.Read(entry.Value.GetString()!));
                RefuseUnknown(name, inputs.Keys, ["pixel_values", "bool_masked_pos"]);
                CheckEncoding(name, model.Encode(inputs["pixel_values"], inputs.GetValueOrDefault("bool_masked_pos")), call, io, check);
            }
        }
    }

    private static void RunClip(GoldenCase golden, Checks check)
    {
        using var noGrad = no_grad();
        using var io = golden.Open(golden.Entry.GetProperty("io").GetString()!);
        var model = EncoderFiles.LoadClip(golden.PathOf(golden.Entry.GetProperty("config").GetString()!), golden.PathOf(golden.Entry.GetProperty("weights").GetString()!));
        foreach (var call in golden.Entry.GetProperty("calls").EnumerateArray()) RunClipCall(model, call, io, check);
    }

    private static void RunClipCall(ClipModel model, JsonElement call, TensorFile io, Checks check)
    {
        var name = call.GetProperty("name").GetString()!;
        Tensor? Input(string argument) => call.GetProperty("inputs").TryGetProperty(argument, out var tensor) ? io.Read(tensor.GetString()!) : null;
        var (images, texts) = (model.EmbedImages(Input("pixel_values")!), model.EmbedTexts(Input("input_ids")!, Input("attention_mask")));
        foreach (var stored in call.GetProperty("outputs").EnumerateObject())
        {
            var got = stored.Name switch
            {
                "image_features" => images,
                "text_features" => texts,
                "image_embeds" => ClipModel.Normalised(images),
                "text_embeds" => ClipModel.Normalised(texts),
                "logits_per_image" => model.Logits(images, texts),
                "logits_per_text" => model.Logits(images, texts).transpose(0, 1),
                "clip_score" => ClipModel.Score(images, texts),
                var other => throw new NotImplementedHereException($"output {other} of call {name}"),
            };
            check.Tensor($"{name}/{stored.Name}", got, io.Read(stored.Value.GetString()!), OutputTolerance(call.GetProperty("tolerance"), stored.Name));
        }
    }
}

using System.Text.Json;
using Imago.Autoencoders;
using Imago.Metrics;
using Imago.Models;
using Imago.Probability;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Golden.Sets;

/// <summary>The group <c>networks</c>: pretrained networks from their own files, on stored pictures.</summary>
internal sealed partial class VaeSet
{
    private static void RunNetworks(GoldenCase golden, Checks check)
    {
        using var noGrad = no_grad();
        string[] weights = [.. golden.Entry.GetProperty("inputs").EnumerateArray()
            .Where(input => input.TryGetProperty("weights", out _)).Select(input => WeightsPath(golden, input.GetProperty("weights").GetString()!))];
        var model = weights.Length == 2 ? AutoencoderFiles.LoadTaesd(weights[0], weights[1]) : AutoencoderFiles.Load(weights[0]);
        if (model is ConvAutoencoder conv) RunDisentangling(conv, golden, check);
        else RunTiny((TinyAutoencoder)model, golden, check);
    }

    /// <summary>Paths of checkpoints are relative to the folder that holds the shared one; where that moved, to the nearest folder above that has them.</summary>
    private static string WeightsPath(GoldenCase golden, string relative)
    {
        for (var folder = new DirectoryInfo(golden.Folder); folder is not null; folder = folder.Parent)
        {
            var path = Path.Combine(folder.FullName, relative);
            if (File.Exists(path)) return path;
        }
        throw new NotImplementedHereException($"the checkpoint {relative} is not there");
    }

    private static void RunDisentangling(ConvAutoencoder model, GoldenCase golden, Checks check)
    {
        var tolerance = golden.Entry.GetProperty("tolerance").GetDouble();
        var (inputs, stored) = (ReadTensors(golden, "inputs").ToDictionary(), ReadOutputs(golden));
        var x = inputs["x8"].to(float32) / 255;
        var posterior = model.Encode(x);
        var raw = stack([posterior.Mean, posterior.LogVar], 2).flatten(1);
        check.Tensor("mu_logvar_gen", raw, stored["mu_logvar_gen"], tolerance);
        check.Tensor("mu", posterior.Mean, stored["mu"], tolerance);
        check.Tensor("logvar", posterior.LogVar, stored["logvar"], tolerance);
        var shown = stored["reconstruction"].shape[0];
        check.Tensor("reconstruction", model.ToPixels(model.Decode(posterior.Mean[TensorIndex.Slice(0, shown)])), stored["reconstruction"], tolerance);
        check.Tensor("decoded_z_free", model.ToPixels(model.Decode(inputs["z_free"])), stored["decoded_z_free"], tolerance);

        model.to(float64);
        var scalars = golden.Json(golden.Entry.GetProperty("scalars").GetString()!);
        var (x64, posterior64) = (x.to(float64), model.Encode(x.to(float64)));
        var logits = model.Decode(posterior64.Mean);
        var (cross, psnr) = (Reconstruction.Bernoulli(logits, x64), ImageQuality.Psnr(logits.sigmoid(), x64));
        CheckFigures(scalars, check, tolerance,
            ("bce_per_image", cross), ("psnr_per_image", psnr), ("kl_per_image", posterior64.Kl()), ("mean_kl_per_latent", posterior64.KlPerLatent().mean([0])),
            ("mean_bce", cross.mean()), ("mean_psnr", psnr.mean()));
    }

    private static void RunTiny(TinyAutoencoder model, GoldenCase golden, Checks check)
    {
        var tolerance = golden.Entry.GetProperty("tolerance").GetDouble();
        var (inputs, stored) = (ReadTensors(golden, "inputs").ToDictionary(), ReadOutputs(golden));
        var x = inputs["x8"].to(float32) / 255;
        var latent = model.Encode(x).Mean;
        check.Tensor("latent", latent, stored["latent"], tolerance);
        if (!stored.TryGetValue("reconstruction", out var wanted)) return;
        var reconstruction = model.Decode(latent);
        check.Tensor("reconstruction", reconstruction, wanted, tolerance);
        var bytes = (model.ScaleLatents(latent) * 255).round();
        check.True("latent_8bit", (bytes - stored["latent_8bit"].to(float32)).abs().max().item<float>() <= 1, "differs by more than one step of 8 bits");
        var decoded = model.Decode(model.UnscaleLatents(stored["latent_8bit"].to(float32) / 255));
        check.Tensor("reconstruction_of_8bit", decoded[TensorIndex.Slice(0, stored["reconstruction_of_8bit"].shape[0])], stored["reconstruction_of_8bit"], tolerance);
        CheckFigures(golden.Json(golden.Entry.GetProperty("scalars").GetString()!), check, tolerance,
            ("psnr_per_image", ImageQuality.Psnr(reconstruction.clamp(0, 1), x)), ("psnr_of_8bit_latents_per_image", ImageQuality.Psnr(decoded.clamp(0, 1), x)));
    }

    private static void CheckFigures(JsonElement scalars, Checks check, double tolerance, params (string Name, Tensor Value)[] figures)
    {
        foreach (var (name, value) in figures)
        {
            if (!scalars.TryGetProperty(name, out var want)) continue;
            if (want.ValueKind == JsonValueKind.Array) check.Tensor(name, value, tensor(want.EnumerateArray().Select(number => number.Number()).ToArray(), dtype: float64), tolerance);
            else check.Scalar(name, value.item<double>(), want.Number(), tolerance);
        }
    }
}

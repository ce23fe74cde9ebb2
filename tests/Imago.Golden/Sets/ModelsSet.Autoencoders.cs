using System.Text.Json;
using Imago.Autoencoders;
using Imago.Models;
using Imago.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Golden.Sets;

/// <summary>AutoencoderKL and AutoencoderTiny: outputs of every call and the activations recorded in them.</summary>
internal sealed partial class ModelsSet
{
    private static void RunAutoencoder(GoldenCase golden, Checks check)
    {
        using var noGrad = no_grad();
        var model = LoadAutoencoder(golden, golden.Entry.GetProperty("config").GetString()!, golden.Entry.GetProperty("weights").GetString()!);
        using var io = golden.Open(golden.Entry.GetProperty("io").GetString()!);
        var calls = golden.Entry.GetProperty("calls").EnumerateArray().ToList();
        foreach (var call in calls) RunAutoencoderCall(model, call, io, check);
        foreach (var twin in AutoencoderTwins(golden))
            foreach (var call in calls) RunAutoencoderCall(twin, call, io, check);
    }

    /// <summary>The same network from the case's extra files: another spelling of the configuration, or of the keys.</summary>
    private static IEnumerable<Autoencoder> AutoencoderTwins(GoldenCase golden)
    {
        if (!golden.Entry.TryGetProperty("extra_files", out var extra)) yield break;
        foreach (var file in extra.EnumerateObject().Select(entry => entry.Name))
        {
            yield return file.EndsWith(".json", StringComparison.Ordinal)
                ? LoadAutoencoder(golden, file, golden.Entry.GetProperty("weights").GetString()!)
                : LoadAutoencoder(golden, golden.Entry.GetProperty("config").GetString()!, file);
        }
    }

    private static Autoencoder LoadAutoencoder(GoldenCase golden, string config, string weights) =>
        AutoencoderFiles.LoadDiffusers(golden.PathOf(config), golden.PathOf(weights));

    private static void RunAutoencoderCall(Autoencoder model, JsonElement call, TensorFile io, Checks check)
    {
        var name = call.GetProperty("name").GetString()!;
        var inputs = call.GetProperty("inputs").EnumerateObject().ToDictionary(entry => entry.Name, entry => io.Read(entry.Value.GetString()!));
        var tolerance = call.GetProperty("tolerance");
        using var recorder = new ActivationRecorder(model);
        var outputs = model is KlAutoencoder kl ? KlOutputs(kl, call, inputs) : TinyOutputs((TinyAutoencoder)model, call, inputs);
        foreach (var output in call.GetProperty("outputs").EnumerateObject())
        {
            var want = io.Read(output.Value.GetString()!);
            if (!outputs.TryGetValue(output.Name, out var got)) throw new NotImplementedHereException($"output {output.Name} of call {name}");
            if (want.dtype == ScalarType.Byte) check.True($"{name}/{output.Name}", (got().to(int32) - want.to(int32)).abs().max().item<int>() <= 1, "differs by more than one step of 8 bits");
            else check.Tensor($"{name}/{output.Name}", got(), want, tolerance.GetProperty("relative_to_absmax").GetDouble());
        }
        foreach (var activation in call.GetProperty("activations").EnumerateObject())
            check.Tensor($"{name}/{activation.Name}", recorder.Read(activation.Name), io.Read(activation.Value.GetString()!), tolerance.GetProperty("activations").GetDouble());
    }

    private static Dictionary<string, Func<Tensor>> KlOutputs(KlAutoencoder model, JsonElement call, Dictionary<string, Tensor> inputs)
    {
        var args = call.GetProperty("args");
        var tiled = args.TryGetProperty("tile_sample_min_size", out var sample);
        int Latent() => args.GetProperty("tile_latent_min_size").GetInt32();
        double Overlap() => args.GetProperty("tile_overlap_factor").GetDouble();
        if (inputs.TryGetValue("z", out var z))
        {
            var decoded = tiled ? Tiles.CrossFade(model.Decode, z, Latent(), sample.GetInt32(), Overlap()) : model.Decode(z);
            return new() { ["sample"] = () => decoded };
        }
        var x = inputs["x"];
        var config = (KlConfig)model.Config;
        var moments = tiled ? Tiles.CrossFade(model.Moments, x, sample.GetInt32(), Latent(), Overlap()) : model.Moments(x);
        var posterior = KlAutoencoder.Posterior(moments);
        var scaled = (posterior.Mean - (config.ShiftFactor ?? 0)) * config.ScalingFactor;
        return new()
        {
            ["moments"] = () => moments,
            ["mean"] = () => posterior.Mean,
            ["mode"] = () => posterior.Mean,
            ["logvar"] = () => posterior.LogVar,
            ["std"] = () => posterior.StandardDeviation,
            ["kl"] = posterior.Kl,
            ["sampled"] = () => posterior.Sample(inputs["noise"]),
            ["nll"] = () => -posterior.LogDensity(inputs["noise"]),
            ["reconstruction"] = () => model.Decode(posterior.Mean),
            ["scaled"] = () => scaled,
            ["decoded_from_scaled"] = () => model.Decode(scaled / config.ScalingFactor + (config.ShiftFactor ?? 0)),
        };
    }

    /// <summary>diffusers' class speaks [−1, 1] on both sides, Imago's the [0, 1] of the network.</summary>
    private static Dictionary<string, Func<Tensor>> TinyOutputs(TinyAutoencoder model, JsonElement call, Dictionary<string, Tensor> inputs)
    {
        var args = call.GetProperty("args");
        var tiled = args.TryGetProperty("tile_sample_min_size", out var sample);
        int Latent() => args.GetProperty("tile_latent_min_size").GetInt32();
        double Overlap() => args.GetProperty("tile_overlap_factor").GetDouble();
        Tensor Encode(Tensor x) => model.Encode((x + 1) / 2).Mean;
        Tensor Decode(Tensor z) => 2 * model.Decode(z) - 1;
        if (inputs.TryGetValue("z", out var z))
        {
            var decoded = tiled ? Tiles.Feather(Decode, z, Latent(), sample.GetInt32(), Overlap()) : Decode(z);
            return new() { ["sample"] = () => decoded };
        }
        var x = inputs["x"];
        var latents = tiled ? Tiles.Feather(Encode, x, sample.GetInt32(), Latent(), Overlap()) : Encode(x);
        var scaled = model.ScaleLatents(latents);
        Tensor Bytes() => (255 * scaled).round();
        return new()
        {
            ["latents"] = () => latents,
            ["scaled"] = () => scaled,
            ["unscaled"] = () => model.UnscaleLatents(scaled),
            ["byte"] = Bytes,
            ["reconstruction"] = () => Decode(latents),
            ["sample"] = () => Decode(model.UnscaleLatents(Bytes() / 255)),
        };
    }
}

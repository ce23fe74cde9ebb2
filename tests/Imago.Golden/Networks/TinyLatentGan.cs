using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Imago.Golden.Networks;

/// <summary>The small networks of the reference run of an adversarial autoencoder: autoencoder, patch discriminator, perceptual distance.</summary>
internal static class TinyLatentGan
{
    internal static (Tensor Mean, Tensor LogVar) Encode(NamedWeights w, Tensor x)
    {
        var h = silu(w.GroupNorm("autoencoder.encoder.norm", w.Conv("autoencoder.encoder.conv_in", x, stride: 2), 2));
        var moments = w.Conv("autoencoder.encoder.conv_out", h, stride: 2).chunk(2, 1);
        return (moments[0], moments[1].clamp(-30, 20));
    }

    internal static Tensor Decode(NamedWeights w, Tensor z)
    {
        var h = silu(w.GroupNorm("autoencoder.decoder.norm1", w.Conv("autoencoder.decoder.conv_in", z), 2));
        h = silu(w.GroupNorm("autoencoder.decoder.norm2", w.Conv("autoencoder.decoder.up1", TinyDenoisers.Twice(h)), 2));
        return w.Conv("autoencoder.decoder.conv_out", TinyDenoisers.Twice(h));
    }

    /// <summary>Logits of the patches: a convolution with bias, then convolutions with batch normalisation, then one to a single channel.</summary>
    internal static Tensor Discriminate(NamedWeights w, Tensor x)
    {
        var layers = w.All.Select(entry => entry.Key).Where(key => key.StartsWith("discriminator.main.", StringComparison.Ordinal) && key.EndsWith(".weight", StringComparison.Ordinal) && w[key].dim() == 4)
            .Select(key => int.Parse(key.Split('.')[2], System.Globalization.CultureInfo.InvariantCulture)).Order().ToArray();
        var h = leaky_relu(w.Conv("discriminator.main.0", x, stride: 2), 0.2);
        for (int i = 1; i < layers.Length - 1; i++)
        {
            var stride = i < layers.Length - 2 ? 2 : 1;
            h = leaky_relu(w.BatchNorm($"discriminator.main.{layers[i] + 1}", w.Conv($"discriminator.main.{layers[i]}", h, stride)), 0.2);
        }
        return w.Conv($"discriminator.main.{layers[^1]}", h);
    }

    /// <summary>The stand-in of a perceptual distance, [B, 1, 1, 1].</summary>
    internal static Tensor PerceptualDistance(NamedWeights w, Tensor x, Tensor y)
    {
        Tensor Scaled(Tensor t) => (t - w["lpips.shift"]) / w["lpips.scale"];
        var (a, b) = (Scaled(x), Scaled(y));
        var stages = w.All.Count(entry => entry.Key.StartsWith("lpips.lins.", StringComparison.Ordinal));
        Tensor? distance = null;
        for (int i = 0; i < stages; i++)
        {
            if (i > 0) (a, b) = (max_pool2d(a, [2, 2], [2, 2]), max_pool2d(b, [2, 2], [2, 2]));
            (a, b) = (relu(w.Conv($"lpips.convs.{i}", a)), relu(w.Conv($"lpips.convs.{i}", b)));
            var stage = w.Conv($"lpips.lins.{i}", (Unit(a) - Unit(b)).square(), padding: 0).mean([2, 3], keepdim: true);
            distance = distance is null ? stage : distance + stage;
        }
        return distance!;
    }

    private static Tensor Unit(Tensor features) => features / (features.square().sum(1, keepdim: true).sqrt() + 1e-10);
}

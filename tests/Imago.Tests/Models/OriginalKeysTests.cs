using Imago.Golden;
using Imago.Models.Originals;
using Imago.Weights;

namespace Imago.Tests;

/// <summary>The original layouts' names against the published lists of diffusers' names, at full size: written down here as the original code builds its networks.</summary>
public sealed class OriginalKeysTests
{
    [Theory]
    [InlineData("unet_sd15", new[] { 320, 640, 1280, 1280 }, new[] { 1, 1, 1, 0 }, 768, false, false)]
    [InlineData("unet_sd21", new[] { 320, 640, 1280, 1280 }, new[] { 1, 1, 1, 0 }, 1024, true, false)]
    [InlineData("unet_sdxl_base", new[] { 320, 640, 1280 }, new[] { 0, 2, 10 }, 2048, true, true)]
    [InlineData("unet_sdxl_refiner", new[] { 384, 768, 1536, 1536 }, new[] { 0, 4, 4, 0 }, 1280, true, true)]
    public void UNet_AsTheOriginalBuildsIt_BecomesThePublishedKeys(string list, int[] widths, int[] depths, int context, bool isLinear, bool hasLabels)
    {
        var original = CompVisNames.UNet(widths, depths, context, isLinear, hasLabels).ToList();
        Same(list, original, OriginalUNet.Map([.. original.Select(entry => entry.Name)]), list == "unet_sdxl_refiner" ? 2560 : 2816);
    }

    [Theory]
    [InlineData("vae_4ch", 4, true)]
    [InlineData("vae_sd3", 16, false)]
    public void Autoencoder_AsTheOriginalBuildsIt_BecomesThePublishedKeys(string list, int latents, bool hasQuantisation)
    {
        var original = CompVisNames.Autoencoder([128, 256, 512, 512], latents, hasQuantisation).ToList();
        Same(list, original, OriginalAutoencoder.Map([.. original.Select(entry => entry.Name)]));
    }

    [Theory]
    [InlineData("text_openclip_h23", 1024, 24, 23, null)]
    [InlineData("text_openclip_bigg", 1280, 32, 32, 1280)]
    public void OpenClip_AsTheOriginalBuildsIt_BecomesThePublishedKeys(string list, int width, int layers, int used, int? projection) =>
        Same(list, CompVisNames.OpenClip(width, layers), OriginalOpenClip.Map(used, projection is not null));

    [Theory]
    [InlineData("transformer_sd3_medium", 24, 192, false, 0)]
    [InlineData("transformer_sd35_medium", 24, 384, true, 13)]
    [InlineData("transformer_sd35_large", 38, 192, true, 0)]
    public void MMDiT_AsTheOriginalBuildsIt_BecomesThePublishedKeys(string list, int depth, int places, bool hasNorms, int dual)
    {
        var original = CompVisNames.MMDiT(depth, places, hasNorms, dual).ToList();
        Same(list, original, OriginalMMDiT.Map([.. original.Select(entry => entry.Name)]));
    }

    private static void Same(string list, IEnumerable<(string Name, long[] Shape)> original, Func<string, IReadOnlyList<KeyOrigin>?> map, int labels = 0)
    {
        var path = Path.GetFullPath(Path.Combine(GoldenFolder.Repository() ?? ".", "..", "shared", "golden", "models", "keys", $"{list}.txt"));
        Assert.SkipUnless(File.Exists(path), $"{path} is not there");
        var want = File.ReadLines(path).Where(line => !line.StartsWith('#')).Select(line => line.Split('\t')).Select(parts => $"{parts[0]} {parts[2]}").Order(StringComparer.Ordinal);
        var got = from entry in original
                  let shape = entry.Name == "label_emb.0.0.weight" ? [entry.Shape[0], labels] : entry.Shape
                  from origin in map(entry.Name) ?? throw new InvalidOperationException($"{entry.Name} has no line in the table")
                  select $"{origin.Name} {string.Join('x', origin.ShapeOf(shape)!)}";
        Assert.Equal(want, got.Order(StringComparer.Ordinal));
    }
}

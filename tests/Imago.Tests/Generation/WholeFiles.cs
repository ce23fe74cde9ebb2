using Imago.Generation.SingleFiles;
using Imago.Weights;
using TorchSharp;

namespace Imago.Tests;

/// <summary>Names and shapes of the published single files, whole.</summary>
internal static class WholeFiles
{
    private const string Network = "model.diffusion_model.", Autoencoder = "first_stage_model.";

    internal static IEnumerable<(string Name, long[] Shape)> Of(OriginalFamily family) => family switch
    {
        OriginalFamily.StableDiffusion1 =>
            [.. Under(Network, CompVisNames.UNet([320, 640, 1280, 1280], [1, 1, 1, 0], 768, isLinear: false, hasLabels: false)), .. Vae(4), .. Under("cond_stage_model.transformer.", Clip(768, 12)), ("cond_stage_model.transformer.text_model.embeddings.position_ids", [1, 77])],
        OriginalFamily.StableDiffusion2 =>
            [.. Under(Network, CompVisNames.UNet([320, 640, 1280, 1280], [1, 1, 1, 0], 1024, isLinear: true, hasLabels: false)), .. Vae(4), .. Under("cond_stage_model.model.", CompVisNames.OpenClip(1024, 24))],
        OriginalFamily.StableDiffusionXL =>
            [.. Under(Network, Labelled(CompVisNames.UNet([320, 640, 1280], [0, 2, 10], 2048, isLinear: true, hasLabels: true), 2816)), .. Vae(4), .. Under("conditioner.embedders.0.transformer.", Clip(768, 12)), .. Under("conditioner.embedders.1.model.", CompVisNames.OpenClip(1280, 32))],
        OriginalFamily.StableDiffusionXLRefiner =>
            [.. Under(Network, Labelled(CompVisNames.UNet([384, 768, 1536, 1536], [0, 4, 4, 0], 1280, isLinear: true, hasLabels: true), 2560)), .. Vae(4), .. Under("conditioner.embedders.0.model.", CompVisNames.OpenClip(1280, 32))],
        OriginalFamily.StableDiffusion3 =>
        [
            .. Under(Network, CompVisNames.MMDiT(24, 192, hasNorms: false, 0)), .. Vae(16), .. Under("text_encoders.clip_l.transformer.", Clip(768, 12)),
            .. Under("text_encoders.clip_g.transformer.", [.. Clip(1280, 32), ("text_projection.weight", [1280, 1280])]), .. Under("text_encoders.t5xxl.transformer.", T5()),
        ],
        OriginalFamily.StableDiffusion35Medium => [.. Under(Network, CompVisNames.MMDiT(24, 384, hasNorms: true, 13)), .. Vae(16)],
        OriginalFamily.StableDiffusion35Large => [.. Under(Network, CompVisNames.MMDiT(38, 192, hasNorms: true, 0)), .. Vae(16)],
        _ => throw new ArgumentOutOfRangeException(nameof(family)),
    };

    private static IEnumerable<(string, long[])> Vae(int latents) => Under(Autoencoder, CompVisNames.Autoencoder([128, 256, 512, 512], latents, hasQuantisation: latents == 4));

    private static IEnumerable<(string Name, long[] Shape)> Clip(long width, int layers) =>
    [
        ("text_model.embeddings.token_embedding.weight", [49408, width]), ("text_model.embeddings.position_embedding.weight", [77, width]), ("text_model.final_layer_norm.weight", [width]),
        .. Enumerable.Range(0, layers).Select(layer => ($"text_model.encoder.layers.{layer}.mlp.fc1.weight", new[] { 4 * width, width })),
    ];

    private static IEnumerable<(string Name, long[] Shape)> T5() =>
    [
        ("shared.weight", [32128, 4096]), ("encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight", [32, 64]),
        .. Enumerable.Range(0, 24).Select(block => ($"encoder.block.{block}.layer.1.DenseReluDense.wi_0.weight", new[] { 10240L, 4096 })),
    ];

    private static IEnumerable<(string, long[])> Labelled(IEnumerable<(string Name, long[] Shape)> entries, long inputs) =>
        entries.Select(entry => entry.Name == "label_emb.0.0.weight" ? (entry.Name, [entry.Shape[0], inputs]) : entry);

    private static IEnumerable<(string, long[])> Under(string prefix, IEnumerable<(string Name, long[] Shape)> entries) => entries.Select(entry => (prefix + entry.Name, entry.Shape));
}

/// <summary>A file of which nothing but names and shapes is known.</summary>
internal sealed class NamedShapes(string path, IEnumerable<(string Name, long[] Shape)> entries) : TensorFile
{
    public override string Path => path;

    public override IReadOnlyList<TensorInfo> Tensors { get; } = [.. entries.Select(entry => new TensorInfo(entry.Name, "F16", entry.Shape))];

    public override IReadOnlyDictionary<string, string> Metadata { get; } = new Dictionary<string, string>();

    public override torch.Tensor Read(string name) => throw new NotSupportedException();

    public override void Dispose()
    {
    }
}

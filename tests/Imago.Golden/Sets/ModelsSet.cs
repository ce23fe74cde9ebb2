namespace Imago.Golden.Sets;

/// <summary>The set <c>models</c>: one case a network, dispatched by its class.</summary>
internal sealed partial class ModelsSet : GoldenSet
{
    /// <inheritdoc/>
    public override string Name => "models";

    /// <inheritdoc/>
    protected override void Run(GoldenCase golden, Checks check)
    {
        switch (golden.Entry.GetProperty("class").GetString())
        {
            case "AutoencoderKL" or "AutoencoderTiny": RunAutoencoder(golden, check); break;
            case "CLIPTextModel" or "CLIPTextModelWithProjection" or "T5EncoderModel": RunTextEncoder(golden, check); break;
            case "UNet2DModel" or "UNet2DConditionModel": RunUNet(golden, check); break;
            case "UNet2DConditionModel with LoraConfig": RunLora(golden, check); break;
            case "DiTTransformer2DModel" or "SD3Transformer2DModel": RunTransformer(golden, check); break;
            case "CLIPVisionModel" or "CLIPVisionModelWithProjection" or "Dinov2Model": RunImageEncoder(golden, check); break;
            case "CLIPModel": RunClip(golden, check); break;
            case var other: throw new NotImplementedHereException($"Imago has no network {other} yet");
        }
    }
}

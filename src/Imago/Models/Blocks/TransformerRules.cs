namespace Imago.Models.Blocks;

/// <summary>What diffusion transformers' configurations have in common.</summary>
internal static class TransformerRules
{
    internal static void Sizes(ConfigRules rules, int heads, int headWidth, int layers, int patch, int sampleSize)
    {
        rules.Require(heads is > 0 and <= 256, "num_attention_heads", heads, "between 1 and 256");
        rules.Require(headWidth is > 0 and <= 1024, "attention_head_dim", headWidth, "between 1 and 1024");
        rules.Require(heads * headWidth % 4 == 0, "attention_head_dim", headWidth, $"such that {heads} heads make a multiple of 4");
        rules.Require(layers is > 0 and <= 256, "num_layers", layers, "between 1 and 256");
        rules.Require(patch is > 0 and <= 64, "patch_size", patch, "between 1 and 64 pixels");
        rules.Require(sampleSize >= patch && sampleSize <= 65536, "sample_size", sampleSize, $"between patch_size = {patch} and 65536 pixels");
    }
}

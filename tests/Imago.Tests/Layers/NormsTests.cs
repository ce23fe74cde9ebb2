using Imago.Autoencoders;
using Imago.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Imago.Tests;

public class NormsTests
{
    public static TheoryData<AutoencoderConfig> Networks =>
    [
        new ConvConfig { Channels = 1, Height = 16, Width = 16, Widths = [4, 8], Hidden = [], Latent = 2, NormGroups = 2 },
        new KlConfig { BlockOutChannels = [8, 8], NormNumGroups = 4 },
        new TinyConfig { LatentStagePool = true },
    ];

    [Theory]
    [MemberData(nameof(Networks))]
    public void FreshNetwork_Normalises_WithoutScaleOrShift(AutoencoderConfig config)
    {
        using var scope = NewDisposeScope();
        for (int attempt = 0; attempt < 3; attempt++)
        {
            using (full(4096, float.NaN)) { }                       // what freed memory may hold
            var network = config.Create();
            var norms = network.named_modules().Where(pair => pair.module is TorchSharp.Modules.GroupNorm).Select(pair => (TorchSharp.Modules.GroupNorm)pair.module).ToList();
            Assert.NotEmpty(norms);
            Assert.All(norms, norm => Assert.True(norm.weight!.eq(1).all().item<bool>() && norm.bias!.eq(0).all().item<bool>()));
        }
    }
}

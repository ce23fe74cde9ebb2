#:project ../src/Imago/Imago.csproj
#:property UsesTorch=true
#:property PublishAot=false

// What does each latent of a variational autoencoder do? Walk along it, all others kept.
//
//   dotnet run samples/traverse.cs -- MODEL       (a run of imago train, or a pretrained checkpoint; writes traverse.png)
//
// Last line: each latent from low to high: traverse.png

using Imago.Autoencoders;
using Imago.Exploration;
using Imago.Images;
using Imago.Models;
using TorchSharp;

bool tiny = args.Contains("--tiny");                        // an untrained network, to see that the program works
if (args.Length == 0)
{
    Console.Error.WriteLine("usage: dotnet run samples/traverse.cs -- MODEL");
    return 2;
}
using Autoencoder model = tiny
    ? new MlpConfig { Channels = 1, Height = 8, Width = 8, Hidden = [16], Latent = 4 }.Create()
    : AutoencoderFiles.Load(args[0]);

// How much does a latent say, in nats, and which values does it take? The model's own samples tell.
LatentSpace space = new(model);
using torch.Generator generator = new(0);
using LatentCodes codes = space.EncodeSamples(tiny ? 20 : 1000, generator);
List<LatentRange> latents = [.. codes.Summarise().Take(10)];

// From the mean of all codes, one latent at a time from its low end to its high end.
const int steps = 9;
using var centre = codes.Means.mean([0L]);
List<IReadOnlyList<PixelImage>> rows = [];
foreach (LatentRange latent in latents)
{
    using var path = Traversals.Along(centre, latent.Index, Traversals.Values(latent.Low, latent.High, steps));
    using var pictures = space.Decode(path);
    rows.Add(Pictures.FromBatch(pictures, PixelRange.ZeroToOne));
    Console.WriteLine($"z{latent.Index}: {latent.Information:0.00} nats, {latent.Low:0.0} to {latent.High:0.0}");
}
ImageFile.Write("traverse.png", ImageGrid.Draw(rows, new GridOptions { RowLabels = [.. latents.Select(latent => $"z{latent.Index}")], Scale = 2 }));
Console.WriteLine("each latent from low to high: traverse.png");
return 0;

#:project ../src/Imago/Imago.csproj
#:property UsesTorch=true
#:property PublishAot=false

// A variational autoencoder learns drawn faces, then makes faces smile that it has never seen.
//
//   dotnet run samples/smile.cs [-- MINUTES]      (default 2; writes smile.png)
//
// Last line: six faces, from a frown to a smile: smile.png

using System.Globalization;
using Imago.Autoencoders;
using Imago.Data;
using Imago.Exploration;
using Imago.Images;
using Imago.Training;

bool tiny = args.Contains("--tiny");                        // seconds, to see that the program works
double minutes = args.Length > 0 && !tiny ? double.Parse(args[0], CultureInfo.InvariantCulture) : 2;
int size = tiny ? 16 : 64;

// Learn: a convolutional network with 48 latents and the VAE's own objective.
AutoencoderRunConfig config = new()
{
    Data = new RunDataConfig { Source = "faces", Size = size, Count = tiny ? 120 : 12_000 },
    Network = AutoencoderPresets.All["conv"](new ImageShape(3, size, size), 48, true),
    Objective = new ObjectiveConfig { Name = "vae", Likelihood = LikelihoodKind.GaussianOptimal },
    Optimizer = new AdamWConfig { LearningRate = 2e-3 },
    Training = tiny ? new TrainingOptions { Steps = 3 } : new TrainingOptions { Minutes = minutes },
};
DatasetSplits faces = config.Data.Open();
using AutoencoderTraining training = new(config, faces);
Console.WriteLine($"Learning from {faces.Train.Count} faces ...");
TrainingResult result = training.Run();
Console.WriteLine($"{result.Steps} steps.");

// Find the direction of a smile in the latent space: faces that smile, less faces that do not, all other things being equal on average.
LatentSpace space = new(training.Model);
using LatentCodes codes = space.Encode(faces.Train);
IReadOnlyList<bool> smiling = ExampleSelector.Parse("smile > 0.2", faces.Train).Select(codes);
using AttributeDirection smile = AttributeEdit.Learn(codes.Means, smiling);
Console.WriteLine($"{smile.With} of them smile; the direction tells them from the others with {smile.Accuracy:P0} accuracy.");

// Add it to six faces that were held out: z + s · direction.
SubsetDataset heldOut = new(faces.Test, [0, 1, 2, 3, 4, 5]);
double[] strengths = [-1, -0.5, 0, 0.5, 1, 1.5];
using var images = space.Load(heldOut);
using var z = space.Encode(images).Mean;
using var changed = AttributeEdit.Apply(z, smile.Vector, strengths);
using var pictures = space.Decode(changed);

// A row for each face: itself, and what the decoder makes of its latents as they move.
var rows = Pictures.FromBatch(images, PixelRange.ZeroToOne)
    .Zip(Pictures.FromBatch(pictures, PixelRange.ZeroToOne).Chunk(strengths.Length), (face, row) => (IReadOnlyList<PixelImage>)[face, .. row]);
ImageFile.Write("smile.png", ImageGrid.Draw([.. rows], new GridOptions { ColumnLabels = ["face", .. strengths.Select(s => $"{s:+0.0;-0.0;0}")], Scale = 2 }));
Console.WriteLine("six faces, from a frown to a smile: smile.png");

#:project ../src/Imago/Imago.csproj
#:property UsesTorch=true

// Trains a variational autoencoder on drawn faces, and draws new ones with it.
//
//   dotnet run samples/train_vae.cs [MINUTES]        (default 2; --tiny for two steps on a few faces)
// Last line: 32 new faces in drawn.png

using System.Globalization;
using Imago.Autoencoders;
using Imago.Images;
using Imago.Training;
using TorchSharp;

bool isTiny = args.Contains("--tiny");
double minutes = args.Length > 0 && !isTiny ? double.Parse(args[0], CultureInfo.InvariantCulture) : 2;
const string file = "drawn.png";
const int size = 64, latents = 32, columns = 8, rows = 4;

// A run is a record: the images, the network, what it is trained for, and for how long. The same record gives the same run.
AutoencoderRunConfig config = new()
{
    Data = new RunDataConfig { Source = "faces", Size = size, Count = isTiny ? 160 : 4000 },
    Network = AutoencoderPresets.All["conv"](new ImageShape(3, size, size), latents, true),
    Objective = new ObjectiveConfig { Name = "vae", Likelihood = LikelihoodKind.Gaussian },
    Optimizer = new AdamWConfig { LearningRate = 1e-3 },
    Training = new TrainingOptions { Minutes = isTiny ? null : minutes, Steps = isTiny ? 2 : null, Ema = new EmaOptions() },
};
using AutoencoderTraining training = new(config);
TrainingResult result = training.Run(progress: new EveryHundredSteps());
Console.WriteLine($"{result.Steps} steps; held out: {string.Join(", ", result.Validation!.Select(entry => $"{entry.Key} {entry.Value:0.0}"))} nats an image");

// Latents from the prior become new faces.
using torch.Generator noise = new(seed: 1);
using torch.Tensor z = torch.randn([rows * columns, latents], generator: noise);
using (torch.no_grad())
using (torch.NewDisposeScope())
{
    torch.Tensor pixels = training.Model.ToPixels(training.Model.Decode(z));
    ImageFile.Write(file, ImageGrid.Draw(Pictures.FromBatch(pixels, training.Model.Pixels), columns));
}
Console.WriteLine($"{rows * columns} new faces in {file}");

internal sealed class EveryHundredSteps : IProgress<TrainingProgress>
{
    public void Report(TrainingProgress value)
    {
        if (value.Step % 100 == 0)
            Console.WriteLine($@"step {value.Step}, loss {value.Values["loss"]:0.0}, {value.ExamplesPerSecond:0} images a second, {value.Remaining:m\:ss} left");
    }
}

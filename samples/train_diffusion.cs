#:project ../src/Imago/Imago.csproj
#:property UsesTorch=true

// Trains a diffusion model on drawn forms, asks it for each kind, and shows how a picture comes out of noise.
//
//   dotnet run samples/train_diffusion.cs [MINUTES]        (default 3; --tiny for two steps on a few forms)
// Last line: 12 forms in forms.png, the way to one of them in way.png

using System.Globalization;
using Imago.Autoencoders;
using Imago.Generation;
using Imago.Images;
using Imago.Training;

bool isTiny = args.Contains("--tiny");
double minutes = args.Length > 0 && !isTiny ? double.Parse(args[0], CultureInfo.InvariantCulture) : 3;
const int size = 32, width = 32;

// The data say what pictures can be asked for by; here the forms have attributes: shape, scale, orientation, position.
RunDataConfig data = new() { Source = "sprites", Size = size, Count = isTiny ? 300 : 20_000, BatchSize = isTiny ? 8 : 128 };
var splits = data.Open();
int patch = DiffusionPresets.PatchOf(size);
ConditionerConfig conditioner = DiffusionPresets.Conditioner("attributes", splits.Train, DiffusionPresets.VectorWidth(width));
DiffusionRunConfig config = new()
{
    Data = data,
    Patch = patch,
    Conditioner = conditioner,
    Network = DiffusionPresets.UNet(new NetworkTask(patch * patch, size / patch, conditioner), width),
    Optimizer = new AdamWConfig { LearningRate = 1e-3 },
    Training = new TrainingOptions { Minutes = isTiny ? null : minutes, Steps = isTiny ? 2 : null, Ema = new EmaOptions(), Precision = DiffusionPresets.BestPrecision },
};
using DiffusionTraining training = DiffusionTraining.Prepare(config, splits);
TrainingResult result = training.Run(progress: new EveryHundredSteps());
Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{result.Steps} steps of {training.Model.ParameterCount:N0} parameters; held-out loss {result.Validation!["loss"]:0.000}"));

// Four seeds of each shape.
Condition Form(string shape) => new() { Attributes = new Dictionary<string, double> { ["shape"] = conditioner.Conditions.OfType<AttributeConditionConfig>().First().Parse("shape", shape) } };
var wishes = new[] { "square", "ellipse", "heart" }.SelectMany(shape => PictureWish.Many(Form(shape), count: 4)).ToList();
var forms = ImageGenerator.Generate(training.Model, new GenerationRequest { Pictures = wishes, Steps = isTiny ? 2 : 20 });
ImageFile.Write("forms.png", ImageGrid.Draw([.. forms.Select(form => form.Image)], columns: 4, new GridOptions { Scale = 2 }));

// One of them, step by step: what the sampler had, and what the model saw in it.
var way = ImageGenerator.Generate(training.Model, new GenerationRequest { Pictures = [wishes[0]], Steps = isTiny ? 4 : 20, Moments = 4 })[0];
ImageFile.Write("way.png", ImageGrid.Draw([[.. way.Moments.Select(moment => moment.Noisy)], [.. way.Moments.Select(moment => moment.Estimate)]], new GridOptions { RowLabels = ["noisy", "estimate"], Scale = 2 }));
Console.WriteLine("12 forms in forms.png, the way to one of them in way.png");

internal sealed class EveryHundredSteps : IProgress<TrainingProgress>
{
    public void Report(TrainingProgress value)
    {
        if (value.Step % 100 == 0) Console.WriteLine($@"step {value.Step}, loss {value.Values["loss"]:0.000}, {value.Remaining:m\:ss} left");
    }
}

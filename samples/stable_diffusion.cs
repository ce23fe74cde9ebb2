#:project ../src/Imago/Imago.csproj
#:property UsesTorch=true
#:property PublishAot=false

// A prompt becomes a picture with Stable Diffusion (1, 2, XL or 3, of whatever folder); then the picture is changed, and a part of it painted anew.
//
//   dotnet run samples/stable_diffusion.cs -- FOLDER ["a lighthouse at dusk"]      (writes drawn.png, changed.png, repainted.png)
//
// Last line: a picture, changed, and painted anew in its middle: drawn.png, changed.png, repainted.png

using Imago;
using Imago.Generation;
using Imago.Generation.Pipelines;
using Imago.Images;

bool tiny = args.Contains("--tiny");                        // a tiny model that the environment names, to see that the program works
string folder = tiny ? Environment.GetEnvironmentVariable("IMAGO_SAMPLE_MODEL")! : args[0];
string prompt = !tiny && args.Length > 1 ? args[1] : "a (lighthouse:1.2) at dusk";
int? steps = tiny ? 3 : null;

using DiffusionModel model = StableDiffusion.Load(folder);
Condition lighthouse = new() { Caption = prompt, Negative = new Condition { Caption = "blurry" } };
Progress<WorkProgress> progress = new(done => Console.WriteLine($"{done.Done} of {done.Total} steps"));

// Text to image, with a coarse preview of what the model sees after every step; Ctrl-C stops between two steps.
using CancellationTokenSource stop = new();
Console.CancelKeyPress += (_, key) => { key.Cancel = true; stop.Cancel(); };
using LatentPreview preview = LatentPreview.Linear(model);
GenerationRequest request = new()
{
    Pictures = [new PictureWish(42, lighthouse)],
    Steps = steps,
    OnStep = step => ImageFile.Write("preview.png", preview.Draw(step.Estimate)[0]),
};
PixelImage drawn = ImageGenerator.Generate(model, request, progress, stop.Token)[0].Image;
ImageFile.Write("drawn.png", drawn);

// Image to image: 60 % of the way back to noise, and down again under other words.
Condition storm = lighthouse with { Caption = prompt + ", a storm" };
PixelImage changed = ImageGenerator.Generate(model, request with { Pictures = [new PictureWish(43, storm)], Start = new StartImage(drawn) { Strength = 0.6 } }, progress, stop.Token)[0].Image;
ImageFile.Write("changed.png", changed);

// Inpainting: the middle is drawn anew, every other pixel stays as it is.
byte[] white = new byte[drawn.Width * drawn.Height];
for (int y = drawn.Height / 4; y < drawn.Height * 3 / 4; y++) white.AsSpan(y * drawn.Width + drawn.Width / 4, drawn.Width / 2).Fill(255);
StartImage around = new(drawn) { Strength = 1, Mask = new PixelImage(drawn.Width, drawn.Height, 1, white) };
PixelImage repainted = ImageGenerator.Generate(model, request with { Pictures = [new PictureWish(44, storm)], Start = around }, progress, stop.Token)[0].Image;
ImageFile.Write("repainted.png", repainted);
Console.WriteLine("a picture, changed, and painted anew in its middle: drawn.png, changed.png, repainted.png");

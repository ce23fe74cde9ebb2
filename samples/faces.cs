#:project ../src/Imago/Imago.csproj
#:property UsesTorch=true

// The embedded data set `faces`: portraits drawn from known factors.
//
//   dotnet run samples/faces.cs [FILE.png]        (default docs/images/faces.png, the picture in the README)
//
// Last line: one face from frown to grin in faces-smile.png

using Imago.Data.Faces;
using Imago.Images;

bool tiny = args.Contains("--tiny");
int columns = 8, rows = 4, size = tiny ? 32 : 120;
string file = tiny ? "faces.png" : args.Length > 0 ? args[0] : "docs/images/faces.png";

// Any seed is a world of faces; the same number is the same face at every size and on every machine.
FaceDataset faces = new(columns * rows, seed: 5, size);
ImageFile.Write(file, ImageGrid.Draw([.. Enumerable.Range(0, faces.Count).Select(i => faces.Get(i).Image)], columns));
Console.WriteLine($"{faces.Count} faces in {file}");

// Each comes with a caption and the factors that it was drawn from...
for (int i = 0; i < 4; i++)
    Console.WriteLine($"{i}: {faces.Get(i).Caption} (smile {faces.Factors(i).Smile:+0.00;-0.00})");

// ...and each factor can be set by itself: one face, from a frown to a grin.
FaceFactors face = faces.Factors(0);
PixelImage[] smiles = [.. Enumerable.Range(-4, 9).Select(k => FacePainter.Paint(face with { Smile = k / 4.0 }, size))];
string smileFile = Path.ChangeExtension(file, null) + "-smile.png";
ImageFile.Write(smileFile, ImageGrid.Draw(smiles, smiles.Length));
Console.WriteLine($"one face from frown to grin in {smileFile}");

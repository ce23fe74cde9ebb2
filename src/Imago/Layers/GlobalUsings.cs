// Everywhere in the library these names mean Imago's own layers, never TorchSharp's, some of which give wrong numbers (see Convolution).
global using Conv2d = Imago.Layers.Conv2d;
global using ConvTranspose2d = Imago.Layers.ConvTranspose2d;
global using Embedding = Imago.Layers.Embedding;
global using GroupNorm = Imago.Layers.GroupNorm;
global using LayerNorm = Imago.Layers.LayerNorm;
global using Linear = Imago.Layers.Linear;

using System.CommandLine;

return new RootCommand("Imago: train, sample and explore generative image models.").Parse(args).Invoke();

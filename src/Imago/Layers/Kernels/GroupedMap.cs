namespace Imago.Layers.Kernels;

/// <summary>What group normalisation works on: a channels-last map and how it is cut.</summary>
/// <param name="Batch">Images, B.</param>
/// <param name="Pixels">Height times width, P.</param>
/// <param name="Channels">C, a multiple of <see cref="ChannelStep"/>.</param>
/// <param name="Groups">Groups of channels, G.</param>
internal readonly record struct GroupedMap(int Batch, int Pixels, int Channels, int Groups)
{
    /// <summary>Channels that are worked on together.</summary>
    internal const int ChannelStep = 2 * Lanes.Count;

    /// <summary>Pixels that are summed in float32 before they are added to the rest in float64. Blocks are the same however many threads share them.</summary>
    private const int BlockPixels = 64;

    /// <summary>Channels of a group.</summary>
    internal int Width => Channels / Groups;

    /// <summary>Blocks of an image.</summary>
    internal int Blocks => (Pixels + BlockPixels - 1) / BlockPixels;

    /// <summary>Index of a block's first number in the map.</summary>
    internal nint Start(int image, int block) => ((nint)image * Pixels + block * BlockPixels) * Channels;

    /// <summary>Pixels of a block.</summary>
    internal int PixelsOf(int block) => Math.Min(BlockPixels, Pixels - block * BlockPixels);

    /// <summary>
    /// Sums over each image's blocks, then work on each block: image by image where there are enough of them for all threads (the second look at an image finds it in the
    /// cache), else block by block.
    /// </summary>
    internal void Run(Action<int, int> sum, Action<int> combine, Action<int, int> apply)
    {
        var (blocks, threads) = (Blocks, TorchSharp.torch.get_num_threads());
        if (Batch % threads == 0 || Batch >= 4 * threads)
        {
            ThreadTeam.Run(Batch, image =>
            {
                for (var block = 0; block < blocks; block++) sum(image, block);
                combine(image);
                for (var block = 0; block < blocks; block++) apply(image, block);
            });
            return;
        }
        ThreadTeam.Run(Batch * blocks, i => sum(i / blocks, i % blocks));
        ThreadTeam.Run(Batch, combine);
        ThreadTeam.Run(Batch * blocks, i => apply(i / blocks, i % blocks));
    }
}

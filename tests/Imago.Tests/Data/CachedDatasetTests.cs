using Imago.Data;
using Imago.Images;

namespace Imago.Tests.Data;

public class CachedDatasetTests
{
    private sealed class Counting : ImageDataset
    {
        internal int Reads;

        public override string Name => "counting";

        public override int Count => 3;

        public override ImageItem Get(int index)
        {
            Interlocked.Increment(ref Reads);
            return new ImageItem { Image = new PixelImage(1, 1, 1, [(byte)index]), Label = index };
        }
    }

    [Fact]
    public void Items_AreReadOnce_AndEqualTheSource()
    {
        var source = new Counting();
        var cached = new CachedDataset(source);
        for (int round = 0; round < 3; round++)
        {
            for (int i = 0; i < 3; i++) Assert.Equal((i, (byte)i), (cached.Get(i).Label!.Value, cached.Get(i).Image.Pixels[0]));
        }
        Assert.Equal(3, source.Reads);
        Assert.Throws<ArgumentOutOfRangeException>(() => cached.Get(3));
    }

    [Fact]
    public void Threads_AreGivenOneAndTheSameItem()
    {
        var cached = new CachedDataset(new Counting());
        var items = new ImageItem[8];
        Parallel.For(0, items.Length, i => items[i] = cached.Get(1));
        Assert.Single(items.Distinct(ReferenceEqualityComparer.Instance));
    }
}
